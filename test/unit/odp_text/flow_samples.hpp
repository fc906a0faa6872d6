#pragma once

#include <array>
#include <linux/openvswitch.h>

#include "base/random.hpp"
#include "datapath/netlink/attributes.hpp"
#include "datapath/netlink/message_builder.hpp"
#include "datapath/odp/action_codec.hpp"
#include "datapath/odp/match_codec.hpp"
#include "datapath/odp/text/flow_text.hpp"

/// Flows as we make them, handpicked and random, and their attributes by our codec.
namespace weave::datapath::odp {

inline constexpr std::size_t kMessageHeader = 16;
inline constexpr int kRandomFlows = 2000;

using Payloads = netlink::AttributeTable<OVS_FLOW_ATTR_MASK + 1>;

/// The payload of one attribute among those that `fill` appends.
template <class Fill>
MatchBytes encoded(Fill&& fill, std::size_t first, std::size_t second) {
  netlink::MessageBuilder builder{0, 0};
  fill(builder);
  auto const message = builder.take().value();
  auto const found = Payloads::parse(ByteView{message}.subspan(kMessageHeader)).value();
  auto const copy = [&](std::size_t type) {
    auto const payload = found.find(type).value_or(ByteView{});
    return Bytes(payload.begin(), payload.end());
  };
  return {copy(first), copy(second)};
}

inline MatchBytes encode(FlowMatch const& match) {
  return encoded([&](auto& builder) { put_match(builder, match); }, OVS_FLOW_ATTR_KEY, OVS_FLOW_ATTR_MASK);
}

inline Bytes encode(Actions const& actions) {
  return encoded([&](auto& builder) { put_actions(builder, OVS_FLOW_ATTR_ACTIONS, actions); }, OVS_FLOW_ATTR_ACTIONS, 0)
      .key;
}

inline MacAddress mac(std::string_view text) { return MacAddress::parse(text).value(); }
inline Ipv4Address ip(std::string_view text) { return Ipv4Address::parse(text).value(); }

inline MaskedMac const kOne = MaskedMac::exactly(mac("02:77:0a:20:00:01"));
inline MaskedMac const kTwo = MaskedMac::exactly(mac("02:77:0a:20:00:02"));
inline MaskedMac const kGroups{mac("01:00:00:00:00:00"), mac("01:00:00:00:00:00")};
inline TunnelMatch const kTunnel{0xcb94, ip("192.0.2.1"), ip("192.0.2.2")};

/// Random flows and actions as we make them, the same in every run.
class Generator {
 public:
  FlowMatch match() {
    FlowMatch match{.in_port = PortNo{number(0xffff)}, .source = masked_mac(), .destination = masked_mac()};
    if (one_in(2)) match.tunnel = TunnelMatch{number(0xffffff), address(), address()};
    if (one_in(3)) match.vlan = vlan();
    return match;
  }

  Actions actions() {
    Actions actions;
    for (auto left = number(6); left > 0; --left) actions.push_back(action());
    return actions;
  }

 private:
  std::uint32_t number(std::uint32_t max) { return static_cast<std::uint32_t>(random_.below(std::uint64_t{max} + 1)); }
  bool one_in(std::uint32_t count) { return number(count - 1) == 0; }
  Ipv4Address address() { return Ipv4Address{number(0xffff'ffff)}; }
  std::uint16_t tag_type() { return one_in(2) ? 0x8100 : 0x88a8; }

  MacAddress some_mac() {
    std::array<std::uint8_t, 6> bytes{};
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(number(0xff));
    return MacAddress{bytes};
  }

  MaskedMac masked_mac() {
    if (one_in(3)) return {};
    if (one_in(4)) return {.value = one_in(2) ? kGroups.mask : MacAddress{}, .mask = kGroups.mask};
    return MaskedMac::exactly(some_mac());
  }

  VlanMatch vlan() {
    VlanMatch vlan{.type = tag_type()};
    if (one_in(2)) vlan.id = static_cast<std::uint16_t>(number(0xfff));
    if (one_in(3)) vlan.inner_type = tag_type();
    return vlan;
  }

  Action action() {
    switch (number(3)) {
      case 0: return OutputAction{PortNo{number(0xffff)}};
      case 1: return PopVlanAction{};
      case 2: return PushVlanAction{.type = tag_type(), .tci = static_cast<std::uint16_t>(number(0xffff) & ~0x1000U)};
      default:
        return SetTunnelAction{{.id = number(0xffffff),
                                .source = address(),
                                .destination = address(),
                                .tos = static_cast<std::uint8_t>(number(0xff)),
                                .ttl = static_cast<std::uint8_t>(number(0xff)),
                                .dont_fragment = one_in(2),
                                .checksum = one_in(2)}};
    }
  }

  SeededRandom random_{20251124};
};

} // namespace weave::datapath::odp
