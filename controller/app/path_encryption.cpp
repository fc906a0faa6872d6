#include "controller/app/path_encryption.hpp"

#include <set>
#include <utility>

#include "datapath/link/addresses.hpp"

namespace weave::controller {
namespace {

namespace ipsec = datapath::ipsec;

bool is_loopback(Ipv4Address address) { return address.value() >> 24 == 127; }

Result<std::set<Ipv4Address>> own_addresses(datapath::RouteSocket& routes) {
  auto const all = datapath::Addresses{routes}.list();
  if (!all) return failure_of(all);
  std::set<Ipv4Address> own;
  for (auto const& [link, address] : *all) {
    if (!is_loopback(address.address)) own.insert(address.address);
  }
  return own;
}

} // namespace

Result<std::unique_ptr<PathEncryption>> PathEncryption::open(PeerName self, std::uint16_t udp_port, Ports ports) {
  auto kernel = ipsec::KernelXfrm::open();
  if (!kernel) return failure_of(kernel);
  auto own = own_addresses(ports.routes);
  if (!own) return failure_of(own);
  std::unique_ptr<PathEncryption> opened{new PathEncryption{self, *std::move(kernel), ports}};
  auto& protection = opened->protection_;
  if (auto const started = protection.start(*std::move(own), udp_port); !started) return failure_of(started);
  auto const watched = opened->kernel_->watch(ports.watcher, [&protection] { protection.on_change(); });
  if (!watched) return failure_of(watched);
  return opened;
}

PathEncryption::PathEncryption(PeerName self, std::unique_ptr<ipsec::KernelXfrm> kernel, Ports const& ports)
    : kernel_{std::move(kernel)},
      protection_{
          {.kernel = *kernel_, .scheduler = ports.scheduler, .random = random_, .logger = ports.logger, .self = self}} {
}

Result<bool> path_encryption_left() {
  auto const kernel = ipsec::KernelXfrm::connect();
  // A kernel without IPsec has nothing of ours.
  if (!kernel) return false;
  auto const all = (*kernel)->inventory();
  if (!all) return failure_of(all);
  return !all->associations.empty() || !all->policies.empty();
}

Result<void> remove_path_encryption() {
  auto const kernel = ipsec::KernelXfrm::connect();
  // A kernel without IPsec has nothing of ours.
  if (!kernel) return {};
  return ipsec::remove_everything(**kernel);
}

} // namespace weave::controller
