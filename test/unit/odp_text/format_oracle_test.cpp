#include <algorithm>

#include <gtest/gtest.h>

#include "datapath/odp/format.hpp"
#include "datapath/odp/text/raw_words.hpp"
#include "test/unit/odp_text/flow_samples.hpp"

/// Our words for flows against those of libopenvswitch for what the kernel tells of them.
namespace weave::datapath::odp {
namespace {

using netlink::Attribute;
using netlink::MessageBuilder;

std::vector<Attribute> attributes_of(ByteView bytes) { return netlink::parse_attributes(bytes).value(); }

/// Attributes come in the kernel's order, which is not that of their numbers.
int place(std::uint16_t type) {
  static constexpr std::array<std::uint16_t, 6> kOrder{OVS_KEY_ATTR_TUNNEL,   OVS_KEY_ATTR_IN_PORT,
                                                       OVS_KEY_ATTR_ETHERNET, OVS_KEY_ATTR_ETHERTYPE,
                                                       OVS_KEY_ATTR_VLAN,     OVS_KEY_ATTR_ENCAP};
  return static_cast<int>(std::ranges::find(kOrder, type) - kOrder.begin());
}

void put_in_kernel_order(MessageBuilder& builder, ByteView attributes) {
  auto all = attributes_of(attributes);
  std::ranges::stable_sort(all, {}, [](Attribute const& attribute) { return place(attribute.type); });
  for (auto const& [type, payload] : all) {
    if (type == OVS_KEY_ATTR_ENCAP) {
      builder.nest(type, [&] { put_in_kernel_order(builder, payload); });
    } else {
      builder.put(type, payload);
    }
  }
}

Bytes kernel_order(Bytes const& attributes) {
  return encoded([&](auto& builder) { builder.nest(1, [&] { put_in_kernel_order(builder, attributes); }); }, 1, 0).key;
}

/// The kernel does not tell a type of service of zero.
Bytes without_zero_tos(Bytes const& actions) {
  auto const fill = [&](MessageBuilder& builder) {
    for (auto const& [type, payload] : attributes_of(actions)) {
      if (type != OVS_ACTION_ATTR_SET) {
        builder.put(type, payload);
        continue;
      }
      auto const tunnel = attributes_of(payload).front();
      builder.nest(type, [&] {
        builder.nest(tunnel.type, [&] {
          for (auto const& [field, value] : attributes_of(tunnel.payload)) {
            if (field != OVS_TUNNEL_KEY_ATTR_TOS || value.front() != 0) builder.put(field, value);
          }
        });
      });
    }
  };
  return encoded([&](auto& builder) { builder.nest(1, [&] { fill(builder); }); }, 1, 0).key;
}

std::string theirs(FlowMatch const& match, PortNames const& names = {}) {
  auto const bytes = encode(match);
  return match_text(kernel_order(bytes.key), kernel_order(bytes.mask), names);
}

TEST(FormatOracle, PortsHaveTheirNames) {
  PortNames const names{{PortNo{2}, "vethwe-datapath"}, {PortNo{3}, "vxlan-6784"}};
  FlowMatch const match{.in_port = PortNo{3}, .destination = kTwo, .tunnel = kTunnel};
  EXPECT_EQ(to_string(match, names), theirs(match, names));
  Actions const actions{OutputAction{PortNo{2}}, OutputAction{PortNo{4}}};
  EXPECT_EQ(to_string(actions, names), actions_text(encode(actions), names));
}

TEST(FormatOracle, WhatWeHaveNoWordsForIsInTheirs) {
  auto const words = openvswitch_words();
  auto const bytes =
      parse_match_text("in_port(2),eth(dst=02:77:0a:20:00:02),eth_type(0x0800),ipv4(proto=6,frag=no)").value();
  auto const match = decode_match(bytes.key, bytes.mask).value();
  EXPECT_EQ(to_string(match, {}, words),
            "in_port(2),eth(dst=02:77:0a:20:00:02),eth_type(0x0800),ipv4(proto=6,frag=no)");
  EXPECT_NE(to_string(match).find("key7("), std::string::npos);
  auto const actions = decode_actions(parse_actions_text("set(ipv4(ttl=63)),recirc(7),3").value()).value();
  EXPECT_EQ(to_string(actions, {}, words), "set(ipv4(ttl=63)),recirc(0x7),3");
}

TEST(FormatOracle, RandomMatches) {
  Generator generator;
  for (int i = 0; i < kRandomFlows; ++i) {
    auto const match = generator.match();
    ASSERT_EQ(to_string(match), theirs(match));
  }
}

TEST(FormatOracle, RandomActions) {
  Generator generator;
  for (int i = 0; i < kRandomFlows; ++i) {
    auto const actions = generator.actions();
    ASSERT_EQ(to_string(actions), actions_text(without_zero_tos(encode(actions))));
  }
}

} // namespace
} // namespace weave::datapath::odp
