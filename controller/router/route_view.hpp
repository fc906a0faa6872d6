#pragma once

#include <memory>
#include <utility>

#include "datapath/bridge/route_lookup.hpp"
#include "gossip/route_snapshot.hpp"

namespace weave::controller::router {

/// One of the mesh's route snapshots as the packet workers look at it. Immutable, any thread.
class RouteView final : public datapath::RouteLookup {
 public:
  explicit RouteView(std::shared_ptr<gossip::RouteSnapshot const> snapshot) : snapshot_{std::move(snapshot)} {}

  [[nodiscard]] PeerName next_hop(PeerName destination) const override { return snapshot_->next_hop(destination); }
  [[nodiscard]] std::vector<PeerName> const& broadcast_hops(PeerName source) const override {
    return snapshot_->broadcast_hops(source);
  }

 private:
  std::shared_ptr<gossip::RouteSnapshot const> snapshot_;
};

} // namespace weave::controller::router
