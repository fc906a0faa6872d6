#include "controller/app/attached_addresses.hpp"

#include <set>
#include <utility>

#include <fmt/format.h>

#include "datapath/link/addresses.hpp"
#include "datapath/link/attached_interface.hpp"
#include "datapath/link/links.hpp"
#include "datapath/link/network_namespace.hpp"
#include "datapath/link/route_socket.hpp"

namespace weave::controller {
namespace {

using Cidrs = Result<std::vector<Ipv4Cidr>>;

constexpr std::string_view kExposed = "weave:expose";

/// The host ends of attached interfaces; each carries the process id of its container.
std::set<std::string> attached_links() {
  std::set<std::string> names;
  auto socket = datapath::RouteSocket::open();
  if (!socket) return names;
  auto const links = datapath::Links{*socket}.list(datapath::kAttachedHostPrefix);
  if (!links) return names;
  for (auto const& link : *links) names.insert(link.name);
  return names;
}

/// Of an interface in the calling thread's namespace.
Cidrs addresses_of(std::string_view device) {
  auto socket = datapath::RouteSocket::open();
  if (!socket) return failure_of(socket);
  auto const link = datapath::Links{*socket}.find(device);
  if (!link) return failure_of(link);
  auto const addresses = datapath::Addresses{*socket}.list(link->index);
  if (!addresses) return failure_of(addresses);
  std::vector<Ipv4Cidr> cidrs;
  for (auto const& address : *addresses) cidrs.push_back(address.address);
  return cidrs;
}

Cidrs addresses_in(std::string const& sandbox, std::int64_t pid) {
  auto guest = datapath::NetworkNamespace::open(sandbox.empty() ? fmt::format("/proc/{}/ns/net", pid) : sandbox);
  if (!guest) return failure_of(guest);
  Cidrs cidrs;
  auto const entered = guest->run([&cidrs]() -> Result<void> {
    cidrs = addresses_of(datapath::kAttachedName);
    return {};
  });
  if (!entered) return failure_of(entered);
  return cidrs;
}

} // namespace

std::vector<ipam::ReclaimedAddress> exposed_addresses(std::string const& bridge, ipam::OwnedTable const& owned) {
  std::vector<ipam::ReclaimedAddress> found;
  auto const cidrs = addresses_of(bridge);
  if (!cidrs) return found;
  for (auto const& cidr : *cidrs) {
    if (owned.holder(cidr.address) == nullptr) found.push_back({.id = std::string{kExposed}, .cidr = cidr});
  }
  return found;
}

struct AttachedAddresses::Search {
  std::set<std::string> links;
  std::size_t open = 0; ///< looks that have not ended
  std::vector<ipam::ReclaimedAddress> found = {};
  Found done;

  void end_one() {
    if (--open == 0) done(std::move(found));
  }
};

void AttachedAddresses::find(std::vector<std::string> const& containers, Found done) {
  auto links = attached_links();
  if (links.empty() || containers.empty()) return done({});
  auto const search = std::make_shared<Search>(
      Search{.links = std::move(links), .open = containers.size(), .found = {}, .done = std::move(done)});
  for (auto const& id : containers) {
    engine_.inspect_container(id, [this, search](Result<docker::ContainerInfo> const& info) {
      if (!info || !info->up() || !is_attached(*search, info->pid)) return search->end_one();
      read(search, *info);
    });
  }
}

bool AttachedAddresses::is_attached(Search const& search, std::int64_t pid) {
  return search.links.contains(fmt::format("{}{}", datapath::kAttachedHostPrefix, pid));
}

void AttachedAddresses::read(std::shared_ptr<Search> const& search, docker::ContainerInfo const& info) {
  worker_.run<Cidrs>([sandbox = info.sandbox, pid = info.pid] { return addresses_in(sandbox, pid); },
                     [search, id = info.id, logger = logger_](Cidrs const& cidrs) {
                       if (!cidrs) {
                         logger.warning("addresses of container {}: {}", id.substr(0, 12), cidrs.error().text());
                         return search->end_one();
                       }
                       for (auto const& cidr : *cidrs) {
                         search->found.push_back({.id = id, .cidr = cidr, .is_container = true});
                       }
                       search->end_one();
                     });
}

} // namespace weave::controller
