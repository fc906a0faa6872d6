#include "datapath/bpf/flow_text.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace weave::datapath::bpf {
namespace {

constexpr ShortId kOwn{0x001};
constexpr ShortId kNear{0x002};
constexpr ShortId kFar{0x003};

FlowSource source() {
  FlowSource all;
  all.own = kOwn;
  all.bridge = "weave";
  all.user_port = "vethwe-user";
  all.device_name = [](std::uint32_t) { return std::string{"vxlan-6784"}; };
  all.entries.routes[kOwn] = {.known = true};
  all.entries.routes[kNear] = {.known = true, .hop = kNear};
  all.entries.routes[kFar] = {.known = true, .hop = kNear};
  all.entries.neighbours[kNear] = {.remote = 0xc0000202, .local = 0xc0000201, .ifindex = 9, .carrier = Carrier::tunnel};
  all.entries.floods[kOwn] = {kNear};
  all.macs[kNear] = {*MacAddress::parse("02:00:00:00:00:02")};
  all.counters[kNear] = {.sent_packets = 5, .sent_bytes = 500, .received_packets = 6, .received_bytes = 600};
  all.flooded_packets = 7;
  all.flooded_bytes = 700;
  return all;
}

FlowDescription const* find(std::vector<FlowDescription> const& flows, std::string const& match) {
  auto const found = std::ranges::find(flows, match, &FlowDescription::match);
  return found == flows.end() ? nullptr : &*found;
}

TEST(FlowText, WritesWhatIsSentReceivedAndFlooded) {
  auto const flows = describe_flows(source());
  auto const* const sent = find(flows, "in_port(weave),eth(dst=02:00:00:00:00:02)");
  ASSERT_NE(sent, nullptr);
  EXPECT_EQ(sent->actions, "set(tunnel(tun_id=0x2001,src=192.0.2.1,dst=192.0.2.2,ttl=64,flags(df))),vxlan-6784");
  EXPECT_EQ(sent->packets, 5U);
  EXPECT_EQ(sent->bytes, 500U);
  auto const* const received = find(flows, "tunnel(tun_id=0x1002),eth()");
  ASSERT_NE(received, nullptr);
  EXPECT_EQ(received->actions, "weave");
  EXPECT_EQ(received->packets, 6U);
  auto const* const flooded = find(flows, "in_port(weave),eth(dst=01:00:00:00:00:00/01:00:00:00:00:00)");
  ASSERT_NE(flooded, nullptr);
  EXPECT_EQ(flooded->actions, "set(tunnel(tun_id=0x2001,src=192.0.2.1,dst=192.0.2.2,ttl=64,flags(df))),vxlan-6784");
  EXPECT_EQ(flooded->bytes, 700U);
  auto const* const relayed = find(flows, "in_port(weave),eth(dst=none)");
  ASSERT_NE(relayed, nullptr) << "to the far peer, of which no address is known";
  EXPECT_EQ(relayed->actions, "set(tunnel(tun_id=0x3001,src=192.0.2.1,dst=192.0.2.2,ttl=64,flags(df))),vxlan-6784");
}

TEST(FlowText, WritesRelaysTagsAndDrops) {
  auto all = source();
  all.entries.neighbours[kNear].carrier = Carrier::user;
  all.counters[kFar].relayed_packets = 3;
  all.entries.floods[kFar] = {kNear};
  auto flows = describe_flows(all);
  auto const* sent = find(flows, "in_port(weave),eth(dst=02:00:00:00:00:02)");
  ASSERT_NE(sent, nullptr);
  EXPECT_EQ(sent->actions, "push_vlan(vid=2,pcp=0),vethwe-user");
  auto const* const relayed = find(flows, "tunnel(tun_id=0x3000/0xfff000),eth()");
  ASSERT_NE(relayed, nullptr);
  EXPECT_EQ(relayed->actions, "push_vlan(vid=3,pcp=0),push_vlan(tpid=0x88a8,vid=source),vethwe-user");
  EXPECT_EQ(relayed->packets, 3U);
  auto const* const onward = find(flows, "tunnel(tun_id=0x1003),eth(dst=01:00:00:00:00:00/01:00:00:00:00:00)");
  ASSERT_NE(onward, nullptr);
  EXPECT_TRUE(onward->actions.starts_with("weave,push_vlan("));

  all.entries.neighbours[kNear].carrier = Carrier::none;
  all.entries.floods.clear();
  flows = describe_flows(all);
  sent = find(flows, "in_port(weave),eth(dst=02:00:00:00:00:02)");
  ASSERT_NE(sent, nullptr);
  EXPECT_EQ(sent->actions, "drop");
}

TEST(FlowText, ShowsAFewOfManyAddresses) {
  auto all = source();
  for (std::uint8_t i = 0; i < 10; ++i) all.macs[kFar].push_back(MacAddress{{2, 0, 0, 0, 1, i}});
  auto const flows = describe_flows(all);
  EXPECT_NE(find(flows,
                 "in_port(weave),eth(dst=02:00:00:00:01:00|02:00:00:00:01:01|02:00:00:00:01:02|"
                 "02:00:00:00:01:03|+6)"),
            nullptr);
}

} // namespace
} // namespace weave::datapath::bpf
