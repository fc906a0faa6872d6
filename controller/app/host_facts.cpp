#include "controller/app/host_facts.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "datapath/link/addresses.hpp"
#include "datapath/link/links.hpp"
#include "datapath/link/route_socket.hpp"

namespace weave::controller {

std::optional<PeerName> peer_name_of_bridge(std::string const& bridge) {
  auto socket = datapath::RouteSocket::open();
  if (!socket) return std::nullopt;
  datapath::Links links{*socket};
  auto const found = links.find(bridge);
  if (!found || found->mac.is_zero() || found->mac.is_group()) return std::nullopt;
  return PeerName{found->mac.value()};
}

std::size_t count_other_hosts(std::vector<std::string> const& targets) {
  auto socket = datapath::RouteSocket::open();
  if (!socket) return targets.size();
  auto const own = datapath::Addresses{*socket}.list();
  if (!own) return targets.size();
  auto const is_ours = [&](std::string const& target) {
    auto const address = Ipv4Address::parse(target.substr(0, target.find(':')));
    if (!address) return false;
    return std::ranges::any_of(*own, [&](auto const& entry) { return entry.address.address == *address; });
  };
  return targets.size() - static_cast<std::size_t>(std::ranges::count_if(targets, is_ours));
}

namespace {

bool networks_overlap(Ipv4Cidr const& a, Ipv4Cidr const& b) {
  auto const contains = [](Ipv4Cidr const& outer, Ipv4Address address) {
    return (address.value() & outer.mask()) == outer.network().address.value();
  };
  return contains(a, b.network().address) || contains(b, a.network().address);
}

} // namespace

Result<std::optional<Ipv4Cidr>> overlapping_route(Ipv4Cidr range, std::string const& bridge) {
  auto socket = datapath::RouteSocket::open();
  if (!socket) return failure_of(socket);
  datapath::Links links{*socket};
  auto const own = links.find(bridge);
  auto const routes = datapath::Addresses{*socket}.routes();
  if (!routes) return failure_of(routes);
  for (auto const& route : *routes) {
    if (route.destination.prefix == 0 || (own && route.link == own->index)) continue;
    if (networks_overlap(range, route.destination)) return route.destination;
  }
  return std::nullopt;
}

Result<void> check_range(Ipv4Cidr range, bool chosen, std::string const& bridge, Logger const& logger) {
  auto const overlap = overlapping_route(range, bridge);
  if (!overlap) return failure_of(overlap);
  if (!*overlap) return {};
  auto const text =
      fmt::format("Network {} overlaps with existing route {} on host", range.to_string(), (*overlap)->to_string());
  if (!chosen) {
    return failure(ErrorKind::already_exists,
                   fmt::format("{}. You must pick another --ipalloc-range and set it on all hosts.", text));
  }
  logger.warning("{}. Unless this is deliberate, you must pick another range and set it on all hosts.", text);
  return {};
}

} // namespace weave::controller
