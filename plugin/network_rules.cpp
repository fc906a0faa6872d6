#include "plugin/network_rules.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "plugin/address_pool.hpp"
#include "plugin/sandbox_attacher.hpp"

namespace weave::plugin {
namespace {

/// Docker's own IPAM, without and with a cluster store behind it.
constexpr std::string_view kDockerSpace = "LocalDefault";
constexpr std::string_view kDockerGlobalSpace = "GlobalDefault";

bool overlap(Ipv4Cidr a, Ipv4Cidr b) { return contains(a, b) || contains(b, a); }

std::optional<Ipv4Cidr> overlapping(Ipv4Cidr subnet, std::vector<std::string> const& pools) {
  for (auto const& pool : pools) {
    auto const other = Ipv4Cidr::parse(pool);
    if (other && overlap(subnet, *other)) return other->network();
  }
  return std::nullopt;
}

Result<void> check_source(CreateNetworkRequest const& request, NetworkOptions const& options, bool have_range) {
  if (options.docker_ipam || request.address_space == kDockerGlobalSpace) return {};
  if (request.ipv6) {
    return failure(ErrorKind::refused, "IPv6 is not supported: leave out --ipv6 and the IPv6 --subnet");
  }
  if (!have_range || request.address_space != kDockerSpace) return {};
  return failure(ErrorKind::refused,
                 fmt::format("Docker's own IPAM would give the same addresses to containers of other hosts: add "
                             "--ipam-driver weave; or, if you share them out with --ip-range, -o {}=docker",
                             kIpamOption));
}

Result<void> check_isolated(CreateNetworkRequest const& request, DriverRecords const& records, Ipv4Cidr subnet,
                            std::optional<AddressRange> const& range) {
  if (range && overlap(subnet, range->default_subnet)) {
    return failure(ErrorKind::refused,
                   fmt::format("an isolated network cannot share addresses with the default subnet {}: give it another "
                               "--subnet of {}, and if there is none, launch weave on all hosts with a smaller "
                               "--ipalloc-default-subnet",
                               range->default_subnet.to_string(), range->universe.to_string()));
  }
  for (auto const& [id, other] : records.networks()) {
    if (id == request.network_id) continue;
    if (auto const shared = overlapping(subnet, other.pools)) {
      return failure(ErrorKind::refused,
                     fmt::format("an isolated network cannot share addresses with another one: {} overlaps {} of "
                                 "network {}; choose another --subnet",
                                 subnet.to_string(), shared->to_string(), id.substr(0, 12)));
    }
  }
  return {};
}

Result<void> check_beside_isolated(CreateNetworkRequest const& request, DriverRecords const& records) {
  for (auto const& [id, other] : records.networks()) {
    if (!other.isolated || id == request.network_id) continue;
    for (auto const& pool : request.pools) {
      auto const subnet = Ipv4Cidr::parse(pool);
      auto const shared = subnet ? overlapping(*subnet, other.pools) : std::nullopt;
      if (!shared) continue;
      return failure(ErrorKind::refused,
                     fmt::format("subnet {} overlaps {} of the isolated network {}: choose another "
                                 "--subnet",
                                 subnet->network().to_string(), shared->to_string(), id.substr(0, 12)));
    }
  }
  return {};
}

std::optional<Ipv4Cidr> subnet_of(NetworkRecord const& network, EndpointRecord const& endpoint) {
  auto const text = network.pools.empty() ? endpoint.address : network.pools.front();
  auto const subnet = Ipv4Cidr::parse(text);
  return subnet ? std::optional{subnet->network()} : std::nullopt;
}

void add_endpoint(IsolationPlan& plan, DriverRecords const& records, std::string const& id,
                  EndpointRecord const& endpoint) {
  auto const* const network = records.network(endpoint.network_id);
  if (network == nullptr || !network->isolated) return;
  if (auto const subnet = subnet_of(*network, endpoint)) plan[*subnet].insert(EndpointLink::of(id).host_name);
}

} // namespace

Result<void> check_network(CreateNetworkRequest const& request, NetworkOptions const& options,
                           DriverRecords const& records, std::optional<AddressRange> const& range) {
  if (auto good = check_source(request, options, range.has_value()); !good) return good;
  if (!options.isolate) return check_beside_isolated(request, records);
  if (request.ipv6) return failure(ErrorKind::refused, "an isolated network carries IPv4 only: leave out --ipv6");
  auto const subnet =
      request.pools.size() == 1 ? Ipv4Cidr::parse(request.pools.front()) : failure(ErrorKind::malformed, "");
  if (!subnet) return failure(ErrorKind::refused, "an isolated network needs exactly one IPv4 --subnet");
  return check_isolated(request, records, subnet->network(), range);
}

std::vector<std::string> outlived_networks(CreateNetworkRequest const& request, DriverRecords const& records,
                                           std::map<std::string, EndpointRecord> const& arriving) {
  std::set<std::string> in_use{request.network_id};
  for (auto const* endpoints : {&records.endpoints(), &arriving}) {
    for (auto const& [id, endpoint] : *endpoints) in_use.insert(endpoint.network_id);
  }
  auto const shares = [&](std::string const& pool, NetworkRecord const& other) {
    auto const subnet = Ipv4Cidr::parse(pool);
    return subnet && overlapping(*subnet, other.pools);
  };
  std::vector<std::string> outlived;
  for (auto const& [id, other] : records.networks()) {
    if (in_use.contains(id)) continue;
    if (std::ranges::any_of(request.pools, [&](auto const& pool) { return shares(pool, other); })) {
      outlived.push_back(id);
    }
  }
  return outlived;
}

IsolationPlan isolation_plan(DriverRecords const& records, std::map<std::string, EndpointRecord> const& arriving) {
  IsolationPlan plan;
  for (auto const& [id, network] : records.networks()) {
    // Also without containers here: others must not take its addresses.
    if (!network.isolated) continue;
    if (auto const subnet = subnet_of(network, {})) plan[*subnet];
  }
  for (auto const& [id, endpoint] : records.endpoints()) add_endpoint(plan, records, id, endpoint);
  for (auto const& [id, endpoint] : arriving) add_endpoint(plan, records, id, endpoint);
  return plan;
}

} // namespace weave::plugin
