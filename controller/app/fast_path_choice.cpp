#include "controller/app/fast_path_choice.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "datapath/bpf/bpf_fast_path.hpp"
#include "datapath/link/overlay_bridge.hpp"
#include "datapath/link/vxlan_device.hpp"
#include "datapath/odp/kernel_datapath.hpp"
#include "datapath/odp/ovs_fast_path.hpp"
#ifdef WEAVE_HAS_LIBOPENVSWITCH
#include "datapath/odp/text/raw_words.hpp"
#endif

namespace weave::controller {
namespace {

using Path = std::unique_ptr<datapath::FastPath>;

constexpr std::string_view kDefaultDatapath = "datapath";

std::string datapath_name(FastPathSetup const& setup) {
  return setup.datapath.empty() ? std::string{kDefaultDatapath} : setup.datapath;
}

Result<void> remove_openvswitch(datapath::Links& links, std::string const& name) {
  auto const device = links.find(name);
  bool const has_datapath = device && device->kind == "openvswitch";
  if (!has_datapath && !links.find(datapath::odp::kBridgeEnd)) return {};
  return datapath::odp::remove_ovs_path(links, [&name] { return datapath::odp::KernelDatapath::remove(name); });
}

/// The fast path with BPF is the one whose VXLAN device is a port of the bridge.
Result<void> remove_bpf(datapath::Links& links, std::string const& bridge) {
  auto const master = links.find(bridge);
  if (!master) return {};
  auto const devices = datapath::list_vxlan_devices(links);
  if (!devices) return failure_of(devices);
  bool const ours =
      std::ranges::any_of(*devices, [&](auto const& device) { return device.second.master == master->index; });
  return ours ? datapath::remove_vxlan_devices(links) : Result<void>{};
}

/// For what we have no words for: flows that somebody else has made.
datapath::odp::RawWords raw_words() {
#ifdef WEAVE_HAS_LIBOPENVSWITCH
  return datapath::odp::openvswitch_words();
#else
  return {};
#endif
}

Result<std::unique_ptr<datapath::odp::OvsFastPath>> create_openvswitch(FastPathSetup const& setup,
                                                                       FastPathPorts const& ports,
                                                                       std::string const& name, bool bridged) {
  return datapath::odp::OvsFastPath::create(
      {.scheduler = ports.scheduler,
       .logger = ports.logger,
       .devices = std::make_unique<datapath::odp::KernelOvsDevices>(
           ports.links,
           datapath::odp::KernelOvsDevices::Config{
               .bridge = setup.bridge, .mtu = setup.mtu, .host_mac = datapath::bridge_mac(setup.self)}),
       .open = [name, &watcher = ports.watcher,
                logger = ports.logger]() -> Result<std::unique_ptr<datapath::odp::DatapathInterface>> {
         return datapath::odp::KernelDatapath::open(name, watcher, {.logger = logger});
       },
       .post = ports.post,
       .words = raw_words()},
      {.self = setup.self, .datapath = name, .bridged = bridged});
}

Result<Path> open_openvswitch(FastPathSetup const& setup, FastPathPorts const& ports) {
  auto path = create_openvswitch(setup, ports, datapath_name(setup), true);
  if (!path) return failure_of(path);
  // Not before: where there is no Open vSwitch it goes on forwarding and is adopted. Nothing passes by both, since this
  // datapath has no VXLAN yet.
  if (auto const removed = remove_bpf(ports.links, setup.bridge); !removed) return failure_of(removed);
  return Path{std::move(*path)};
}

Result<Path> open_bpf(FastPathSetup const& setup, FastPathPorts const& ports) {
  if (auto const removed = remove_openvswitch(ports.links, datapath_name(setup)); !removed) return failure_of(removed);
  return datapath::bpf::open_bpf_fast_path({.scheduler = ports.scheduler,
                                            .watcher = ports.watcher,
                                            .logger = ports.logger,
                                            .links = ports.links,
                                            .self = setup.self,
                                            .bridge = setup.bridge,
                                            .mtu = setup.mtu,
                                            .udp_port = setup.udp_port});
}

/// Opens one rung and sees that VXLAN can have its UDP port.
Result<Path> open_rung(Result<Path> path, FastPathSetup const& setup, FastPathPorts const& ports) {
  if (!path) return path;
  (*path)->start(ports.events);
  if (auto const opened = (*path)->open_tunnel_port(setup.udp_port); !opened) return failure_of(opened);
  return path;
}

Result<void> remove_all(datapath::Links& links, std::string const& bridge, std::string const& datapath) {
  auto const openvswitch = remove_openvswitch(links, datapath);
  auto const bpf = remove_bpf(links, bridge);
  return openvswitch ? bpf : openvswitch;
}

} // namespace

Result<ChosenPath> choose_fast_path(FastPathSetup const& setup, FastPathPorts const& ports) {
  auto const wants = [&](FastPathChoice choice) {
    return setup.choice == choice || setup.choice == FastPathChoice::automatic;
  };
  bool const is_free = setup.choice == FastPathChoice::automatic;
  std::string why_none;
  if (wants(FastPathChoice::openvswitch)) {
    auto path = open_rung(open_openvswitch(setup, ports), setup, ports);
    if (path) return ChosenPath{*std::move(path)};
    if (!is_free) return failure_of(path);
    ports.logger.info("no fast path through Open vSwitch: {}", path.error().text());
    why_none = fmt::format("Open vSwitch: {}; ", path.error().text());
  }
  if (wants(FastPathChoice::bpf)) {
    auto path = open_rung(open_bpf(setup, ports), setup, ports);
    if (path) return ChosenPath{*std::move(path)};
    if (!is_free) return failure_of(path);
    ports.logger.info("no fast path with BPF: {}", path.error().text());
    why_none += fmt::format("VXLAN with BPF: {}", path.error().text());
  }
  if (auto const removed = remove_all(ports.links, setup.bridge, datapath_name(setup)); !removed) {
    return failure_of(removed);
  }
  if (is_free)
    ports.logger.warning(
        "no kernel fast path: traffic between hosts takes the slower way through weaver; 'weave doctor' shows what is "
        "missing");
  return ChosenPath{.path = {}, .why_none = std::move(why_none)};
}

Result<UnbridgedPath> open_unbridged_path(FastPathSetup const& setup, FastPathPorts const& ports) {
  auto const name = setup.datapath.empty() ? setup.bridge : setup.datapath;
  auto path = create_openvswitch(setup, ports, name, false);
  if (!path) return failure_of(path);
  auto* const openvswitch = path->get();
  openvswitch->start(ports.events);
  if (auto const opened = openvswitch->open_tunnel_port(setup.udp_port); !opened) return failure_of(opened);
  return UnbridgedPath{.path = std::move(*path), .plug_in = [openvswitch](std::string const& device) {
                         return openvswitch->plug_in_container(device);
                       }};
}

Result<void> end_forwarding(datapath::Links& links, std::string const& bridge, std::string const& datapath) {
  auto outcome = datapath::remove_vxlan_devices(links);
  for (auto const& name : {bridge, datapath.empty() ? std::string{kDefaultDatapath} : datapath}) {
    auto const device = links.find(name);
    if (!device || device->kind != "openvswitch") continue;
    // The next process would take them for paths that peers go on using.
    auto const removed = datapath::odp::KernelDatapath::remove_all_flows(name);
    if (outcome) outcome = removed;
  }
  return outcome;
}

Result<void> remove_fast_paths(datapath::Links& links, std::string const& bridge, std::string const& datapath) {
  auto const unbridged = remove_openvswitch(links, bridge);
  auto const rest = remove_all(links, bridge, datapath.empty() ? std::string{kDefaultDatapath} : datapath);
  return unbridged ? rest : unbridged;
}

} // namespace weave::controller
