#include "datapath/link/links.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include <fmt/format.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

namespace weave::datapath {

namespace {

ifinfomsg link_header(std::uint8_t family = AF_UNSPEC) {
  ifinfomsg header{};
  header.ifi_family = family;
  return header;
}

ByteView view(MacAddress const& mac) { return mac.bytes(); }

std::string text_of(nlattr const* attribute) {
  auto const* begin = static_cast<char const*>(nla_data(attribute));
  return std::string{begin, strnlen(begin, static_cast<std::size_t>(nla_len(attribute)))};
}

std::optional<std::uint32_t> number_of(nlattr const* attribute) {
  if (attribute == nullptr || nla_len(attribute) < 4) return std::nullopt;
  return nla_get_u32(attribute);
}

void decode_mac(nlattr const* attribute, Link& link) {
  std::array<std::uint8_t, 6> bytes{};
  if (attribute == nullptr || nla_len(attribute) != static_cast<int>(bytes.size())) return;
  std::memcpy(bytes.data(), nla_data(attribute), bytes.size());
  link.mac = MacAddress{bytes};
}

void decode_kind(nlattr* attribute, Link& link) {
  if (attribute == nullptr) return;
  std::array<nlattr*, IFLA_INFO_MAX + 1> info{};
  if (nla_parse_nested(info.data(), IFLA_INFO_MAX, attribute, nullptr) < 0) return;
  if (info[IFLA_INFO_KIND] != nullptr) link.kind = text_of(info[IFLA_INFO_KIND]);
  bool const is_port = info[IFLA_INFO_SLAVE_KIND] != nullptr && text_of(info[IFLA_INFO_SLAVE_KIND]) == "bridge";
  if (!is_port || info[IFLA_INFO_SLAVE_DATA] == nullptr) return;
  std::array<nlattr*, IFLA_BRPORT_MAX + 1> port{};
  if (nla_parse_nested(port.data(), IFLA_BRPORT_MAX, info[IFLA_INFO_SLAVE_DATA], nullptr) < 0) return;
  link.hairpin = port[IFLA_BRPORT_MODE] != nullptr && nla_get_u8(port[IFLA_BRPORT_MODE]) != 0;
}

std::optional<Link> decode_link(nlmsghdr const& message) {
  if (message.nlmsg_type != RTM_NEWLINK) return std::nullopt;
  std::array<nlattr*, IFLA_MAX + 1> attributes{};
  // nlmsg_parse only reads the message.
  auto* const header = const_cast<nlmsghdr*>(&message);
  if (nlmsg_parse(header, sizeof(ifinfomsg), attributes.data(), IFLA_MAX, nullptr) < 0) return std::nullopt;
  auto const* const info = static_cast<ifinfomsg const*>(nlmsg_data(header));
  Link link;
  link.index = LinkIndex{static_cast<std::uint32_t>(info->ifi_index)};
  link.up = (info->ifi_flags & IFF_UP) != 0;
  if (attributes[IFLA_IFNAME] != nullptr) link.name = text_of(attributes[IFLA_IFNAME]);
  link.mtu = number_of(attributes[IFLA_MTU]).value_or(0);
  if (auto const master = number_of(attributes[IFLA_MASTER])) link.master = LinkIndex{*master};
  if (auto const peer = number_of(attributes[IFLA_LINK])) link.peer = LinkIndex{*peer};
  link.peer_here = attributes[IFLA_LINK_NETNSID] == nullptr;
  decode_mac(attributes[IFLA_ADDRESS], link);
  decode_kind(attributes[IFLA_LINKINFO], link);
  return link;
}

void put_bridge_info(RouteMessage& message) {
  message.nest(IFLA_LINKINFO, [](RouteMessage& info) {
    info.put_text(IFLA_INFO_KIND, "bridge").nest(IFLA_INFO_DATA, [](RouteMessage& data) {
      data.put_u32(IFLA_BR_STP_STATE, 0).put_u8(IFLA_BR_MCAST_SNOOPING, 0);
    });
  });
}

Result<Link> find_one(RouteSocket& socket, RouteMessage message, std::string const& what) {
  std::optional<Link> found;
  auto const asked = socket.query(std::move(message), what, [&](nlmsghdr const& answer) {
    if (auto link = decode_link(answer)) found = std::move(link);
  });
  if (!asked) return failure_of(asked);
  if (!found) return failure(ErrorKind::not_found, what + ": no answer");
  return *found;
}

} // namespace

Result<void> check_link_name(std::string_view name) {
  auto const bad = [](char c) { return c == '/' || c == ':' || c <= ' ' || c == 0x7f; };
  if (name.empty() || name.size() > kLinkNameMax || std::ranges::any_of(name, bad) || name == "." || name == "..") {
    return failure(ErrorKind::out_of_range, fmt::format("invalid interface name \"{}\"", name));
  }
  return {};
}

Result<Link> Links::find(std::string_view name) {
  if (auto const valid = check_link_name(name); !valid) return failure_of(valid);
  RouteMessage message{RTM_GETLINK, 0};
  message.header(link_header()).put_text(IFLA_IFNAME, name);
  return find_one(socket_, std::move(message), fmt::format("find interface {}", name));
}

Result<Link> Links::find(LinkIndex index) {
  auto header = link_header();
  header.ifi_index = static_cast<int>(index);
  RouteMessage message{RTM_GETLINK, 0};
  message.header(header);
  return find_one(socket_, std::move(message), fmt::format("find interface {}", static_cast<std::uint32_t>(index)));
}

Result<std::vector<Link>> Links::list(std::string_view prefix) {
  RouteMessage message{RTM_GETLINK, NLM_F_DUMP};
  message.header(link_header());
  std::vector<Link> links;
  auto const dumped = socket_.query(
      std::move(message), "list interfaces",
      [&](nlmsghdr const& answer) {
        auto link = decode_link(answer);
        if (link && link->name.starts_with(prefix)) links.push_back(std::move(*link));
      },
      [&] { links.clear(); });
  if (!dumped) return failure_of(dumped);
  return links;
}

Result<void> Links::create_bridge(BridgeSpec const& spec) {
  if (auto valid = check_link_name(spec.name); !valid) return valid;
  RouteMessage message{RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL};
  message.header(link_header())
      .put_text(IFLA_IFNAME, spec.name)
      .put(IFLA_ADDRESS, view(spec.mac))
      .put_u32(IFLA_MTU, spec.mtu);
  put_bridge_info(message);
  return socket_.request(std::move(message), fmt::format("create bridge {}", spec.name));
}

Result<void> Links::tame_bridge(std::string_view name) {
  if (auto valid = check_link_name(name); !valid) return valid;
  RouteMessage message{RTM_NEWLINK, 0};
  message.header(link_header()).put_text(IFLA_IFNAME, name);
  put_bridge_info(message);
  return socket_.request(std::move(message), fmt::format("configure bridge {}", name));
}

Result<void> Links::create_veth(VethSpec const& spec) {
  for (auto const& name : {spec.host_name, spec.guest_name}) {
    if (auto valid = check_link_name(name); !valid) return valid;
  }
  RouteMessage message{RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL};
  message.header(link_header()).put_text(IFLA_IFNAME, spec.host_name).put_u32(IFLA_MTU, spec.mtu);
  message.nest(IFLA_LINKINFO, [&](RouteMessage& info) {
    info.put_text(IFLA_INFO_KIND, "veth").nest(IFLA_INFO_DATA, [&](RouteMessage& data) {
      data.nest(VETH_INFO_PEER, [&](RouteMessage& peer) {
        peer.header(link_header()).put_text(IFLA_IFNAME, spec.guest_name).put_u32(IFLA_MTU, spec.mtu);
        if (spec.guest_mac) peer.put(IFLA_ADDRESS, view(*spec.guest_mac));
      });
    });
  });
  return socket_.request(std::move(message),
                         fmt::format("could not create veth pair {}-{}", spec.host_name, spec.guest_name));
}

Result<void> Links::remove(std::string_view name) {
  if (auto valid = check_link_name(name); !valid) return valid;
  RouteMessage message{RTM_DELLINK, 0};
  message.header(link_header()).put_text(IFLA_IFNAME, name);
  return socket_.request(std::move(message), fmt::format("delete interface {}", name), Tolerate::missing);
}

Result<void> Links::change(std::string_view name, LinkChange const& change) {
  auto const link = find(name);
  if (!link) return failure_of(link);
  auto header = link_header();
  header.ifi_index = static_cast<int>(link->index);
  if (change.up) {
    header.ifi_change = IFF_UP;
    header.ifi_flags = *change.up ? unsigned{IFF_UP} : 0U;
  }
  RouteMessage message{RTM_NEWLINK, 0};
  message.header(header);
  if (change.name) message.put_text(IFLA_IFNAME, *change.name);
  if (change.mtu) message.put_u32(IFLA_MTU, *change.mtu);
  if (change.mac) message.put(IFLA_ADDRESS, view(*change.mac));
  if (change.master) message.put_u32(IFLA_MASTER, static_cast<std::uint32_t>(*change.master));
  if (change.namespace_fd) message.put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(*change.namespace_fd));
  return socket_.request(std::move(message), fmt::format("change interface {}", name));
}

Result<void> Links::change_port(std::string_view name, BridgePortChange const& change) {
  auto const link = find(name);
  if (!link) return failure_of(link);
  auto header = link_header(AF_BRIDGE);
  header.ifi_index = static_cast<int>(link->index);
  RouteMessage message{RTM_SETLINK, 0};
  message.header(header).nest(IFLA_PROTINFO | NLA_F_NESTED, [&](RouteMessage& port) {
    auto const put = [&](int attribute, std::optional<bool> value) {
      if (value) port.put_u8(attribute, *value ? 1 : 0);
    };
    put(IFLA_BRPORT_MODE, change.hairpin);
    put(IFLA_BRPORT_LEARNING, change.learning);
    put(IFLA_BRPORT_UNICAST_FLOOD, change.flood);
    put(IFLA_BRPORT_MCAST_FLOOD, change.flood);
    put(IFLA_BRPORT_BCAST_FLOOD, change.flood);
    put(IFLA_BRPORT_ISOLATED, change.isolated);
  });
  return socket_.request(std::move(message), fmt::format("change bridge port {}", name));
}

} // namespace weave::datapath
