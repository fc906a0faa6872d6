#include "datapath/bridge/mac_table.hpp"

#include <algorithm>

namespace weave::datapath {

MacChange MacTable::record_local(MacAddress mac, TimePoint now) { return record(mac, self_, now); }

MacChange MacTable::record_remote(MacAddress mac, PeerName peer, TimePoint now) { return record(mac, peer, now); }

MacChange MacTable::record(MacAddress mac, PeerName peer, TimePoint now) {
  auto const change = enter(mac, peer, now);
  if (on_change_ && (change == MacChange::added || change == MacChange::moved)) on_change_(mac, peer, change);
  return change;
}

MacChange MacTable::enter(MacAddress mac, PeerName peer, TimePoint now) {
  auto& shard = this->shard(mac);
  std::lock_guard const guard{shard.mutex};
  auto const found = shard.places.find(mac);
  if (found == shard.places.end()) {
    if (shard.places.size() >= kCapacity / kShards) {
      overflows_.fetch_add(1, std::memory_order_relaxed);
      return MacChange::full;
    }
    shard.places.emplace(mac, Place{peer, now});
    return MacChange::added;
  }
  auto& place = found->second;
  if (place.peer == peer) {
    if (now - place.last_seen > kMacRefresh) place.last_seen = now;
    return MacChange::refreshed;
  }
  if (peer == self_ && now - place.last_seen < hold_down_) return MacChange::held_down;
  place = Place{peer, now};
  moves_.fetch_add(1, std::memory_order_relaxed);
  return MacChange::moved;
}

std::optional<PeerName> MacTable::find(MacAddress mac) const {
  auto const& shard = this->shard(mac);
  std::lock_guard const guard{shard.mutex};
  auto const found = shard.places.find(mac);
  if (found == shard.places.end()) return std::nullopt;
  return found->second.peer;
}

template <class Predicate>
std::size_t MacTable::erase_where(Predicate matches) {
  std::size_t erased = 0;
  for (auto& shard : shards_) {
    std::lock_guard const guard{shard.mutex};
    erased += std::erase_if(shard.places, [&](auto const& item) { return matches(item.second); });
  }
  return erased;
}

std::size_t MacTable::sweep(TimePoint now) {
  return erase_where([now](Place const& place) { return now - place.last_seen > kMacAge; });
}

std::size_t MacTable::forget_peer(PeerName peer) {
  return erase_where([peer](Place const& place) { return place.peer == peer; });
}

std::vector<MacEntry> MacTable::entries() const {
  std::vector<MacEntry> all;
  for (auto const& shard : shards_) {
    std::lock_guard const guard{shard.mutex};
    for (auto const& [mac, place] : shard.places) all.push_back({mac, place.peer, place.last_seen});
  }
  std::ranges::sort(all, {}, &MacEntry::mac);
  return all;
}

} // namespace weave::datapath
