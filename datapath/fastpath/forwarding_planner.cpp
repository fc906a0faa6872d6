#include "datapath/fastpath/forwarding_planner.hpp"

#include <algorithm>
#include <ranges>
#include <utility>

namespace weave::datapath {

/// One state in the making.
class ForwardingPlanner::Draft {
 public:
  explicit Draft(ForwardingPlanner const& planner) : planner_{planner} {
    state_.self = planner.self_;
    state_.self_id = *planner.self_id_;
    state_.settling = planner.settling_;
    add_peers();
    add_neighbours();
    add_next_hops();
    add_floods();
  }

  [[nodiscard]] ForwardingState take() { return std::move(state_); }

 private:
  void add_peers();
  void add_peer(ShortId id, PeerName name);
  void add_neighbours();
  void add_next_hops();
  void add_floods();
  [[nodiscard]] std::vector<ShortId> flood(PeerName source) const;
  [[nodiscard]] bool is_left_out(PeerName name) const;
  [[nodiscard]] std::optional<ShortId> neighbour_id(PeerName name) const;
  /// Lost neighbours that broadcasts of peers with a route still go to.
  [[nodiscard]] bool takes_floods(PeerName lost, RouteLookup const& routes) const;

  ForwardingPlanner const& planner_;
  ForwardingState state_;
  std::map<PeerName, ShortId> ids_;
  std::map<PeerName, RouteLookup const*> flooded_lost_;
};

bool ForwardingPlanner::Draft::is_left_out(PeerName name) const {
  return planner_.settling_ && !planner_.met_.contains(name) && !planner_.is_routed(name);
}

void ForwardingPlanner::Draft::add_peer(ShortId id, PeerName name) {
  if (is_left_out(name) || ids_.contains(name)) return;
  if (state_.peers.emplace(id, name).second) ids_.emplace(name, id);
}

void ForwardingPlanner::Draft::add_peers() {
  state_.peers.emplace(state_.self_id, state_.self);
  ids_.emplace(state_.self, state_.self_id);
  for (auto const& [id, name] : planner_.owners_) add_peer(id, name);
  // What the mesh has forgotten already.
  for (auto const& [name, id] : planner_.last_ids_) {
    if (!planner_.owners_.contains(id) && (planner_.lost_.contains(name) || planner_.is_routed(name))) {
      add_peer(id, name);
    }
  }
}

void ForwardingPlanner::Draft::add_neighbours() {
  for (auto const& [name, link] : planner_.links_) {
    auto const id = ids_.find(name);
    if (id == ids_.end()) continue;
    auto carrier = link.carrier;
    auto endpoints = link.endpoints;
    // A new connection to it proves nothing before the mesh knows of it.
    if (auto const lost = planner_.lost_.find(name); lost != planner_.lost_.end() && lost->second.tunnel) {
      carrier = Carrier::tunnel;
      endpoints = lost->second.tunnel;
    }
    if (carrier == Carrier::tunnel && !endpoints) carrier = Carrier::none;
    state_.neighbours[id->second] = {name, carrier, endpoints.value_or(TunnelEndpoints{})};
  }
}

std::optional<ShortId> ForwardingPlanner::Draft::neighbour_id(PeerName name) const {
  auto const id = ids_.find(name);
  if (id == ids_.end() || !state_.neighbours.contains(id->second)) return std::nullopt;
  return id->second;
}

void ForwardingPlanner::Draft::add_next_hops() {
  if (!planner_.routes_) return;
  for (auto const& [name, id] : ids_) {
    if (name == state_.self) continue;
    auto hop = planner_.routes_->next_hop(name);
    auto const lost = planner_.lost_.find(name);
    if (hop.is_unknown() && lost != planner_.lost_.end()) hop = lost->second.hop;
    if (auto const hop_id = neighbour_id(hop)) state_.next_hops.emplace(id, *hop_id);
  }
}

void ForwardingPlanner::Draft::add_floods() {
  if (!planner_.routes_) return;
  for (auto const& [name, lost] : planner_.lost_) {
    if (lost.hop == name && takes_floods(name, *lost.routes)) flooded_lost_.emplace(name, lost.routes.get());
  }
  for (auto const& [name, id] : ids_) {
    if (auto hops = flood(name); !hops.empty()) state_.floods.emplace(id, std::move(hops));
  }
}

std::vector<ShortId> ForwardingPlanner::Draft::flood(PeerName source) const {
  std::vector<ShortId> ids;
  auto const add = [&](PeerName hop) {
    if (auto const id = neighbour_id(hop)) ids.push_back(*id);
  };
  auto const lost = planner_.lost_.find(source);
  auto const& routes = lost == planner_.lost_.end() ? *planner_.routes_ : *lost->second.routes;
  std::ranges::for_each(routes.broadcast_hops(source), add);
  if (lost == planner_.lost_.end()) {
    for (auto const& [name, last] : flooded_lost_) {
      auto const& hops = last->broadcast_hops(source);
      if (std::ranges::find(hops, name) != hops.end()) add(name);
    }
  }
  std::ranges::sort(ids);
  auto const repeated = std::ranges::unique(ids);
  ids.erase(repeated.begin(), repeated.end());
  return ids;
}

bool ForwardingPlanner::Draft::takes_floods(PeerName lost, RouteLookup const& routes) const {
  // Whatever the source was, the peers that got its broadcasts through `lost` are among those that we reached by it.
  return std::ranges::none_of(planner_.last_ids_ | std::views::keys, [&](PeerName peer) {
    return peer != lost && routes.next_hop(peer) == lost && planner_.is_routed(peer);
  });
}

ForwardingPlanner::ForwardingPlanner(Scheduler& scheduler, PeerName self, Publish publish)
    : scheduler_{scheduler},
      self_{self},
      publish_{std::move(publish)},
      settling_timer_{scheduler.after(kSettling, [this] { settled(); })} {}

void ForwardingPlanner::set_routes(std::shared_ptr<RouteLookup const> routes) {
  auto const before = std::exchange(routes_, std::move(routes));
  std::erase_if(lost_, [this](auto const& entry) { return is_routed(entry.first); });
  if (before) note_lost(before);
  prune();
  request();
}

void ForwardingPlanner::note_lost(std::shared_ptr<RouteLookup const> const& before) {
  for (auto const& [name, id] : last_ids_) {
    if (name == self_ || is_routed(name) || lost_.contains(name)) continue;
    auto const hop = before->next_hop(name);
    if (hop.is_unknown()) continue;
    auto const link = links_.find(name);
    bool const was_tunnel = hop == name && link != links_.end() && link->second.has_tunnel();
    lost_.emplace(name, Lost{.routes = before,
                             .hop = hop,
                             .tunnel = was_tunnel ? link->second.endpoints : std::nullopt,
                             .expiry = scheduler_.after(kGrace, [this, name] { forget(name); })});
  }
}

void ForwardingPlanner::forget(PeerName lost) {
  lost_.erase(lost);
  prune();
  request();
}

bool ForwardingPlanner::is_usable_hop(PeerName hop) const {
  if (auto const lost = lost_.find(hop); lost != lost_.end()) return lost->second.tunnel.has_value();
  auto const link = links_.find(hop);
  return link != links_.end() && is_routed(hop) && (link->second.connected || link->second.has_tunnel());
}

void ForwardingPlanner::prune() {
  std::erase_if(lost_, [this](auto const& entry) { return !is_usable_hop(entry.second.hop); });
  std::erase_if(links_, [this](auto const& entry) {
    auto const& [name, link] = entry;
    bool const still_routed = link.has_tunnel() && routes_ && routes_->next_hop(name) == name;
    return !link.connected && !lost_.contains(name) && !still_routed;
  });
  std::erase_if(last_ids_, [this](auto const& entry) {
    auto const& [name, id] = entry;
    auto const owner = owners_.find(id);
    return !(owner != owners_.end() && owner->second == name) && !lost_.contains(name) && !is_routed(name);
  });
}

bool ForwardingPlanner::is_routed(PeerName peer) const {
  return peer == self_ || (routes_ && !routes_->next_hop(peer).is_unknown());
}

void ForwardingPlanner::set_short_ids(ShortId self, std::map<ShortId, PeerName> owners) {
  self_id_ = self;
  owners_ = std::move(owners);
  owners_.erase(self);
  std::erase_if(owners_, [this](auto const& entry) { return entry.second == self_; });
  for (auto const& [id, name] : owners_) last_ids_[name] = id;
  prune();
  request();
}

void ForwardingPlanner::set_carrier(PeerName neighbour, Carrier carrier) {
  auto& link = links_[neighbour];
  link.connected = true;
  link.carrier = carrier;
  publish_now();
}

void ForwardingPlanner::set_endpoints(PeerName neighbour, TunnelEndpoints const& endpoints) {
  auto& link = links_[neighbour];
  link.connected = true;
  link.endpoints = endpoints;
  if (auto const lost = lost_.find(neighbour); lost != lost_.end() && lost->second.tunnel) {
    lost->second.tunnel = endpoints;
  }
  publish_now();
}

void ForwardingPlanner::remove_neighbour(PeerName neighbour) {
  auto const found = links_.find(neighbour);
  if (found == links_.end()) return;
  auto& link = found->second;
  link.connected = false;
  if (!link.has_tunnel()) link.carrier = Carrier::none;
  prune();
  request();
}

void ForwardingPlanner::settled() {
  if (!std::exchange(settling_, false)) return;
  settling_timer_.reset();
  met_.clear();
  request();
}

void ForwardingPlanner::request() {
  if (std::exchange(requested_, true)) return;
  scheduler_.post([this, alive = std::weak_ptr{alive_}] {
    if (alive.expired()) return;
    requested_ = false;
    publish_now();
  });
}

void ForwardingPlanner::publish_now() {
  if (!self_id_) return;
  auto state = Draft{*this}.take();
  if (settling_) {
    if (!current_ && state.next_hops.empty()) return;
    for (auto const& [id, name] : state.peers) met_.insert(name);
  }
  if (current_ && *current_ == state) return;
  current_ = std::make_shared<ForwardingState const>(std::move(state));
  publish_(current_);
}

} // namespace weave::datapath
