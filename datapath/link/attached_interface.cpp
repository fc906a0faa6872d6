#include "datapath/link/attached_interface.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <linux/rtnetlink.h>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "datapath/link/addresses.hpp"
#include "datapath/link/device_settings.hpp"
#include "datapath/link/gratuitous_arp.hpp"

namespace weave::datapath {
namespace {

constexpr std::string_view kMulticast = "224.0.0.0/4";
constexpr std::array<std::uint8_t, 4> kMulticastBytes{224, 0, 0, 0};
constexpr std::uint8_t kMulticastPrefix = 4;
/// The other end's carrier follows in its own time.
constexpr std::chrono::milliseconds kBeforeAnnouncement{1};

std::vector<std::string> drop_all() {
  return {"INPUT", "-i", std::string{kAttachedName}, "-d", std::string{kMulticast}, "-j", "DROP"};
}

std::vector<std::string> accept_from(Ipv4Cidr const& subnet) {
  return {
      "INPUT", "-i",    std::string{kAttachedName}, "-s", subnet.network().to_string(), "-d", std::string{kMulticast},
      "-j",    "ACCEPT"};
}

Result<void> add_multicast_route(RouteSocket& socket, LinkIndex link) {
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_dst_len = kMulticastPrefix;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_BOOT;
  header.rtm_scope = RT_SCOPE_LINK;
  header.rtm_type = RTN_UNICAST;
  RouteMessage message{RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL};
  message.header(header).put(RTA_DST, kMulticastBytes).put_u32(RTA_OIF, static_cast<std::uint32_t>(link));
  return socket.request(std::move(message), fmt::format("add route {}", kMulticast), Tolerate::existing);
}

std::vector<Ipv4Cidr> cidrs_of(std::vector<InterfaceAddress> const& addresses) {
  std::vector<Ipv4Cidr> cidrs;
  for (auto const& each : addresses) cidrs.push_back(each.address);
  return cidrs;
}

bool contains(std::vector<Ipv4Cidr> const& cidrs, Ipv4Cidr const& cidr) {
  return std::ranges::find(cidrs, cidr) != cidrs.end();
}

/// Adds to the interface what it lacks; gives what was added.
Result<std::vector<Ipv4Cidr>> add_missing(Addresses& addresses, LinkIndex link, std::vector<Ipv4Cidr> const& wanted) {
  auto const present = addresses.list(link);
  if (!present) return failure_of(present);
  auto all = cidrs_of(*present);
  std::vector<Ipv4Cidr> added;
  for (auto const& cidr : wanted) {
    if (contains(all, cidr)) continue;
    if (auto const done = addresses.add({.link = link, .address = cidr}); !done) return failure_of(done);
    all.push_back(cidr);
    added.push_back(cidr);
  }
  return added;
}

} // namespace

Result<void> shorten_neighbour_timers(std::string_view link_name) {
  for (auto const& [key, value] :
       {std::pair{"base_reachable_time", "5"}, {"delay_first_probe_time", "2"}, {"ucast_solicit", "1"}}) {
    auto const written = write_sysctl(fmt::format("net/ipv4/neigh/{}/{}", link_name, key), value);
    if (!written) return written;
  }
  return {};
}

Result<bool> AttachedInterface::exists() const {
  bool found = false;
  auto const looked = guest_.run([&]() -> Result<void> {
    auto socket = RouteSocket::open();
    if (!socket) return failure_of(socket);
    auto const link = Links{*socket}.find(kAttachedName);
    if (!link && link.error().kind() != ErrorKind::not_found) return failure_of(link);
    found = link.has_value();
    return {};
  });
  if (!looked) return failure_of(looked);
  return found;
}

Result<void> AttachedInterface::plug(SandboxInterfaces& sandboxes, Links& links, std::int64_t pid,
                                     std::string const& bridge) const {
  auto const host_name = fmt::format("{}{}", kAttachedHostPrefix, pid);
  auto const guest_name = fmt::format("{}{}", kAttachedGuestPrefix, pid);
  auto const made = sandboxes.create_endpoint(
      {.host_name = host_name, .guest_name = guest_name, .mtu = 0, .mac = {}, .bridge = bridge});
  if (!made) return failure_of(made);
  auto moved = links.change(guest_name, {.name = std::string{kAttachedName}, .namespace_fd = guest_.fd()});
  // A container may talk to itself through the overlay; a port of Open vSwitch has no such setting.
  auto const master = links.find(bridge);
  if (moved && master && master->kind == "bridge") moved = links.change_port(host_name, {.hairpin = true});
  if (moved) moved = prepare();
  if (!moved) (void)links.remove(host_name);
  return moved;
}

/// What does not survive the move into another namespace.
Result<void> AttachedInterface::prepare() const {
  return guest_.run([]() -> Result<void> {
    if (auto const refused = refuse_ipv6_autoconf(kAttachedName); !refused) return refused;
    return shorten_neighbour_timers(kAttachedName);
  });
}

Result<AttachedInterface::State> AttachedInterface::configure(Wish const& wish) const {
  State state;
  auto const configured = guest_.run([&]() -> Result<void> {
    auto socket = RouteSocket::open();
    if (!socket) return failure_of(socket);
    Links links{*socket};
    Addresses addresses{*socket};
    auto const link = links.find(kAttachedName);
    if (!link) return failure_of(link);
    // Before the first frame can arrive.
    if (auto const filtered = filter_multicast(wish.addresses); !filtered) state.unfiltered = filtered.error();
    auto const added = add_missing(addresses, link->index, wish.addresses);
    if (!added) return failure_of(added);
    if (auto const up = links.change(kAttachedName, {.up = true}); !up) return up;
    for (auto const& cidr : *added) {
      std::this_thread::sleep_for(kBeforeAnnouncement);
      if (auto const sent = send_gratuitous_arp(kAttachedName, link->mac, cidr.address); !sent) return sent;
    }
    // Last: programs in the container wait for it as the sign that all is there.
    if (wish.multicast_route) {
      if (auto const routed = add_multicast_route(*socket, link->index); !routed) return routed;
    }
    auto const now = addresses.list(link->index);
    if (!now) return failure_of(now);
    state.addresses = cidrs_of(*now);
    return {};
  });
  if (!configured) return failure_of(configured);
  return state;
}

Result<void> AttachedInterface::remove(std::vector<Ipv4Address> const& unwanted) const {
  return guest_.run([&]() -> Result<void> {
    auto socket = RouteSocket::open();
    if (!socket) return failure_of(socket);
    Links links{*socket};
    Addresses addresses{*socket};
    auto const link = links.find(kAttachedName);
    if (!link) return link.error().kind() == ErrorKind::not_found ? Result<void>{} : failure_of(link);
    auto const before = addresses.list(link->index);
    if (!before) return failure_of(before);
    auto const is_unwanted = [&](Ipv4Address address) {
      return std::ranges::find(unwanted, address) != unwanted.end();
    };
    for (auto const& each : *before) {
      if (!is_unwanted(each.address.address)) continue;
      if (auto const removed = addresses.remove(each); !removed) return removed;
    }
    // The kernel takes secondary addresses of a subnet along with the first.
    std::vector<Ipv4Cidr> kept;
    for (auto const& each : *before) {
      if (is_unwanted(each.address.address)) continue;
      if (auto const added = addresses.add(each); !added) return added;
      kept.push_back(each.address);
    }
    auto const subnet_kept = [&](Ipv4Cidr const& cidr) {
      return std::ranges::any_of(kept, [&](Ipv4Cidr const& each) { return each.network() == cidr.network(); });
    };
    for (auto const& each : *before) {
      if (!subnet_kept(each.address)) drop_rule(accept_from(each.address));
    }
    if (!kept.empty()) return {};
    drop_rule(drop_all());
    return links.remove(kAttachedName);
  });
}

/// Multicast crosses the whole overlay: only that of the container's own subnets is for it.
Result<void> AttachedInterface::filter_multicast(std::vector<Ipv4Cidr> const& subnets) const {
  if (auto const dropped = ensure_rule("-A", drop_all()); !dropped) return dropped;
  for (auto const& subnet : subnets) {
    if (auto const accepted = ensure_rule("-I", accept_from(subnet)); !accepted) return accepted;
  }
  return {};
}

Result<void> AttachedInterface::ensure_rule(std::string const& action, std::vector<std::string> const& rule) const {
  auto const with = [&](std::string const& verb) {
    std::vector<std::string> command{"iptables", "-w", "5", verb};
    command.insert(command.end(), rule.begin(), rule.end());
    return run_(command);
  };
  auto const present = with("-C");
  if (!present || *present == 0) return present ? Result<void>{} : failure_of(present);
  auto const added = with(action);
  if (!added) return failure_of(added);
  if (*added == 0) return {};
  return failure(ErrorKind::system, fmt::format("iptables refuses a rule in the container (exit status {})", *added));
}

void AttachedInterface::drop_rule(std::vector<std::string> const& rule) const {
  std::vector<std::string> command{"iptables", "-w", "5", "-D"};
  command.insert(command.end(), rule.begin(), rule.end());
  // Without the interface the rule means nothing; it may never have been there.
  (void)run_(command);
}

} // namespace weave::datapath
