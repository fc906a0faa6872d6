#include "datapath/bpf/vxlan_ports.hpp"

#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "datapath/link/vxlan_device.hpp"

namespace weave::datapath::bpf {

namespace {

std::uint32_t number(LinkIndex index) { return static_cast<std::uint32_t>(index); }

} // namespace

VxlanPorts::VxlanPorts(Links& links, Logger logger, Config config)
    : links_{links}, logger_{std::move(logger)}, config_{std::move(config)} {}

std::uint32_t VxlanPorts::device_of(std::uint16_t udp_port) const {
  auto const found = ports_.find(udp_port);
  return found == ports_.end() ? 0 : number(found->second);
}

std::uint16_t VxlanPorts::port_of(std::uint32_t ifindex) const {
  for (auto const& [port, index] : ports_) {
    if (number(index) == ifindex) return port;
  }
  return 0;
}

Result<void> VxlanPorts::open(std::uint16_t udp_port, KernelPrograms const& programs, bool keep_programs) {
  auto const name = vxlan_device_name(udp_port);
  bool const existed = links_.find(name).has_value();
  auto const link = ensure_device(udp_port);
  if (!link) return failure_of(link);
  auto ready = attach(link->index, programs, keep_programs);
  if (ready && udp_port == config_.primary_port) ready = join_bridge(name);
  if (ready) {
    ports_[udp_port] = link->index;
  } else if (!existed) {
    (void)links_.remove(name);
  }
  return ready;
}

Result<Link> VxlanPorts::ensure_device(std::uint16_t udp_port) {
  VxlanSpec const spec{.name = vxlan_device_name(udp_port), .udp_port = udp_port, .mtu = config_.mtu};
  auto link = ensure_vxlan_device(links_, spec);
  if (!link || !link->master) return link;
  auto const bridge = links_.find(config_.bridge);
  bool const primary = udp_port == config_.primary_port;
  if (bridge && primary && link->master == bridge->index) return link;
  // Another port was ours before, or it belongs to an Open vSwitch datapath, which lets go of it in no other way.
  auto const left = links_.change(spec.name, {.master = LinkIndex{0}});
  if (left) return links_.find(spec.name);
  if (auto const removed = links_.remove(spec.name); !removed) return failure_of(removed);
  return ensure_vxlan_device(links_, spec);
}

Result<void> VxlanPorts::attach(LinkIndex link, KernelPrograms const& programs, bool keep) {
  if (auto added = add_tc_hooks(links_.socket(), link); !added) return added;
  if (auto done = hang(link, TcHook::egress, Program::egress, programs, keep); !done) return done;
  return hang(link, TcHook::ingress, Program::ingress, programs, keep);
}

Result<void> VxlanPorts::hang(LinkIndex link, TcHook hook, Program program, KernelPrograms const& programs, bool keep) {
  auto const present = attached_program(links_.socket(), link, hook);
  if (!present) return failure_of(present);
  if (*present) {
    if (keep) return {};
    auto const info = find_program(**present);
    if (info && programs.is_same(program, *info)) return {};
  }
  return attach_filter(links_.socket(), link, hook, programs.fd(program));
}

Result<void> VxlanPorts::join_bridge(std::string const& name) {
  auto const bridge = links_.find(config_.bridge);
  if (!bridge) return failure_of(bridge);
  auto const link = links_.find(name);
  if (!link) return failure_of(link);
  if (link->master != bridge->index) {
    if (auto joined = links_.change(name, {.master = bridge->index}); !joined) return joined;
  }
  return links_.change_port(name, {.hairpin = false, .learning = true, .flood = true, .isolated = true});
}

Result<void> VxlanPorts::open_user(std::string const& device, KernelPrograms const& programs) {
  auto const link = links_.find(device);
  if (!link) return failure_of(link);
  if (link->master) {
    if (auto left = links_.change(device, {.master = LinkIndex{0}}); !left) return left;
  }
  if (auto added = add_tc_hooks(links_.socket(), link->index); !added) return added;
  if (auto done = hang(link->index, TcHook::ingress, Program::user, programs, false); !done) return done;
  if (!link->up) {
    if (auto raised = links_.change(device, {.up = true}); !raised) return raised;
  }
  user_name_ = device;
  user_index_ = link->index;
  return {};
}

Result<void> VxlanPorts::attach_all(KernelPrograms const& programs) {
  for (auto const& [port, index] : ports_) {
    if (auto done = attach(index, programs, false); !done) return done;
  }
  if (user_name_.empty()) return {};
  return hang(user_index_, TcHook::ingress, Program::user, programs, false);
}

bool VxlanPorts::check(KernelPrograms const& programs) {
  auto const before = ports_;
  for (auto const& [port, index] : before) check_port(port, programs);
  if (!user_name_.empty()) check_user(programs);
  return ports_ != before;
}

void VxlanPorts::check_port(std::uint16_t udp_port, KernelPrograms const& programs) {
  auto const name = vxlan_device_name(udp_port);
  bool const primary = udp_port == config_.primary_port;
  auto const mended = mend(udp_port, programs);
  if (!mended) {
    say(name, mended.error().text());
    if (primary) trouble_ = {.checks = trouble_.checks + 1, .why = mended.error().text()};
    return;
  }
  said_.erase(name);
  if (primary) trouble_ = {};
  if (!mended->empty()) logger_.warning("{}: {}; mended", name, fmt::join(*mended, ", "));
}

Result<std::vector<std::string>> VxlanPorts::mend(std::uint16_t udp_port, KernelPrograms const& programs) {
  std::vector<std::string> faults;
  auto const name = vxlan_device_name(udp_port);
  auto const link = links_.find(name);
  if (!link && link.error().kind() != ErrorKind::not_found) return failure_of(link);
  if (!link || link->index != ports_.at(udp_port)) {
    if (auto opened = open(udp_port, programs); !opened) return failure_of(opened);
    return std::vector<std::string>{"the device was deleted"};
  }
  if (!link->up || link->mtu != config_.mtu) {
    auto const raised = ensure_vxlan_device(links_, {.name = name, .udp_port = udp_port, .mtu = config_.mtu});
    if (!raised) return failure_of(raised);
    faults.emplace_back(link->up ? "its MTU was changed" : "it was down");
  }
  auto const egress = mend_filter(link->index, TcHook::egress, Program::egress, programs);
  if (!egress) return failure_of(egress);
  auto const ingress = mend_filter(link->index, TcHook::ingress, Program::ingress, programs);
  if (!ingress) return failure_of(ingress);
  if (*egress || *ingress) faults.emplace_back("somebody removed our BPF programs");
  if (udp_port != config_.primary_port) return faults;
  auto const bridge = links_.find(config_.bridge);
  if (!bridge) return failure_of(bridge);
  if (link->master == bridge->index) return faults;
  if (auto joined = join_bridge(name); !joined) return failure_of(joined);
  faults.push_back(fmt::format("it was no port of {}", config_.bridge));
  return faults;
}

Result<bool> VxlanPorts::mend_filter(LinkIndex link, TcHook hook, Program program, KernelPrograms const& programs) {
  auto const present = attached_program(links_.socket(), link, hook);
  if (present && *present) return false;
  if (auto const added = add_tc_hooks(links_.socket(), link); !added) return failure_of(added);
  auto const attached = attach_filter(links_.socket(), link, hook, programs.fd(program));
  if (!attached) return failure_of(attached);
  return true;
}

void VxlanPorts::check_user(KernelPrograms const& programs) {
  auto const link = links_.find(user_name_);
  // Its owner makes it anew and says so.
  if (!link || link->index != user_index_) return;
  auto const mended = mend_filter(link->index, TcHook::ingress, Program::user, programs);
  if (!mended) {
    say(user_name_, mended.error().text());
  } else if (*mended) {
    said_.erase(user_name_);
    logger_.warning("{}: somebody removed our BPF program; mended", user_name_);
  }
}

void VxlanPorts::say(std::string const& device, std::string const& problem) {
  auto& said = said_[device];
  if (said == problem) return;
  said = problem;
  logger_.error("{} carries nothing until this is mended: {}", device, problem);
}

} // namespace weave::datapath::bpf
