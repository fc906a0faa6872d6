#include "datapath/bpf/kernel_mac_table.hpp"

#include <algorithm>
#include <bpf/bpf.h>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <set>

#include "datapath/bpf/kernel_layout.h"
#include "datapath/bridge/mac_table.hpp"

namespace weave::datapath::bpf {

namespace {

::weave_mac key_of(MacAddress mac) {
  ::weave_mac key{};
  std::memcpy(key.address, mac.bytes().data(), sizeof key.address);
  return key;
}

MacAddress mac_of(::weave_mac const& key) {
  std::array<std::uint8_t, 6> bytes{};
  std::memcpy(bytes.data(), key.address, bytes.size());
  return MacAddress{bytes};
}

/// The kernel's CLOCK_MONOTONIC is the steady clock.
TimePoint time_of(std::uint64_t nanoseconds) { return TimePoint{std::chrono::nanoseconds{nanoseconds}}; }

std::optional<ShortId> id_of(::weave_place const& place) {
  if (place.id > kShortIdMax) return std::nullopt;
  return ShortId{static_cast<std::uint16_t>(place.id)};
}

/// Entries come and go meanwhile: the walk may see one twice or miss one, and ends in any case.
template <class Visit>
void walk(int fd, Visit visit) {
  std::vector<::weave_mac> keys(4096);
  std::vector<::weave_place> places(keys.size());
  std::uint32_t position = 0;
  bool first = true;
  for (std::size_t seen = 0; seen < 2 * WEAVE_MACS;) {
    auto count = static_cast<std::uint32_t>(keys.size());
    std::uint32_t next = 0;
    int const failed =
        ::bpf_map_lookup_batch(fd, first ? nullptr : &position, &next, keys.data(), places.data(), &count, nullptr);
    // ENOENT tells the end and may come with entries.
    if (failed != 0 && errno != ENOENT) return;
    for (std::size_t i = 0; i < count; ++i) visit(keys[i], places[i]);
    if (failed != 0 || count == 0) return;
    first = false;
    position = next;
    seen += count;
  }
}

} // namespace

MacChange KernelMacTable::record_local(MacAddress, TimePoint) { return MacChange::refreshed; }

MacChange KernelMacTable::record_remote(MacAddress, PeerName, TimePoint) { return MacChange::refreshed; }

std::optional<PeerName> KernelMacTable::find(MacAddress mac) const {
  auto const key = key_of(mac);
  ::weave_place place{};
  if (::bpf_map_lookup_elem(programs_.fd(Map::macs), &key, &place) != 0) return std::nullopt;
  auto const id = id_of(place);
  return id ? owner(*id) : std::nullopt;
}

std::optional<PeerName> KernelMacTable::owner(ShortId id) const {
  std::lock_guard const guard{mutex_};
  auto const name = owners_[static_cast<std::size_t>(id)];
  if (name.is_unknown()) return std::nullopt;
  return name;
}

std::vector<KernelMacTable::Record> KernelMacTable::records() const {
  std::vector<Record> all;
  walk(programs_.fd(Map::macs), [&](::weave_mac const& key, ::weave_place const& place) {
    if (auto const id = id_of(place)) all.push_back({mac_of(key), *id, time_of(place.last_seen)});
  });
  std::ranges::sort(all, {}, &Record::mac);
  auto const rest = std::ranges::unique(all, {}, &Record::mac);
  all.erase(rest.begin(), rest.end());
  return all;
}

std::vector<MacEntry> KernelMacTable::entries() const {
  std::vector<MacEntry> all;
  for (auto const& record : records()) {
    if (auto const name = owner(record.id)) all.push_back({record.mac, *name, record.last_seen});
  }
  return all;
}

std::map<ShortId, std::vector<MacAddress>> KernelMacTable::by_id() const {
  std::map<ShortId, std::vector<MacAddress>> all;
  for (auto const& record : records()) all[record.id].push_back(record.mac);
  return all;
}

template <class Predicate>
std::size_t KernelMacTable::erase_where(Predicate matches) {
  std::size_t erased = 0;
  for (auto const& record : records()) {
    if (!matches(record)) continue;
    auto const key = key_of(record.mac);
    if (::bpf_map_delete_elem(programs_.fd(Map::macs), &key) == 0) ++erased;
  }
  return erased;
}

std::size_t KernelMacTable::sweep(TimePoint now) {
  return erase_where([now](Record const& record) { return now - record.last_seen > kMacAge; });
}

std::size_t KernelMacTable::forget_peer(PeerName peer) {
  std::bitset<kShortIdMax + 1> ids;
  {
    std::lock_guard const guard{mutex_};
    for (std::size_t id = 0; id < owners_.size(); ++id) {
      if (!peer.is_unknown() && owners_[id] == peer) ids.set(id);
    }
  }
  return forget(ids);
}

std::size_t KernelMacTable::forget(std::bitset<kShortIdMax + 1> const& ids) {
  if (ids.none()) return 0;
  return erase_where([&](Record const& record) { return ids.test(static_cast<std::size_t>(record.id)); });
}

void KernelMacTable::rename(ForwardingState const& state) {
  std::bitset<kShortIdMax + 1> changed;
  auto const own = [&](ShortId id, PeerName name) {
    auto& owner = owners_[static_cast<std::size_t>(id) & kShortIdMax];
    if (owner == name) return;
    if (!owner.is_unknown()) changed.set(static_cast<std::size_t>(id) & kShortIdMax);
    owner = name;
  };
  {
    std::lock_guard const guard{mutex_};
    for (auto const& [id, name] : state.peers) own(id, name);
    own(state.self_id, state.self);
    // Who has another number now would be looked for under the old one until its next frame.
    std::set<PeerName> present{state.self};
    for (auto const& [id, name] : state.peers) present.insert(name);
    for (std::size_t id = 0; id < owners_.size(); ++id) {
      ShortId const number{static_cast<std::uint16_t>(id)};
      if (owners_[id].is_unknown() || number == state.self_id || state.peers.contains(number)) continue;
      if (present.contains(owners_[id])) {
        changed.set(id);
        owners_[id] = {};
      }
    }
  }
  (void)forget(changed);
}

std::size_t KernelMacTable::copy_from(int map_fd) {
  std::size_t copied = 0;
  walk(map_fd, [&](::weave_mac const& key, ::weave_place const& place) {
    if (::bpf_map_update_elem(programs_.fd(Map::macs), &key, &place, BPF_NOEXIST) == 0) ++copied;
  });
  return copied;
}

} // namespace weave::datapath::bpf
