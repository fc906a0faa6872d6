#include <algorithm>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "datapath/link/addresses.hpp"
#include "datapath/link/links.hpp"
#include "datapath/link/overlay_bridge.hpp"
#include "datapath/link/route_socket.hpp"
#include "tools/command.hpp"
#include "tools/launch_plan.hpp"
#include "tools/process.hpp"

namespace weave::tools {
namespace {

using datapath::Links;
using datapath::RouteSocket;

constexpr std::string_view kOverlayEnd = "vethwebl";
constexpr std::string_view kOtherEnd = "vethwebg";

int explain(Error const& error, Invocation& call) {
  call.err << error.text() << "\n";
  return 1;
}

void print_member(std::string_view name, std::string_view value, Invocation& call) {
  call.out << boost::json::serialize(boost::json::object{{name, value}}) << "\n";
}

std::string docker_bridge(Settings const& settings) { return settings.non_empty("DOCKER_BRIDGE").value_or("docker0"); }

/// A device through which the kernel itself sends to other hosts.
bool has_fast_path(Links& links) {
  auto const all = links.list();
  return all && std::ranges::any_of(*all, [](datapath::Link const& link) {
           return link.kind == "openvswitch" || (link.kind == "vxlan" && link.name.starts_with("vxlan-"));
         });
}

/// Interface names have 15 characters; the end of a long bridge name tells it from others better than its beginning.
std::string end_name(std::string_view prefix, std::string_view bridge) {
  auto const room = datapath::kLinkNameMax - prefix.size();
  return fmt::format("{}{}", prefix, bridge.substr(bridge.size() - std::min(bridge.size(), room)));
}

Result<void> join(Links& links, std::string const& other, std::string const& bridge) {
  auto const overlay = links.find(bridge);
  if (!overlay && overlay.error().kind() == ErrorKind::not_found) {
    return failure(ErrorKind::not_found,
                   fmt::format("there is no bridge '{}' to join; do 'weave launch' first", bridge));
  }
  if (!overlay) return failure_of(overlay);
  if (overlay->kind != "bridge") {
    return failure(ErrorKind::refused,
                   fmt::format("'{}' is an Open vSwitch datapath; launch without --no-bridged-fastdp", bridge));
  }
  auto const target = links.find(other);
  if (!target) return failure_of(target);
  if (target->kind != "bridge" || target->index == overlay->index) {
    return failure(ErrorKind::refused, fmt::format("{} is not another bridge", other));
  }
  auto const here = end_name(kOverlayEnd, other);
  auto const there = end_name(kOtherEnd, other);
  auto const made = links.create_veth({.host_name = here, .guest_name = there, .mtu = overlay->mtu});
  if (!made && made.error().kind() != ErrorKind::already_exists) return made;
  for (auto const& [name, master] : {std::pair{here, overlay->index}, std::pair{there, target->index}}) {
    if (auto const changed = links.change(name, {.up = true, .master = master}); !changed) return changed;
  }
  return {};
}

/// What comes from the other bridge keeps its source address in the overlay.
Result<void> keep_sources(std::string const& bridge) {
  std::vector<std::string> const rule{"POSTROUTING", "-o", bridge, "-j", "ACCEPT"};
  auto const iptables = [&](std::string_view verb) {
    std::vector<std::string> words{"iptables", "-w", "5", "-t", "nat", std::string{verb}};
    words.insert(words.end(), rule.begin(), rule.end());
    return run_program(words);
  };
  if (auto const present = iptables("-C"); present && present->status == 0) return {};
  auto const added = iptables("-I");
  if (!added) return failure_of(added);
  if (added->status != 0) return failure(ErrorKind::system, added->output);
  return {};
}

} // namespace

int run_bridge_type(Invocation& call) {
  bool const json = call.take_flag("--json");
  if (!call.words.empty()) return usage(call.err, 1);
  auto socket = RouteSocket::open();
  if (!socket) return explain(socket.error(), call);
  Links links{*socket};
  auto const bridge = links.find(overlay_bridge(call.settings));
  if (!bridge) return bridge.error().kind() == ErrorKind::not_found ? 1 : explain(bridge.error(), call);
  std::string_view const type = bridge->kind != "bridge" ? "fastdp"
                                : has_fast_path(links)   ? "bridged_fastdp"
                                                         : "bridge";
  json ? print_member("type", type, call) : void(call.out << type << "\n");
  return 0;
}

int run_docker_bridge_ip(Invocation& call) {
  bool const json = call.take_flag("--json");
  if (!call.words.empty()) return usage(call.err, 1);
  auto const name = docker_bridge(call.settings);
  auto socket = RouteSocket::open();
  if (!socket) return explain(socket.error(), call);
  auto const bridge = Links{*socket}.find(name);
  if (!bridge) return explain(bridge.error(), call);
  auto const addresses = datapath::Addresses{*socket}.list(bridge->index);
  if (!addresses) return explain(addresses.error(), call);
  if (addresses->empty()) {
    call.err << fmt::format("{} has no IPv4 address; Docker gives it one when it starts\n", name);
    return 1;
  }
  auto const address = addresses->front().address.address.to_string();
  json ? print_member("address", address, call) : void(call.out << address);
  return 0;
}

int run_attach_bridge(Invocation& call) {
  if (call.words.size() > 1) return usage(call.err, 1);
  auto const other = call.words.empty() ? docker_bridge(call.settings) : call.words.front();
  auto const bridge = overlay_bridge(call.settings);
  auto socket = RouteSocket::open();
  if (!socket) return explain(socket.error(), call);
  Links links{*socket};
  if (auto const joined = join(links, other, bridge); !joined) return explain(joined.error(), call);
  if (auto const kept = keep_sources(bridge); !kept) {
    call.err << fmt::format("joined, but without the firewall rule that keeps source addresses: {}\n",
                            kept.error().text());
  }
  return 0;
}

} // namespace weave::tools
