#pragma once

#include <vector>

#include "base/peer_name.hpp"

namespace weave::datapath {

/// The port through which forwarding asks the mesh for routes; one consistent view of established, symmetric links
/// (protocol/datapath.md §1). Immutable: any thread, any time. Whoever decides about a batch of frames holds one view
/// for all of it.
class RouteLookup {
 public:
  virtual ~RouteLookup() = default;

  /// Neighbour through which frames for `destination` go; kUnknownPeer if there is none (or it is ourself).
  [[nodiscard]] virtual PeerName next_hop(PeerName destination) const = 0;
  /// Neighbours to which a broadcast that started at `source` is passed on by us. Lives as long as the view.
  [[nodiscard]] virtual std::vector<PeerName> const& broadcast_hops(PeerName source) const = 0;
};

} // namespace weave::datapath
