#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/peer_name.hpp"
#include "base/result.hpp"

namespace weave::gossip {

/// First octet of a message (protocol/mesh.md §5.2). 1..3 are overlay control of connections without the `Overlays`
/// feature, 7 of all others.
enum class MessageTag : std::uint8_t {
  heartbeat = 0,
  legacy_established = 1,
  legacy_fragment_received = 2,
  legacy_path_mtu_verified = 3,
  gossip = 4,
  unicast = 5,
  broadcast = 6,
  overlay_control = 7
};

/// A message of tag 4, 5 or 6, decoded without its channel's payload (mesh.md §8.2).
struct GossipMessage {
  std::string channel;
  /// Tag 4: the neighbour that sends it; 5 and 6: the originator.
  PeerName source;
  /// Tag 5 only, else unknown.
  PeerName destination;
  /// A view into the message. A relayed unicast is passed on without looking at it, so an error here matters only when
  /// the message is for us.
  Result<ByteView> payload;
};

/// What follows the tag. A wrong tag is an error like any other malformed message.
[[nodiscard]] Result<GossipMessage> decode_gossip_message(std::uint8_t tag, ByteView body);

/// Bodies of tags 4 and 6, and of tag 5.
[[nodiscard]] Bytes encode_gossip_body(std::string_view channel, PeerName source, ByteView payload);
[[nodiscard]] Bytes encode_unicast_body(std::string_view channel, PeerName source, PeerName destination,
                                        ByteView payload);

} // namespace weave::gossip
