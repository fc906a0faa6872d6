#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "base/bytes.hpp"
#include "base/peer_name.hpp"
#include "base/result.hpp"
#include "controller/ipam/paxos.hpp"
#include "controller/ipam/ring.hpp"

namespace weave::controller::ipam {

using Nicknames = std::map<PeerName, std::string>;

/// What peers tell one another on the channel `IPallocation`: always everything (protocol/ipam-dns.md §7.1).
struct GossipState {
  /// Unix time of the sender; receivers ignore it.
  std::int64_t now = 0;
  Nicknames nicknames;
  /// Absent for observers and once a ring exists; present, possibly empty, for electors. The difference matters.
  std::optional<PaxosState> paxos;
  std::optional<RingState> ring;

  friend bool operator==(GossipState const&, GossipState const&) = default;
};

[[nodiscard]] Bytes encode_gossip_state(GossipState const& state);
/// The result is well-formed, not checked for sense: the ring may break every rule.
[[nodiscard]] Result<GossipState> decode_gossip_state(ByteView payload);
/// A ring by itself, as the original stores it (§9.1). Not checked for sense either.
[[nodiscard]] Result<RingState> decode_ring(ByteView stream);

/// Unicast payloads: a tag byte, then gob (§7.2).
struct SpaceRequest {
  Ipv4Range range;
};
struct RingUpdate {
  GossipState state;
};
struct SpaceDenied {
  Ipv4Range range;
};
/// A tag that this version does not know; to be ignored.
struct UnknownUnicast {
  std::uint8_t tag = 0;
};
using UnicastMessage = std::variant<SpaceRequest, RingUpdate, SpaceDenied, UnknownUnicast>;

[[nodiscard]] Bytes encode_unicast(SpaceRequest const& message);
[[nodiscard]] Bytes encode_unicast(RingUpdate const& message);
[[nodiscard]] Bytes encode_unicast(SpaceDenied const& message);
/// An empty payload is malformed.
[[nodiscard]] Result<UnicastMessage> decode_unicast(ByteView payload);

} // namespace weave::controller::ipam
