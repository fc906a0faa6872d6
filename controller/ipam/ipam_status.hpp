#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/peer_name.hpp"
#include "base/scheduler.hpp"

namespace weave::controller::ipam {

/// The latest contradiction between our ring and somebody else's. Kept because the connection is not dropped for it.
struct Conflict {
  std::string text;
  PeerName from;
  TimePoint at{};
  TimePoint shown_until{};
};

/// Only while an election is running.
struct ElectionStatus {
  bool elector = true;
  std::uint32_t known_nodes = 0;
  std::uint32_t quorum = 0;
};

/// A piece of the ring; a wrapping one gives two.
struct RingEntryStatus {
  Ipv4Address token;
  std::uint32_t size = 0;
  PeerName peer;
  std::string nickname;
  bool is_known_peer = false;
  std::uint32_t version = 0;
};

/// What `weave status`, `weave status ipam`, `/report` and `/metrics` tell about addresses (protocol/surfaces.md §5.1,
/// §5.6, §7, §8). A snapshot without references.
struct IpamStatus {
  std::optional<ElectionStatus> election;
  Ipv4Cidr universe;
  Ipv4Cidr default_subnet;
  std::uint32_t active_addresses = 0; ///< in use here, inside our own ranges
  std::uint32_t free_addresses = 0;   ///< ours and free
  std::vector<RingEntryStatus> entries;
  std::vector<std::pair<std::string, Ipv4Cidr>> pending_claims;
  std::vector<std::pair<std::string, Ipv4Cidr>> pending_allocates;
  /// An address in use here that belongs to another peer; else `<text> (from <peer>)` of the last conflict while it is
  /// recent, else empty.
  std::string conflict;
};

} // namespace weave::controller::ipam
