#pragma once

#include <vector>

#include "base/peer_name.hpp"

namespace weave::gossip {

/// An immutable view of the strict tables (established, symmetric links only; protocol/mesh.md §11) for packet workers.
/// Shared between threads as shared_ptr<RouteSnapshot const>; every method may be called on any thread at any time.
class RouteSnapshot {
 public:
  virtual ~RouteSnapshot() = default;

  /// Neighbour through which frames for `destination` go; kUnknownPeer if there is none (or it is ourself).
  [[nodiscard]] virtual PeerName next_hop(PeerName destination) const = 0;
  /// Neighbours to which a broadcast that started at `source` is passed on by us. Computed on first use and kept; the
  /// reference lives as long as the snapshot.
  [[nodiscard]] virtual std::vector<PeerName> const& broadcast_hops(PeerName source) const = 0;
};

} // namespace weave::gossip
