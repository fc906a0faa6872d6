#include "controller/app/port_mtu.hpp"

#include <fmt/format.h>

#include "datapath/link/links.hpp"
#include "datapath/link/network_namespace.hpp"
#include "datapath/link/overlay_interfaces.hpp"
#include "datapath/link/route_socket.hpp"

namespace weave::controller {
namespace {

constexpr std::string_view kVeth = "veth";

/// The bridge's MTU if a port of it had a larger one; 0: none had.
Result<std::uint32_t> fit_ports(std::string const& bridge) {
  auto socket = datapath::RouteSocket::open();
  if (!socket) return failure_of(socket);
  datapath::Links links{*socket};
  auto const own = links.find(bridge);
  if (!own) return failure_of(own);
  auto const all = links.list();
  if (!all) return failure_of(all);
  std::uint32_t fitted = 0;
  for (auto const& link : *all) {
    if (link.master != own->index || link.kind != kVeth || link.peer_here || link.mtu <= own->mtu) continue;
    if (auto const done = links.change(link.name, {.mtu = own->mtu}); !done) return failure_of(done);
    fitted = own->mtu;
  }
  return fitted;
}

/// How many interfaces of the namespace were changed.
Result<std::size_t> fit_guest(std::string const& sandbox, std::string const& bridge, std::uint32_t mtu) {
  auto socket = datapath::RouteSocket::open();
  if (!socket) return failure_of(socket);
  datapath::Links links{*socket};
  auto const ports = datapath::OverlayPorts::list(links, bridge);
  if (!ports) return failure_of(ports);
  auto guest = datapath::NetworkNamespace::open(sandbox);
  if (!guest) return failure_of(guest);
  auto const interfaces = ports->interfaces_in(*guest);
  if (!interfaces) return failure_of(interfaces);
  std::size_t changed = 0;
  auto const entered = guest->run([&]() -> Result<void> {
    auto inside = datapath::RouteSocket::open();
    if (!inside) return failure_of(inside);
    datapath::Links theirs{*inside};
    for (auto const& interface : *interfaces) {
      auto const link = theirs.find(interface.name);
      if (!link || link->mtu <= mtu) continue;
      if (auto const done = theirs.change(interface.name, {.mtu = mtu}); !done) return done;
      ++changed;
    }
    return {};
  });
  if (!entered) return failure_of(entered);
  return changed;
}

} // namespace

void PortMtu::fit(std::vector<std::string> const& containers) {
  ports_.worker.run<Result<std::uint32_t>>(
      [bridge = bridge_] { return fit_ports(bridge); },
      [this, containers](Result<std::uint32_t> const& mtu) {
        if (!mtu) return ports_.logger.warning("MTU of containers: {}", mtu.error().text());
        if (*mtu == 0) return;
        for (auto const& id : containers) {
          ports_.engine.inspect_container(id, [this, mtu = *mtu](Result<docker::ContainerInfo> const& info) {
            if (info && info->up()) fit_in(*info, mtu);
          });
        }
      });
}

void PortMtu::fit_in(docker::ContainerInfo const& info, std::uint32_t mtu) {
  auto const sandbox = info.sandbox.empty() ? fmt::format("/proc/{}/ns/net", info.pid) : info.sandbox;
  ports_.worker.run<Result<std::size_t>>(
      [sandbox, bridge = bridge_, mtu] { return fit_guest(sandbox, bridge, mtu); },
      [logger = ports_.logger, name = info.id.substr(0, 12), mtu](Result<std::size_t> const& changed) {
        if (!changed) {
          logger.warning("Container {} may send larger packets than are carried: {}", name, changed.error().text());
        } else if (*changed > 0) {
          logger.info("Container {} sends packets of {} bytes at most now", name, mtu);
        }
      });
}

} // namespace weave::controller
