#include "datapath/link/vxlan_device.hpp"

#include <array>
#include <cstring>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <optional>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "base/unique_fd.hpp"

namespace weave::datapath {

namespace {

constexpr std::string_view kAlias = "weave";
constexpr std::string_view kPrefix = "vxlan-";

/// What tells our devices from others of the same name.
struct Traits {
  bool external = false;
  std::uint16_t udp_port = 0;
  std::string alias;
};

std::string text_of(nlattr const* attribute) {
  auto const* begin = static_cast<char const*>(nla_data(attribute));
  return std::string{begin, strnlen(begin, static_cast<std::size_t>(nla_len(attribute)))};
}

void decode_vxlan(nlattr* info_attribute, Traits& traits) {
  std::array<nlattr*, IFLA_INFO_MAX + 1> info{};
  if (nla_parse_nested(info.data(), IFLA_INFO_MAX, info_attribute, nullptr) < 0) return;
  std::array<nlattr*, IFLA_VXLAN_MAX + 1> data{};
  if (info[IFLA_INFO_DATA] == nullptr) return;
  if (nla_parse_nested(data.data(), IFLA_VXLAN_MAX, info[IFLA_INFO_DATA], nullptr) < 0) return;
  auto const* const external = data[IFLA_VXLAN_COLLECT_METADATA];
  auto const* const port = data[IFLA_VXLAN_PORT];
  traits.external = external != nullptr && nla_len(external) >= 1 && nla_get_u8(external) != 0;
  if (port != nullptr && nla_len(port) >= 2) traits.udp_port = ntohs(nla_get_u16(port));
}

Traits decode_traits(nlmsghdr const& answer) {
  Traits traits;
  std::array<nlattr*, IFLA_MAX + 1> attributes{};
  // nlmsg_parse only reads the message.
  auto* const header = const_cast<nlmsghdr*>(&answer);
  if (nlmsg_parse(header, sizeof(ifinfomsg), attributes.data(), IFLA_MAX, nullptr) < 0) return traits;
  if (attributes[IFLA_IFALIAS] != nullptr) traits.alias = text_of(attributes[IFLA_IFALIAS]);
  if (attributes[IFLA_LINKINFO] != nullptr) decode_vxlan(attributes[IFLA_LINKINFO], traits);
  return traits;
}

ifinfomsg header_of(LinkIndex index) {
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(index);
  return header;
}

Result<Traits> traits_of(RouteSocket& socket, Link const& link) {
  RouteMessage message{RTM_GETLINK, 0};
  message.header(header_of(link.index));
  Traits traits;
  auto const asked = socket.query(std::move(message), fmt::format("find interface {}", link.name),
                                  [&](nlmsghdr const& answer) { traits = decode_traits(answer); });
  if (!asked) return failure_of(asked);
  return traits;
}

/// A device without alias may be one that a process of ours made and did not live to mark.
bool is_ours(Link const& link, Traits const& traits) {
  return traits.alias == kAlias || (traits.alias.empty() && !link.up && !link.master);
}

Result<void> check_ours(RouteSocket& socket, Link const& link, VxlanSpec const& spec) {
  auto const taken = [&](std::string_view why) {
    return failure(ErrorKind::already_exists, fmt::format("interface \"{}\" exists and {}", link.name, why));
  };
  if (link.kind != "vxlan") return taken("is not a VXLAN device");
  auto const traits = traits_of(socket, link);
  if (!traits) return failure_of(traits);
  if (!traits->external) return taken("is a VXLAN device for a single network");
  if (traits->udp_port != spec.udp_port) return taken(fmt::format("has UDP port {}", traits->udp_port));
  if (!is_ours(link, *traits)) return taken("belongs to somebody else");
  return {};
}

Result<void> create(RouteSocket& socket, VxlanSpec const& spec) {
  RouteMessage message{RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL};
  message.header(header_of({})).put_text(IFLA_IFNAME, spec.name).put_u32(IFLA_MTU, spec.mtu);
  message.nest(IFLA_LINKINFO, [&](RouteMessage& info) {
    info.put_text(IFLA_INFO_KIND, "vxlan").nest(IFLA_INFO_DATA, [&](RouteMessage& data) {
      std::uint16_t const port = htons(spec.udp_port);
      data.put_u8(IFLA_VXLAN_COLLECT_METADATA, 1)
          .put(IFLA_VXLAN_PORT, {reinterpret_cast<std::uint8_t const*>(&port), sizeof port})
          .put_u8(IFLA_VXLAN_LEARNING, 0)
          .put_u8(IFLA_VXLAN_UDP_CSUM, 0)
          .put_u8(IFLA_VXLAN_UDP_ZERO_CSUM6_RX, 1);
    });
  });
  return socket.request(std::move(message), fmt::format("create VXLAN device {}", spec.name));
}

/// What the kernel does not take in the request that creates the device.
Result<void> mark(RouteSocket& socket, Link const& link) {
  RouteMessage alias{RTM_NEWLINK, 0};
  alias.header(header_of(link.index)).put_text(IFLA_IFALIAS, kAlias);
  auto const marked = socket.request(std::move(alias), fmt::format("mark interface {}", link.name));
  if (!marked) return marked;
  if (::access("/proc/net/if_inet6", F_OK) != 0) return {};
  RouteMessage quiet{RTM_NEWLINK, 0};
  quiet.header(header_of(link.index)).nest(IFLA_AF_SPEC, [](RouteMessage& families) {
    families.nest(AF_INET6,
                  [](RouteMessage& family) { family.put_u8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE); });
  });
  return socket.request(std::move(quiet), fmt::format("switch IPv6 addresses of {} off", link.name));
}

Result<void> bring_up(Links& links, VxlanSpec const& spec, Link const& link) {
  if (link.mtu != spec.mtu) {
    if (auto changed = links.change(spec.name, {.mtu = spec.mtu}); !changed) return changed;
  }
  if (link.up) return {};
  auto raised = links.change(spec.name, {.up = true});
  if (raised || raised.error().kind() != ErrorKind::already_exists) return raised;
  return failure(ErrorKind::already_exists, fmt::format("UDP port {} is in use by somebody else", spec.udp_port));
}

Result<Link> make(Links& links, VxlanSpec const& spec) {
  if (auto const created = create(links.socket(), spec); !created) {
    if (created.error().kind() != ErrorKind::already_exists) return failure_of(created);
    // The name is free, so it is the port: another device of this kind has it.
    return failure(ErrorKind::already_exists, fmt::format("UDP port {} is in use by somebody else", spec.udp_port));
  }
  return links.find(spec.name);
}

/// The device opens an IPv6 socket too when it goes up. Where IPv6 is a module that is not loaded yet, the kernel would
/// load it while it holds the lock that the module needs, and hang for good.
void load_ipv6() { UniqueFd const socket{::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)}; }

} // namespace

