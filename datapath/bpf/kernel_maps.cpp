#include "datapath/bpf/kernel_maps.hpp"

#include <algorithm>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cerrno>

#include <fmt/format.h>

namespace weave::datapath::bpf {

namespace {

std::uint32_t index_of(ShortId id) { return static_cast<std::uint32_t>(id) & WEAVE_ID_MASK; }

std::uint32_t encode_route(RouteEntry const& entry) {
  std::uint32_t value = entry.known ? WEAVE_ROUTE_KNOWN : 0;
  if (entry.hop) value |= WEAVE_ROUTE_HOP | index_of(*entry.hop);
  return value;
}

RouteEntry decode_route(std::uint32_t value) {
  RouteEntry entry{.known = (value & WEAVE_ROUTE_KNOWN) != 0};
  if ((value & WEAVE_ROUTE_HOP) != 0) entry.hop = ShortId{static_cast<std::uint16_t>(value & WEAVE_ID_MASK)};
  return entry;
}

std::uint32_t encode_carrier(Carrier carrier) {
  switch (carrier) {
    case Carrier::none: return WEAVE_CARRIER_NONE;
    case Carrier::tunnel: return WEAVE_CARRIER_TUNNEL;
    case Carrier::user: return WEAVE_CARRIER_USER;
  }
  return WEAVE_CARRIER_NONE;
}

Carrier decode_carrier(std::uint32_t carrier) {
  if (carrier == WEAVE_CARRIER_TUNNEL) return Carrier::tunnel;
  return carrier == WEAVE_CARRIER_USER ? Carrier::user : Carrier::none;
}

NeighbourEntry decode_neighbour(::weave_neighbour const& value) {
  return {
      .remote = value.remote, .local = value.local, .ifindex = value.ifindex, .carrier = decode_carrier(value.carrier)};
}

std::size_t processors() { return static_cast<std::size_t>(std::max(::libbpf_num_possible_cpus(), 1)); }

} // namespace

template <class Value>
Result<void> KernelMaps::write(Map map, std::uint32_t index, Value const& value) {
  if (::bpf_map_update_elem(programs_.fd(map), &index, &value, BPF_ANY) != 0) {
    return std::unexpected(system_error("write BPF map", errno));
  }
  ++writes_;
  return {};
}

template <class Value>
Result<Value> KernelMaps::read(Map map, std::uint32_t index) const {
  Value value{};
  if (::bpf_map_lookup_elem(programs_.fd(map), &index, &value) != 0) {
    return std::unexpected(system_error("read BPF map", errno));
  }
  return value;
}

template <class Value>
Result<std::vector<Value>> KernelMaps::read_all(Map map) const {
  std::vector<Value> values(WEAVE_IDS);
  std::vector<std::uint32_t> keys(WEAVE_IDS);
  std::uint32_t next = 0;
  auto count = static_cast<std::uint32_t>(values.size());
  int const failed =
      ::bpf_map_lookup_batch(programs_.fd(map), nullptr, &next, keys.data(), values.data(), &count, nullptr);
  // The end of the map is no failure.
  if ((failed != 0 && errno != ENOENT) || count != values.size()) {
    return std::unexpected(system_error("read BPF map", failed != 0 ? errno : EIO));
  }
  return values;
}

template <class Value>
Result<std::vector<Value>> KernelMaps::read_processors(Map map, std::uint32_t index) const {
  static_assert(sizeof(Value) % 8 == 0, "the kernel pads each processor's value to 8 bytes");
  std::vector<Value> values(processors());
  if (::bpf_map_lookup_elem(programs_.fd(map), &index, values.data()) != 0) {
    return std::unexpected(system_error("read BPF map", errno));
  }
  return values;
}

Result<::weave_conf> KernelMaps::configuration() const { return read<::weave_conf>(Map::conf, 0); }

Result<void> KernelMaps::write_configuration(::weave_conf const& conf) { return write(Map::conf, 0, conf); }

Result<void> KernelMaps::write_route(ShortId id, RouteEntry const& entry) {
  return write(Map::routes, index_of(id), encode_route(entry));
}

Result<void> KernelMaps::write_neighbour(ShortId id, NeighbourEntry const& entry) {
  ::weave_neighbour const value{
      .remote = entry.remote, .local = entry.local, .ifindex = entry.ifindex, .carrier = encode_carrier(entry.carrier)};
  return write(Map::neighbours, index_of(id), value);
}

Result<void> KernelMaps::write_head(ShortId source, std::uint16_t element) {
  return write(Map::heads, index_of(source), std::uint32_t{element});
}

Result<void> KernelMaps::write_list(std::uint16_t element, ListElement const& list) {
  ::weave_list value{};
  value.next = list.next;
  value.count = static_cast<std::uint16_t>(std::min<std::size_t>(list.ids.size(), WEAVE_LIST_IDS));
  for (std::size_t i = 0; i < value.count; ++i) value.ids[i] = static_cast<std::uint16_t>(list.ids[i]);
  return write(Map::lists, element, value);
}

Result<void> KernelMaps::write_probe(ShortId id, ::weave_probe const& probe) {
  return write(Map::probes, index_of(id), probe);
}

Result<InstalledTable> KernelMaps::read_table() const {
  auto const routes = read_all<std::uint32_t>(Map::routes);
  if (!routes) return failure_of(routes);
  auto const neighbours = read_all<::weave_neighbour>(Map::neighbours);
  if (!neighbours) return failure_of(neighbours);
  auto const heads = read_all<std::uint32_t>(Map::heads);
  if (!heads) return failure_of(heads);
  InstalledTable table;
  for (std::uint16_t number = 0; number < WEAVE_IDS; ++number) {
    ShortId const id{number};
    if ((*routes)[number] != 0) table.entries.routes[id] = decode_route((*routes)[number]);
    auto const entry = decode_neighbour((*neighbours)[number]);
    if (entry != NeighbourEntry{}) table.entries.neighbours[id] = entry;
    if (auto const read = read_list(table, id, (*heads)[number]); !read) return failure_of(read);
  }
  return table;
}

Result<void> KernelMaps::read_list(InstalledTable& table, ShortId source, std::uint32_t head) const {
  for (auto element = head; element != 0 && table.chains[source].size() < WEAVE_LIST_CHAIN;) {
    auto const list = read<::weave_list>(Map::lists, element);
    if (!list) return failure_of(list);
    table.chains[source].push_back(static_cast<std::uint16_t>(element));
    auto& ids = table.entries.floods[source];
    for (std::size_t i = 0; i < std::min<std::size_t>(list->count, WEAVE_LIST_IDS); ++i) {
      ids.push_back(ShortId{list->ids[i]});
    }
    element = list->next;
  }
  return {};
}

Result<Traffic> KernelMaps::traffic(ShortId id) const {
  auto const values = read_processors<Traffic>(Map::traffic, index_of(id));
  if (!values) return failure_of(values);
  Traffic sum{};
  for (auto const& value : *values) {
    sum.sent_packets += value.sent_packets;
    sum.sent_bytes += value.sent_bytes;
    sum.received_packets += value.received_packets;
    sum.received_bytes += value.received_bytes;
    sum.relayed_packets += value.relayed_packets;
    sum.relayed_bytes += value.relayed_bytes;
  }
  return sum;
}

Result<std::array<std::uint64_t, WEAVE_EVENTS>> KernelMaps::events() const {
  std::array<std::uint64_t, WEAVE_EVENTS> sums{};
  for (std::uint32_t event = 0; event < WEAVE_EVENTS; ++event) {
    auto const values = read_processors<std::uint64_t>(Map::events, event);
    if (!values) return failure_of(values);
    for (auto const value : *values) sums[event] += value;
  }
  return sums;
}

} // namespace weave::datapath::bpf
