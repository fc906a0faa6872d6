#include "datapath/odp/ovs_devices.hpp"

#include "datapath/link/device_settings.hpp"
#include "datapath/link/vxlan_device.hpp"

namespace weave::datapath::odp {
namespace {

/// What the datapath's own VXLAN ports have: the containers' MTU is what limits packets.
constexpr std::uint32_t kTunnelMtu = 65485;

} // namespace

Result<bool> KernelOvsDevices::ensure_bridge_link() {
  auto const made = ensure_pair();
  if (!made) return made;
  for (auto const name : {kBridgeEnd, kDatapathEnd}) {
    if (auto const ready = ensure_end(name); !ready) return failure_of(ready);
  }
  if (auto const plugged = ensure_bridge_port(); !plugged) return failure_of(plugged);
  return made;
}

Result<bool> KernelOvsDevices::ensure_pair() {
  auto const outer = links_.find(kBridgeEnd);
  auto const inner = links_.find(kDatapathEnd);
  if (outer && inner && outer->kind == "veth" && outer->peer == inner->index && outer->peer_here) return false;
  for (auto const name : {kBridgeEnd, kDatapathEnd}) {
    if (auto const removed = links_.remove(name); !removed) return failure_of(removed);
  }
  VethSpec const spec{
      .host_name = std::string{kBridgeEnd}, .guest_name = std::string{kDatapathEnd}, .mtu = config_.mtu};
  if (auto const created = links_.create_veth(spec); !created) return failure_of(created);
  return true;
}

Result<void> KernelOvsDevices::ensure_end(std::string_view name) {
  auto const link = links_.find(name);
  if (!link) return failure_of(link);
  if (link->mtu != config_.mtu) {
    if (auto changed = links_.change(name, {.mtu = config_.mtu}); !changed) return changed;
  }
  if (link->up) return {};
  if (auto refused = refuse_ipv6_autoconf(name); !refused) return refused;
  return links_.change(name, {.up = true});
}

Result<void> KernelOvsDevices::ensure_bridge_port() {
  auto const bridge = links_.find(config_.bridge);
  if (!bridge) return failure_of(bridge);
  auto const link = links_.find(kBridgeEnd);
  if (!link) return failure_of(link);
  if (link->master == bridge->index) return {};
  if (auto changed = links_.change(kBridgeEnd, {.master = bridge->index}); !changed) return changed;
  return links_.change_port(kBridgeEnd, {.hairpin = false, .learning = true, .flood = true});
}

Result<void> KernelOvsDevices::ensure_host_device(std::string_view name) {
  auto const link = links_.find(name);
  if (!link) return failure_of(link);
  if (config_.host_mac && link->mac != *config_.host_mac) {
    if (auto changed = links_.change(name, {.mac = config_.host_mac}); !changed) return changed;
  }
  return ensure_end(name);
}

Result<void> KernelOvsDevices::ensure_tunnel_device(std::uint16_t udp_port) {
  auto const device =
      ensure_vxlan_device(links_, {.name = vxlan_device_name(udp_port), .udp_port = udp_port, .mtu = kTunnelMtu});
  if (!device) return failure_of(device);
  return {};
}

bool KernelOvsDevices::is_up(std::string_view name) {
  auto const link = links_.find(name);
  return link && link->up;
}

Result<void> KernelOvsDevices::set_up(std::string_view name) { return links_.change(name, {.up = true}); }

Result<void> KernelOvsDevices::remove(std::string_view name) { return links_.remove(name); }

} // namespace weave::datapath::odp