std::string vxlan_device_name(std::uint16_t udp_port) { return fmt::format("{}{}", kPrefix, udp_port); }

Result<Link> ensure_vxlan_device(Links& links, VxlanSpec const& spec) {
  if (auto const valid = check_link_name(spec.name); !valid) return failure_of(valid);
  load_ipv6();
  auto link = links.find(spec.name);
  if (!link) {
    if (link.error().kind() != ErrorKind::not_found) return link;
    link = make(links, spec);
    if (!link) return link;
  } else if (auto const ours = check_ours(links.socket(), *link, spec); !ours) {
    return failure_of(ours);
  }
  auto ready = link->up ? Result<void>{} : mark(links.socket(), *link);
  if (ready) ready = bring_up(links, spec, *link);
  if (ready) return links.find(spec.name);
  if (!link->up) (void)links.remove(spec.name);
  return failure_of(ready);
}

Result<std::map<std::uint16_t, Link>> list_vxlan_devices(Links& links) {
  auto listed = links.list(kPrefix);
  if (!listed) return failure_of(listed);
  std::map<std::uint16_t, Link> devices;
  for (auto& link : *listed) {
    if (link.kind != "vxlan") continue;
    auto const traits = traits_of(links.socket(), link);
    // One that has gone meanwhile is no reason to know nothing about the others.
    if (!traits || !traits->external || !is_ours(link, *traits)) continue;
    devices.emplace(traits->udp_port, std::move(link));
  }
  return devices;
}

Result<void> remove_vxlan_devices(Links& links) {
  auto const devices = list_vxlan_devices(links);
  if (!devices) return failure_of(devices);
  Result<void> outcome;
  for (auto const& [port, link] : *devices) {
    auto const removed = links.remove(link.name);
    if (!removed && outcome) outcome = removed;
  }
  return outcome;
}

} // namespace weave::datapath
