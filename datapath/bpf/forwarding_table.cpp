#include "datapath/bpf/forwarding_table.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "datapath/bpf/kernel_layout.h"

namespace weave::datapath::bpf {

namespace {

NeighbourEntry entry_of(Neighbour const& neighbour, DeviceOfPort const& device_of) {
  auto const& ends = neighbour.endpoints;
  NeighbourEntry entry{.remote = ends.remote.value(), .local = ends.local.value(), .carrier = neighbour.carrier};
  if (ends.udp_port != 0) entry.ifindex = device_of(ends.udp_port);
  bool const sends = entry.ifindex != 0 && entry.remote != 0;
  if (entry.carrier == Carrier::tunnel && !sends) entry.carrier = Carrier::none;
  // Only a tunnel has ends; without this a change that means nothing would be a write.
  if (entry.carrier != Carrier::tunnel) return {.carrier = entry.carrier};
  return entry;
}

void merge(std::vector<ShortId>& list, std::vector<ShortId> const& more, auto const& take) {
  std::ranges::copy_if(more, std::back_inserter(list), take);
  std::ranges::sort(list);
  auto const rest = std::ranges::unique(list);
  list.erase(rest.begin(), rest.end());
}

} // namespace

ForwardingEntries wanted_entries(ForwardingState const& state, DeviceOfPort const& device_of) {
  ForwardingEntries entries;
  for (auto const& [id, name] : state.peers) entries.routes[id].known = true;
  for (auto const& [id, neighbour] : state.neighbours) entries.neighbours[id] = entry_of(neighbour, device_of);
  for (auto const& [id, hop] : state.next_hops) {
    if (id != state.self_id) entries.routes[id].hop = hop;
  }
  for (auto const& [source, hops] : state.floods) {
    if (!hops.empty()) entries.floods[source] = hops;
  }
  return entries;
}

void keep_unmet(ForwardingEntries& wanted, ForwardingEntries const& installed, ForwardingState const& state) {
  auto const unmet = [&](ShortId id) { return id != state.self_id && !state.next_hops.contains(id); };
  for (auto const& [id, entry] : installed.routes) {
    if (!unmet(id)) continue;
    auto& kept = wanted.routes[id];
    kept.known = kept.known || entry.known;
    kept.hop = entry.hop;
  }
  for (auto const& [id, entry] : installed.neighbours) {
    auto const found = wanted.neighbours.find(id);
    bool const trying = found != wanted.neighbours.end() && found->second.carrier == Carrier::none;
    if (found == wanted.neighbours.end() || (trying && unmet(id))) wanted.neighbours[id] = entry;
  }
  for (auto const& [source, hops] : installed.floods) {
    bool const strange = source != state.self_id && !state.peers.contains(source);
    if (strange) {
      wanted.floods[source] = hops;
    } else {
      merge(wanted.floods[source], hops, unmet);
      if (wanted.floods[source].empty()) wanted.floods.erase(source);
    }
  }
}

/// The first failure of many writes.
class ForwardingTable::Outcome {
 public:
  /// Whether it succeeded.
  bool add(Result<void> const& result) {
    if (!result && first_) first_ = result;
    return result.has_value();
  }
  [[nodiscard]] Result<void> const& first() const { return first_; }

