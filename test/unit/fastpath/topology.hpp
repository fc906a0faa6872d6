#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "datapath/bridge/route_lookup.hpp"

namespace weave::test {

/// Links between peers that both ends state as established.
class Topology {
 public:
  void add(PeerName a, PeerName b) {
    links_[a].insert(b);
    links_[b].insert(a);
  }
  void cut(PeerName a, PeerName b) {
    links_[a].erase(b);
    links_[b].erase(a);
  }
  /// Cuts all links of this peer.
  void isolate(PeerName peer) {
    auto const neighbours = links_[peer];
    for (auto const neighbour : neighbours) cut(peer, neighbour);
  }
  [[nodiscard]] std::set<PeerName> const& neighbours(PeerName peer) const {
    static std::set<PeerName> const none;
    auto const found = links_.find(peer);
    return found == links_.end() ? none : found->second;
  }
  /// Peers with a path from `from`, itself included.
  [[nodiscard]] std::set<PeerName> reachable(PeerName from) const {
    std::set<PeerName> reached{from};
    for (std::vector<PeerName> todo{from}; !todo.empty();) {
      auto const at = todo.back();
      todo.pop_back();
      for (auto const next : neighbours(at)) {
        if (reached.insert(next).second) todo.push_back(next);
      }
    }
    return reached;
  }
  /// Peers that were added with a link, even if it has been cut since.
  [[nodiscard]] std::vector<PeerName> peers() const {
    std::vector<PeerName> names;
    for (auto const& [name, neighbours] : links_) names.push_back(name);
    return names;
  }

 private:
  std::map<PeerName, std::set<PeerName>> links_;
};

/// Routes of one peer by the rules of the mesh (protocol/mesh.md §11): breadth first, ascending by name.
class TopologyRoutes final : public datapath::RouteLookup {
 public:
  TopologyRoutes(Topology topology, PeerName self) : topology_{std::move(topology)}, self_{self} {
    walk(self_, [this](PeerName at, PeerName next) { hops_[next] = at == self_ ? next : hops_.at(at); });
    for (auto const source : topology_.peers()) floods_[source] = flood(source);
  }

  [[nodiscard]] PeerName next_hop(PeerName destination) const override {
    auto const found = hops_.find(destination);
    return found == hops_.end() ? kUnknownPeer : found->second;
  }
  [[nodiscard]] std::vector<PeerName> const& broadcast_hops(PeerName source) const override {
    static std::vector<PeerName> const none;
    auto const found = floods_.find(source);
    return found == floods_.end() ? none : found->second;
  }

 private:
  template <class Reach>
  void walk(PeerName from, Reach reach) const {
    std::set<PeerName> reached{from};
    for (std::set<PeerName> level{from}; !level.empty();) {
      std::set<PeerName> next_level;
      for (auto const at : level) {
        for (auto const next : topology_.neighbours(at)) {
          if (!reached.insert(next).second) continue;
          next_level.insert(next);
          reach(at, next);
        }
      }
      level = std::move(next_level);
    }
  }
  [[nodiscard]] std::vector<PeerName> flood(PeerName source) const {
    std::vector<PeerName> hops;
    walk(source, [&](PeerName at, PeerName next) {
      if (at == self_) hops.push_back(next);
    });
    std::ranges::sort(hops);
    return hops;
  }

  Topology topology_;
  PeerName self_;
  std::map<PeerName, PeerName> hops_;
  std::map<PeerName, std::vector<PeerName>> floods_;
};

} // namespace weave::test
