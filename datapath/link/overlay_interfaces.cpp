#include "datapath/link/overlay_interfaces.hpp"

#include "datapath/link/addresses.hpp"

namespace weave::datapath {
namespace {

constexpr std::string_view kVeth = "veth";

/// A port of Open vSwitch has the datapath's own device as its master.
bool is_port(Link const& link, Link const& bridge) {
  return link.kind == kVeth && link.peer && !link.peer_here && link.master == bridge.index;
}

Result<OverlayInterface> described(Link const& link, Addresses& addresses) {
  auto const listed = addresses.list(link.index);
  if (!listed) return failure_of(listed);
  OverlayInterface interface {
    .name = link.name, .mac = link.mac, .addresses = {}
  };
  for (auto const& each : *listed) interface.addresses.push_back(each.address);
  return interface;
}

} // namespace

Result<OverlayPorts> OverlayPorts::list(Links& links, std::string_view bridge) {
  OverlayPorts ports;
  auto const found = links.find(bridge);
  if (!found && found.error().kind() == ErrorKind::not_found) return ports;
  if (!found) return failure_of(found);
  auto const all = links.list();
  if (!all) return failure_of(all);
  for (auto const& link : *all) {
    if (is_port(link, *found)) ports.peers_.emplace(link.index, *link.peer);
  }
  return ports;
}

Result<std::vector<OverlayInterface>> OverlayPorts::interfaces_in(NetworkNamespace const& guest) const {
  std::vector<OverlayInterface> interfaces;
  if (peers_.empty()) return interfaces;
  auto const looked = guest.run([&]() -> Result<void> {
    auto socket = RouteSocket::open();
    if (!socket) return failure_of(socket);
    auto const all = Links{*socket}.list();
    if (!all) return failure_of(all);
    Addresses addresses{*socket};
    for (auto const& link : *all) {
      if (link.kind != kVeth || !link.peer || link.peer_here) continue;
      // Numbers are those of some other namespace: only the pair that names each other is one.
      auto const port = peers_.find(*link.peer);
      if (port == peers_.end() || port->second != link.index) continue;
      auto interface = described(link, addresses);
      if (!interface) return failure_of(interface);
      interfaces.push_back(*std::move(interface));
    }
    return {};
  });
  if (!looked) return failure_of(looked);
  return interfaces;
}

Result<OverlayInterface> bridge_interface(Links& links, std::string_view bridge) {
  auto const link = links.find(bridge);
  if (!link) return failure_of(link);
  Addresses addresses{links.socket()};
  return described(*link, addresses);
}

} // namespace weave::datapath