 private:
  Result<void> first_;
};

ForwardingTable::ForwardingTable(ForwardingMaps& maps, InstalledTable installed)
    : maps_{maps}, installed_{std::move(installed.entries)}, chains_{std::move(installed.chains)} {
  std::set<std::uint16_t> used;
  for (auto const& [source, chain] : chains_) used.insert(chain.begin(), chain.end());
  for (std::uint16_t element = 1; element < WEAVE_LIST_ELEMENTS; ++element) {
    if (!used.contains(element)) free_.push_back(element);
  }
}

Result<void> ForwardingTable::bring_to(ForwardingEntries const& wanted) {
  Outcome outcome;
  write_neighbours(wanted, outcome);
  write_routes(wanted, outcome);
  write_floods(wanted, outcome);
  clear_neighbours(wanted, outcome);
  return outcome.first();
}

void ForwardingTable::write_neighbours(ForwardingEntries const& wanted, Outcome& outcome) {
  for (auto const& [id, entry] : wanted.neighbours) {
    auto const found = installed_.neighbours.find(id);
    if (found != installed_.neighbours.end() && found->second == entry) continue;
    if (outcome.add(maps_.write_neighbour(id, entry))) installed_.neighbours[id] = entry;
  }
}

void ForwardingTable::write_routes(ForwardingEntries const& wanted, Outcome& outcome) {
  for (auto const& [id, entry] : wanted.routes) {
    auto const found = installed_.routes.find(id);
    if (found != installed_.routes.end() && found->second == entry) continue;
    if (outcome.add(maps_.write_route(id, entry))) installed_.routes[id] = entry;
  }
  std::erase_if(installed_.routes, [&](auto const& item) {
    return !wanted.routes.contains(item.first) && outcome.add(maps_.write_route(item.first, {}));
  });
}

void ForwardingTable::write_floods(ForwardingEntries const& wanted, Outcome& outcome) {
  for (auto const& [source, ids] : wanted.floods) {
    auto const found = installed_.floods.find(source);
    if (found != installed_.floods.end() && found->second == ids) continue;
    if (outcome.add(replace_list(source, ids))) installed_.floods[source] = ids;
  }
  std::erase_if(installed_.floods, [&](auto const& item) {
    if (wanted.floods.contains(item.first) || !outcome.add(maps_.write_head(item.first, 0))) return false;
    release(chains_[item.first]);
    chains_.erase(item.first);
    return true;
  });
}

void ForwardingTable::clear_neighbours(ForwardingEntries const& wanted, Outcome& outcome) {
  std::erase_if(installed_.neighbours, [&](auto const& item) {
    return !wanted.neighbours.contains(item.first) && outcome.add(maps_.write_neighbour(item.first, {}));
  });
}

Result<void> ForwardingTable::replace_list(ShortId source, std::vector<ShortId> const& ids) {
  auto chain = write_chain(ids);
  if (!chain) return failure_of(chain);
  if (auto written = maps_.write_head(source, chain->front()); !written) {
    release(*chain);
    return written;
  }
  auto& current = chains_[source];
  release(current);
  current = std::move(*chain);
  return {};
}

Result<std::vector<std::uint16_t>> ForwardingTable::write_chain(std::vector<ShortId> const& ids) {
  auto const count = (ids.size() + WEAVE_LIST_IDS - 1) / WEAVE_LIST_IDS;
  if (count > WEAVE_LIST_CHAIN || count > free_.size()) {
    return failure(ErrorKind::out_of_range, fmt::format("no room for a flood list of {} neighbours", ids.size()));
  }
  std::vector<std::uint16_t> const chain{free_.begin(), free_.begin() + static_cast<std::ptrdiff_t>(count)};
  for (std::size_t i = count; i-- > 0;) {
    auto const begin = ids.begin() + static_cast<std::ptrdiff_t>(i * WEAVE_LIST_IDS);
    auto const size = std::min<std::size_t>(WEAVE_LIST_IDS, ids.size() - i * WEAVE_LIST_IDS);
    ListElement element{.next = i + 1 < count ? chain[i + 1] : std::uint16_t{0},
                        .ids = {begin, begin + static_cast<std::ptrdiff_t>(size)}};
    if (auto const written = maps_.write_list(chain[i], element); !written) return failure_of(written);
  }
  free_.erase(free_.begin(), free_.begin() + static_cast<std::ptrdiff_t>(count));
  return chain;
}

void ForwardingTable::release(std::vector<std::uint16_t> const& elements) {
  free_.insert(free_.end(), elements.begin(), elements.end());
}

} // namespace weave::datapath::bpf
