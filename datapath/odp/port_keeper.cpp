#include "datapath/odp/port_keeper.hpp"

#include <utility>

#include <fmt/format.h>

#include "datapath/link/overlay_bridge.hpp"
#include "datapath/link/vxlan_device.hpp"

namespace weave::datapath::odp {
namespace {

Result<void> without_value(Result<Vport> const& added) {
  if (!added) return failure_of(added);
  return {};
}

Result<void> add_device(DatapathInterface& datapath, std::string const& name) {
  return without_value(datapath.add_port({.name = name, .type = VportType::netdev}));
}

/// The port of that name may belong to a device that is gone.
Result<void> readd_device(DatapathInterface& datapath, PortMap const& ports, std::string const& name) {
  if (auto const old = ports.find(name)) {
    if (auto removed = datapath.remove_port(*old); !removed) return removed;
  }
  return add_device(datapath, name);
}

} // namespace

Result<PortMap> PortKeeper::read(DatapathInterface& datapath) {
  auto const ports = datapath.ports();
  if (!ports) return failure_of(ports);
  // Before it is plugged in, an earlier process may have left a port of the usual name.
  auto const user_port = user_port_.value_or(std::string{kUserPortName});
  return PortMap{*ports, {.user_port = user_port, .internal_is_local = !config_.bridged}};
}

Result<void> PortKeeper::plug_user_port(DatapathInterface& datapath, std::string const& device) {
  user_port_ = device;
  auto const ports = read(datapath);
  if (!ports) return failure_of(ports);
  return readd_device(datapath, *ports, device);
}

Result<void> PortKeeper::plug_container(DatapathInterface& datapath, std::string const& device) {
  auto const ports = read(datapath);
  if (!ports) return failure_of(ports);
  if (!ports->find(device)) {
    if (auto added = add_device(datapath, device); !added) return added;
  }
  containers_.insert(device);
  return {};
}

Result<void> PortKeeper::open_tunnel(DatapathInterface& datapath, std::uint16_t udp_port) {
  auto const ports = read(datapath);
  if (!ports) return failure_of(ports);
  auto const plugged = ensure_tunnel(datapath, *ports, udp_port);
  if (!plugged) return failure_of(plugged);
  tunnels_.insert(udp_port);
  return {};
}

Result<PortMap> PortKeeper::sync(DatapathInterface& datapath) {
  auto ports = read(datapath);
  if (!ports) return ports;
  missing_.clear();
  bool changed = false;
  Note const ensure = [&](std::string name, PortRole role, Result<bool> const& outcome) {
    if (!outcome)
      missing_.push_back({std::move(name), role, outcome.error()});
    else if (*outcome)
      replugged_.push_back(std::move(name));
    changed = changed || (outcome && *outcome);
  };
  if (config_.bridged) {
    ensure(std::string{kDatapathEnd}, PortRole::local, ensure_bridge_port(datapath, *ports));
  } else {
    ensure_containers(datapath, *ports, ensure);
  }
  if (user_port_) ensure(*user_port_, PortRole::user, ensure_user_port(datapath, *ports));
  for (auto const udp_port : tunnels_) {
    ensure(vxlan_device_name(udp_port), PortRole::tunnel, ensure_tunnel(datapath, *ports, udp_port));
  }
  return changed ? read(datapath) : ports;
}

void PortKeeper::ensure_containers(DatapathInterface& datapath, PortMap const& ports, Note const& note) {
  if (auto const ready = devices_.ensure_host_device(config_.datapath); !ready) {
    note(config_.datapath, PortRole::local, failure_of(ready));
  }
  for (auto const port : ports.locals()) {
    if (ports.name(port) != config_.datapath) containers_.emplace(ports.name(port));
  }
  for (auto name = containers_.begin(); name != containers_.end();) {
    auto const added = ports.find(*name) ? Result<void>{} : add_device(datapath, *name);
    // Its device has gone with the container.
    if (!added && added.error().kind() == ErrorKind::not_found) {
      name = containers_.erase(name);
      continue;
    }
    if (!added) note(*name, PortRole::local, failure_of(added));
    if (added && !ports.find(*name)) note(*name, PortRole::local, true);
    ++name;
  }
}

Result<bool> PortKeeper::ensure_bridge_port(DatapathInterface& datapath, PortMap const& ports) {
  std::string const name{kDatapathEnd};
  auto const renewed = devices_.ensure_bridge_link();
  if (!renewed) return renewed;
  if (!*renewed && ports.find(name)) return false;
  auto added = readd_device(datapath, ports, name);
  if (!added && added.error().kind() == ErrorKind::already_exists) {
    // It is a port of another datapath or bridge, which an earlier run of another kind has left.
    if (auto const removed = devices_.remove(name); !removed) return failure_of(removed);
    if (auto const again = devices_.ensure_bridge_link(); !again) return again;
    added = add_device(datapath, name);
  }
  if (!added) return failure_of(added);
  return true;
}

Result<bool> PortKeeper::ensure_user_port(DatapathInterface& datapath, PortMap const& ports) {
  if (ports.user()) return false;
  auto const added = add_device(datapath, *user_port_);
  if (!added) return failure_of(added);
  return true;
}

Result<bool> PortKeeper::ensure_tunnel(DatapathInterface& datapath, PortMap const& ports, std::uint16_t udp_port) {
  if (ports.tunnel(udp_port)) {
    auto const name = std::string{ports.name(*ports.tunnel(udp_port))};
    if (devices_.is_up(name)) return false;
    if (auto const raised = devices_.set_up(name); !raised) return failure_of(raised);
    return true;
  }
  auto const added = add_tunnel(datapath, udp_port);
  if (!added) return failure_of(added);
  return true;
}

Result<void> PortKeeper::add_tunnel(DatapathInterface& datapath, std::uint16_t udp_port) {
  auto const name = vxlan_device_name(udp_port);
  auto const is_final = [](Error const& error) {
    return error.kind() == ErrorKind::already_exists || error.kind() == ErrorKind::refused ||
           error.kind() == ErrorKind::not_found;
  };
  auto const usable = [&] { return devices_.ensure_tunnel_device(udp_port); };
  auto const ready = usable();
  if (!ready && is_final(ready.error())) return ready;
  if (ready) {
    if (auto added = add_device(datapath, name); added) return added;
    // It may be a port of a bridge or of another datapath, from an earlier run.
    (void)devices_.remove(name);
    if (auto const again = usable(); again) {
      auto added = add_device(datapath, name);
      if (added || is_final(added.error())) return added;
      (void)devices_.remove(name);
    }
  }
  return add_builtin_tunnel(datapath, udp_port);
}

Result<void> PortKeeper::add_builtin_tunnel(DatapathInterface& datapath, std::uint16_t udp_port) {
  auto const name = vxlan_device_name(udp_port);
  auto const added = datapath.add_port({.name = name, .type = VportType::vxlan, .udp_port = udp_port});
  if (!added) return failure_of(added);
  // Kernels report success even when the UDP port is taken; the device is down then.
  if (devices_.is_up(name)) return {};
  (void)datapath.remove_port(added->number);
  return failure(ErrorKind::already_exists, fmt::format("UDP port {} is in use by somebody else", udp_port));
}

} // namespace weave::datapath::odp
