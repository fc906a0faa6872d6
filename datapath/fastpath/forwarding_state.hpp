#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/address.hpp"
#include "base/peer_name.hpp"

namespace weave::datapath {

/// What takes frames to a neighbour.
enum class Carrier : std::uint8_t {
  none,   ///< nothing works: drop
  tunnel, ///< kernel VXLAN
  user    ///< the user port, that is sleeve
};

/// Both ends of a VXLAN tunnel to a neighbour. The UDP port is that of both ends (protocol/datapath.md §5.1).
struct TunnelEndpoints {
  Ipv4Address local;
  Ipv4Address remote;
  std::uint16_t udp_port = 0;

  friend auto operator<=>(TunnelEndpoints const&, TunnelEndpoints const&) = default;
};

/// A peer that we have a connection to, or had a moment ago.
struct Neighbour {
  PeerName name;
  Carrier carrier = Carrier::none;
  /// Meaningless (zero) unless the carrier is a tunnel or a tunnel is being tried.
  TunnelEndpoints endpoints;

  friend bool operator==(Neighbour const&, Neighbour const&) = default;
};

/// Everything that a kernel fast path has to know to forward frames between any two peers, computed from topology,
/// short ids and the choice of tunnels (protocol/datapath.md §1, §5). A value: a fast path compares it with what it
/// has installed and changes the difference only.
struct ForwardingState {
  PeerName self;
  ShortId self_id{};
  /// Who owns each short id, ourself included.
  std::map<ShortId, PeerName> peers;
  std::map<ShortId, Neighbour> neighbours;
  /// Destination to the neighbour that frames for it are passed to. Absent: no route.
  std::map<ShortId, ShortId> next_hops;
  /// Source of a broadcast to the neighbours that we pass it on to, ascending; ours under `self_id`. Absent: to none.
  std::map<ShortId, std::vector<ShortId>> floods;
  /// The mesh has not come together yet after a start: what an earlier process left for peers that are not in `peers`
  /// stays as it is, so that its traffic goes on.
  bool settling = false;

  friend bool operator==(ForwardingState const&, ForwardingState const&) = default;
};

} // namespace weave::datapath
