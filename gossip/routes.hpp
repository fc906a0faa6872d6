#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/peer_name.hpp"
#include "base/random.hpp"
#include "base/scheduler.hpp"
#include "gossip/peer_table.hpp"
#include "gossip/route_snapshot.hpp"

namespace weave::gossip {

/// Which links count (protocol/mesh.md §11): for data only those that both ends state as established, for gossip every
/// stated link in its direction.
enum class LinkRule { established_and_symmetric, all };

/// Routes from one peer's point of view over a frozen copy of the topology. Immutable apart from the broadcast cache,
/// which fills on demand and is safe from any thread. Order is by peer name throughout: the broadcast trees of all
/// peers fit together only because everybody sorts alike (mesh.md §11.2).
class RouteTable final : public RouteSnapshot {
 public:
  using Pointer = std::shared_ptr<RouteTable const>;

  RouteTable(PeerTable const& peers, LinkRule rule);
  /// For data and for gossip, with one look at what all peers state: that is what takes time in a large mesh.
  [[nodiscard]] static std::pair<Pointer, Pointer> both(PeerTable const& peers);

  [[nodiscard]] PeerName next_hop(PeerName destination) const override;
  [[nodiscard]] std::vector<PeerName> const& broadcast_hops(PeerName source) const override;

  /// Destination and next hop for every peer within reach, ascending; ourself has kUnknownPeer.
  [[nodiscard]] std::vector<std::pair<PeerName, PeerName>> const& unicast() const { return unicast_; }
  /// The broadcast entries computed so far, for status.
  [[nodiscard]] std::vector<std::pair<PeerName, std::vector<PeerName>>> broadcast_so_far() const;

 private:
  /// A peer's position in names_.
  using Index = std::uint32_t;
  using Neighbours = std::vector<std::vector<Index>>;
  struct LinksByRule {
    Neighbours established;
    Neighbours all;

    [[nodiscard]] Neighbours& of(LinkRule rule) { return rule == LinkRule::all ? all : established; }
  };
  struct Search {
    std::vector<bool> reached;
    std::vector<Index> next_hop;
    bool stopped = false;
  };
  struct BroadcastEntry {
    std::once_flag once;
    std::vector<PeerName> hops;
    std::atomic<bool> is_ready = false;
  };

  RouteTable(std::vector<PeerName> names, PeerName ourself, Neighbours neighbours);
  [[nodiscard]] static LinksByRule links_of(PeerTable const& peers);
  [[nodiscard]] std::optional<Index> index_of(PeerName name) const;
  /// Breadth-first from `from`; stops when `stop_at` is about to be visited.
  [[nodiscard]] Search search(Index from, std::optional<Index> stop_at) const;
  [[nodiscard]] std::vector<PeerName> compute_broadcast(Index source) const;

  std::vector<PeerName> names_;
  Neighbours neighbours_;
  Index ourself_ = 0;
  std::vector<std::pair<PeerName, PeerName>> unicast_;
  std::unique_ptr<BroadcastEntry[]> broadcast_;
};

/// How many of `distinct_next_hops` neighbours a gossip goes to when `peers` (ourself included) are in the unicast
/// table (mesh.md §11.4).
[[nodiscard]] std::size_t gossip_fan_out(std::size_t peers, std::size_t distinct_next_hops);

/// The current routes of this peer. Recalculation is deferred by 100 ms and coalesced; ensure_current does a pending
/// one at once. Before the first recalculation the tables know only ourself. Control thread only.
class Routes {
 public:
  Routes(PeerTable const& peers, Scheduler& scheduler, RandomSource& random);

  /// Called after each recalculation with the tables for data.
  void on_changed(std::function<void(std::shared_ptr<RouteSnapshot const>)> listener) {
    on_changed_ = std::move(listener);
  }

  void request_recalculation();
  /// False if they were current already.
  bool ensure_current();

  [[nodiscard]] std::shared_ptr<RouteTable const> const& established() const { return established_; }
  [[nodiscard]] RouteTable const& all() const { return *all_; }
  /// A random subset of our neighbours, weighted by how many peers are behind each. Neighbours that a pending
  /// recalculation will add are all in it, so that news reach them without forcing one for each message relayed.
  [[nodiscard]] std::vector<PeerName> random_neighbours(PeerName except);

 private:
  void recalculate();

  PeerTable const& peers_;
  Scheduler& scheduler_;
  RandomSource& random_;
  std::function<void(std::shared_ptr<RouteSnapshot const>)> on_changed_;
  std::shared_ptr<RouteTable const> established_;
  std::shared_ptr<RouteTable const> all_;
  bool is_pending_ = false;
  Timer timer_;
};

} // namespace weave::gossip
