#include "plugin/address_pool.hpp"

#include <fmt/format.h>

namespace weave::plugin {

namespace {

constexpr std::string_view kPrefix = "weave-";
constexpr std::string_view kAncientId = "weavepool";
constexpr int kLongestPrefix = 30;

Result<Ipv4Cidr> parse_network(std::string_view text) {
  auto const cidr = Ipv4Cidr::parse(text);
  if (!cidr) return failure_of(cidr);
  if (cidr->prefix > kLongestPrefix) {
    return failure(ErrorKind::out_of_range, fmt::format("invalid subnet - smaller than minimum size 4: {}", text));
  }
  return cidr->network();
}

} // namespace

bool contains(Ipv4Cidr outer, Ipv4Address address) {
  return Ipv4Cidr{address, outer.prefix}.network() == outer.network();
}

bool contains(Ipv4Cidr outer, Ipv4Cidr inner) { return outer.prefix <= inner.prefix && contains(outer, inner.address); }

bool is_edge(Ipv4Cidr subnet, Ipv4Address address) {
  auto const host_bits = address.value() & ~subnet.mask();
  return host_bits == 0 || host_bits == ~subnet.mask();
}

std::string AddressPool::id() const { return fmt::format("{}{}-{}", kPrefix, subnet.to_string(), range.to_string()); }

Result<AddressPool> AddressPool::parse_id(std::string_view id, Ipv4Cidr default_subnet) {
  if (id == kAncientId) return AddressPool{.subnet = default_subnet, .range = default_subnet};
  if (id.starts_with(kPrefix)) {
    auto const rest = id.substr(kPrefix.size());
    auto const dash = std::min(rest.find('-'), rest.size());
    auto const subnet = Ipv4Cidr::parse(rest.substr(0, dash));
    auto const range = Ipv4Cidr::parse(rest.substr(std::min(rest.size(), dash + 1)));
    if (subnet && range) return AddressPool{.subnet = subnet->network(), .range = range->network()};
  }
  return failure(ErrorKind::not_found, fmt::format("Unrecognized pool ID: {}", id));
}

Result<AddressPool> AddressPool::choose(std::string_view subnet, std::string_view range, Ipv4Cidr default_subnet) {
  AddressPool pool{.subnet = default_subnet, .range = default_subnet};
  if (!subnet.empty()) {
    auto const parsed = parse_network(subnet);
    if (!parsed) return failure_of(parsed);
    pool.subnet = *parsed;
  }
  pool.range = pool.subnet;
  if (range.empty()) return pool;
  auto const parsed = Ipv4Cidr::parse(range);
  if (!parsed) return failure_of(parsed);
  pool.range = parsed->network();
  if (!contains(pool.subnet, pool.range)) {
    return failure(ErrorKind::out_of_range,
                   fmt::format("range {} is not inside subnet {}", pool.range.to_string(), pool.subnet.to_string()));
  }
  return pool;
}

} // namespace weave::plugin
