#include "datapath/link/addresses.hpp"

#include <array>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <fmt/format.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

namespace weave::datapath {

namespace {

std::array<std::uint8_t, 4> wire(Ipv4Address address) {
  auto const v = address.value();
  return {static_cast<std::uint8_t>(v >> 24), static_cast<std::uint8_t>(v >> 16), static_cast<std::uint8_t>(v >> 8),
          static_cast<std::uint8_t>(v)};
}

std::optional<Ipv4Address> address_of(nlattr const* attribute) {
  if (attribute == nullptr || nla_len(attribute) != 4) return std::nullopt;
  auto const* bytes = static_cast<std::uint8_t const*>(nla_data(attribute));
  return Ipv4Address{std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 |
                     bytes[3]};
}

std::optional<LinkIndex> index_of(nlattr const* attribute) {
  if (attribute == nullptr || nla_len(attribute) < 4) return std::nullopt;
  return LinkIndex{nla_get_u32(attribute)};
}

RouteMessage address_message(int type, int flags, InterfaceAddress const& address) {
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  header.ifa_prefixlen = static_cast<std::uint8_t>(address.address.prefix);
  header.ifa_index = static_cast<std::uint32_t>(address.link);
  RouteMessage message{type, flags};
  auto const bytes = wire(address.address.address);
  message.header(header).put(IFA_LOCAL, bytes).put(IFA_ADDRESS, bytes);
  if (type == RTM_NEWADDR && address.address.prefix < 31) {
    auto const broadcast = address.address.network().address.value() | ~address.address.mask();
    message.put(IFA_BROADCAST, wire(Ipv4Address{broadcast}));
  }
  return message;
}

std::optional<InterfaceAddress> decode_address(nlmsghdr const& message) {
  if (message.nlmsg_type != RTM_NEWADDR) return std::nullopt;
  auto* const header = const_cast<nlmsghdr*>(&message);
  std::array<nlattr*, IFA_MAX + 1> attributes{};
  if (nlmsg_parse(header, sizeof(ifaddrmsg), attributes.data(), IFA_MAX, nullptr) < 0) return std::nullopt;
  auto const* const info = static_cast<ifaddrmsg const*>(nlmsg_data(header));
  auto const address = address_of(attributes[IFA_LOCAL]);
  if (info->ifa_family != AF_INET || !address) return std::nullopt;
  return InterfaceAddress{.link = LinkIndex{info->ifa_index},
                          .address = {.address = *address, .prefix = info->ifa_prefixlen}};
}

std::optional<Route> decode_route(nlmsghdr const& message) {
  if (message.nlmsg_type != RTM_NEWROUTE) return std::nullopt;
  auto* const header = const_cast<nlmsghdr*>(&message);
  std::array<nlattr*, RTA_MAX + 1> attributes{};
  if (nlmsg_parse(header, sizeof(rtmsg), attributes.data(), RTA_MAX, nullptr) < 0) return std::nullopt;
  auto const* const info = static_cast<rtmsg const*>(nlmsg_data(header));
  if (info->rtm_family != AF_INET || info->rtm_table != RT_TABLE_MAIN || info->rtm_type != RTN_UNICAST) {
    return std::nullopt;
  }
  return Route{
      .destination = {.address = address_of(attributes[RTA_DST]).value_or(Ipv4Address{}), .prefix = info->rtm_dst_len},
      .gateway = address_of(attributes[RTA_GATEWAY]),
      .link = index_of(attributes[RTA_OIF])};
}

} // namespace

Result<void> Addresses::add(InterfaceAddress const& address) {
  return socket_.request(address_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, address),
                         fmt::format("add address {}", address.address.to_string()), Tolerate::existing);
}

Result<void> Addresses::remove(InterfaceAddress const& address) {
  return socket_.request(address_message(RTM_DELADDR, 0, address),
                         fmt::format("remove address {}", address.address.to_string()), Tolerate::missing);
}

Result<std::vector<InterfaceAddress>> Addresses::list(std::optional<LinkIndex> link) {
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  RouteMessage message{RTM_GETADDR, NLM_F_DUMP};
  message.header(header);
  std::vector<InterfaceAddress> found;
  auto const dumped = socket_.query(
      std::move(message), "list addresses",
      [&](nlmsghdr const& answer) {
        auto const address = decode_address(answer);
        if (address && (!link || address->link == *link)) found.push_back(*address);
      },
      [&] { found.clear(); });
  if (!dumped) return failure_of(dumped);
  return found;
}

Result<std::vector<Route>> Addresses::routes() {
  rtmsg header{};
  header.rtm_family = AF_INET;
  RouteMessage message{RTM_GETROUTE, NLM_F_DUMP};
  message.header(header);
  std::vector<Route> found;
  auto const dumped = socket_.query(
      std::move(message), "list routes",
      [&](nlmsghdr const& answer) {
        if (auto const route = decode_route(answer)) found.push_back(*route);
      },
      [&] { found.clear(); });
  if (!dumped) return failure_of(dumped);
  return found;
}

} // namespace weave::datapath
