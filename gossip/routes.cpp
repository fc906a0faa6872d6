#include "gossip/routes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>

namespace weave::gossip {
namespace {

constexpr Duration kRecalculationDelay = std::chrono::milliseconds{100};
constexpr auto kNowhere = std::numeric_limits<std::uint32_t>::max();

} // namespace

RouteTable::RouteTable(PeerTable const& peers, LinkRule rule)
    : RouteTable{peers.names(), peers.our_name(), std::move(links_of(peers).of(rule))} {}

std::pair<RouteTable::Pointer, RouteTable::Pointer> RouteTable::both(PeerTable const& peers) {
  auto links = links_of(peers);
  return {Pointer{new RouteTable{peers.names(), peers.our_name(), std::move(links.established)}},
          Pointer{new RouteTable{peers.names(), peers.our_name(), std::move(links.all)}}};
}

RouteTable::RouteTable(std::vector<PeerName> names, PeerName ourself, Neighbours neighbours)
    : names_{std::move(names)}, neighbours_{std::move(neighbours)}, ourself_{*index_of(ourself)} {
  broadcast_ = std::make_unique<BroadcastEntry[]>(names_.size());

  auto const found = search(ourself_, std::nullopt);
  for (Index index = 0; index < names_.size(); ++index) {
    if (!found.reached[index]) continue;
    auto const hop = found.next_hop[index];
    unicast_.emplace_back(names_[index], hop == kNowhere ? kUnknownPeer : names_[hop]);
  }
}

RouteTable::LinksByRule RouteTable::links_of(PeerTable const& peers) {
  auto const names = peers.names();
  LinksByRule links;
  Neighbours stated;
  peers.for_each([&](Peer const& peer) {
    auto& all = links.all.emplace_back();
    auto& established = stated.emplace_back();
    // Both are in the order of names.
    auto at = names.begin();
    for (auto const& [remote, connection] : peer.connections) {
      at = std::lower_bound(at, names.end(), remote);
      if (at == names.end()) break;
      if (*at != remote) continue;
      all.push_back(static_cast<Index>(at - names.begin()));
      if (connection.established) established.push_back(all.back());
    }
  });
  links.established = stated;
  for (Index index = 0; index < names.size(); ++index) {
    std::erase_if(links.established[index], [&](Index to) { return !std::ranges::binary_search(stated[to], index); });
  }
  return links;
}

PeerName RouteTable::next_hop(PeerName destination) const {
  auto const at = std::ranges::lower_bound(unicast_, destination, {}, &std::pair<PeerName, PeerName>::first);
  return at == unicast_.end() || at->first != destination ? kUnknownPeer : at->second;
}

std::vector<PeerName> const& RouteTable::broadcast_hops(PeerName source) const {
  static std::vector<PeerName> const none;
  auto const index = index_of(source);
  if (!index) return none;
  auto& entry = broadcast_[*index];
  std::call_once(entry.once, [&] {
    entry.hops = compute_broadcast(*index);
    entry.is_ready.store(true, std::memory_order_release);
  });
  return entry.hops;
}

std::vector<std::pair<PeerName, std::vector<PeerName>>> RouteTable::broadcast_so_far() const {
  std::vector<std::pair<PeerName, std::vector<PeerName>>> computed;
  for (Index index = 0; index < names_.size(); ++index) {
    if (broadcast_[index].is_ready.load(std::memory_order_acquire)) {
      computed.emplace_back(names_[index], broadcast_[index].hops);
    }
  }
  return computed;
}

std::optional<RouteTable::Index> RouteTable::index_of(PeerName name) const {
  auto const at = std::lower_bound(names_.begin(), names_.end(), name);
  if (at == names_.end() || *at != name) return std::nullopt;
  return static_cast<Index>(at - names_.begin());
}

RouteTable::Search RouteTable::search(Index from, std::optional<Index> stop_at) const {
  Search search{.reached = std::vector<bool>(names_.size()), .next_hop = std::vector<Index>(names_.size(), kNowhere)};
  search.reached[from] = true;
  std::vector<Index> level{from};
  while (!level.empty()) {
    std::vector<Index> next_level;
    for (auto const visited : level) {
      if (visited == stop_at) {
        search.stopped = true;
        return search;
      }
      for (auto const neighbour : neighbours_[visited]) {
        if (search.reached[neighbour]) continue;
        search.reached[neighbour] = true;
        search.next_hop[neighbour] = visited == from ? neighbour : search.next_hop[visited];
        next_level.push_back(neighbour);
      }
    }
    std::sort(next_level.begin(), next_level.end());
    level = std::move(next_level);
  }
  return search;
}

std::vector<PeerName> RouteTable::compute_broadcast(Index source) const {
  auto const found = search(source, ourself_);
  std::vector<PeerName> hops;
  if (!found.stopped) return hops;
  for (auto const neighbour : neighbours_[ourself_]) {
    if (!found.reached[neighbour]) hops.push_back(names_[neighbour]);
  }
  return hops;
}

std::size_t gossip_fan_out(std::size_t peers, std::size_t distinct_next_hops) {
  if (peers == 0) return 0;
  auto const wanted = 2 * std::log2(static_cast<double>(peers));
  return static_cast<std::size_t>(std::min(wanted, static_cast<double>(distinct_next_hops)));
}

Routes::Routes(PeerTable const& peers, Scheduler& scheduler, RandomSource& random)
    : peers_{peers}, scheduler_{scheduler}, random_{random} {
  std::tie(established_, all_) = RouteTable::both(peers_);
}

void Routes::request_recalculation() {
  if (is_pending_) return;
  is_pending_ = true;
  timer_ = scheduler_.after(kRecalculationDelay, [this] { recalculate(); });
}

bool Routes::ensure_current() {
  if (!is_pending_) return false;
  recalculate();
  return true;
}

void Routes::recalculate() {
  is_pending_ = false;
  timer_.reset();
  std::tie(established_, all_) = RouteTable::both(peers_);
  (void)established_->broadcast_hops(peers_.our_name());
  if (on_changed_) on_changed_(established_);
}

std::vector<PeerName> Routes::random_neighbours(PeerName except) {
  std::map<PeerName, std::uint64_t> weights;
  std::size_t const peers = all_->unicast().size();
  for (auto const& [destination, hop] : all_->unicast()) {
    if (!hop.is_unknown() && hop != except) ++weights[hop];
  }
  std::uint64_t total = 0;
  for (auto const& [hop, weight] : weights) total += weight;

  std::vector<PeerName> chosen;
  auto const wanted = gossip_fan_out(peers, weights.size());
  while (chosen.size() < wanted && total > 0) {
    auto draw = random_.below(total);
    auto at = weights.begin();
    while (draw >= at->second) {
      draw -= at->second;
      ++at;
    }
    chosen.push_back(at->first);
    total -= at->second;
    weights.erase(at);
  }
  if (!is_pending_) return chosen;
  for (auto const& [neighbour, connection] : peers_.ourself().connections) {
    if (neighbour != except && all_->next_hop(neighbour) != neighbour) chosen.push_back(neighbour);
  }
  return chosen;
}

} // namespace weave::gossip
