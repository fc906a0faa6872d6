#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/peer_name.hpp"
#include "base/result.hpp"
#include "gossip/overlay.hpp"

namespace weave::gossip {

/// What one end of a connection says about itself in the introduction (protocol/mesh.md §3.4).
struct Identity {
  PeerName name;
  std::string nickname;
  PeerUid uid{};
  /// Drawn anew for each connection; both ends' ids XORed are the ConnectionUid.
  std::uint64_t connection_id = 0;
  /// Absent in peers that know no short ids.
  std::optional<ShortId> short_id;
  /// The sender considers the other end to be on one of its trusted subnets.
  bool trusted = false;

  friend bool operator==(Identity const&, Identity const&) = default;
};

/// Everything but `Overlays`, which Overlay::add_features adds.
[[nodiscard]] Features make_features(Identity const& identity);
/// Unknown keys are ignored. Error texts as in mesh.md §3.4.
[[nodiscard]] Result<Identity> parse_features(Features const& features);

/// The complete gob stream of the introduction's first message.
[[nodiscard]] Bytes encode_features(Features const& features);
[[nodiscard]] Result<Features> decode_features(ByteView stream);

[[nodiscard]] constexpr ConnectionUid connection_uid(std::uint64_t ours, std::uint64_t theirs) {
  return ConnectionUid{ours ^ theirs};
}

} // namespace weave::gossip
