#include <stdexcept>

#include <gtest/gtest.h>

#include "test/unit/odp_text/flow_samples.hpp"

/// Our codec against libopenvswitch: what we write it must read as we meant it, what it writes we must read as it says.
namespace weave::datapath::odp {
namespace {

std::string text_of(FlowMatch const& match) {
  auto const bytes = encode(match);
  return match_text(bytes.key, bytes.mask);
}

TEST(CodecOracle, ReadsOurMatches) {
  EXPECT_EQ(text_of({.in_port = PortNo{2}, .source = kOne, .destination = kTwo}),
            "in_port(2),eth(src=02:77:0a:20:00:01,dst=02:77:0a:20:00:02)");
  EXPECT_EQ(text_of({.in_port = PortNo{2}, .destination = kTwo}), "in_port(2),eth(dst=02:77:0a:20:00:02)");
  EXPECT_EQ(text_of({.in_port = PortNo{2}, .destination = kGroups}),
            "in_port(2),eth(dst=01:00:00:00:00:00/01:00:00:00:00:00)");
  EXPECT_EQ(text_of({.in_port = PortNo{3}, .tunnel = kTunnel}),
            "in_port(3),eth(),tunnel(tun_id=0xcb94,src=192.0.2.1,dst=192.0.2.2,flags(+key))");
}

TEST(CodecOracle, ReadsOurTags) {
  EXPECT_EQ(text_of({.in_port = PortNo{4}, .vlan = VlanMatch{}}), "encap(),in_port(4),eth(),vlan(),eth_type(0x8100)");
  EXPECT_EQ(text_of({.in_port = PortNo{4}, .vlan = VlanMatch{.id = 2964}}),
            "encap(),in_port(4),eth(),vlan(vid=2964),eth_type(0x8100)");
}

TEST(CodecOracle, ReadsOurActions) {
  auto const text = [](Actions const& actions) { return actions_text(encode(actions)); };
  EXPECT_EQ(text({}), "drop");
  EXPECT_EQ(text({OutputAction{PortNo{0}}, OutputAction{PortNo{3}}}), "0,3");
  TunnelKey const tunnel{.id = 0xcb94,
                         .source = ip("192.0.2.2"),
                         .destination = ip("192.0.2.1"),
                         .tos = 0,
                         .ttl = 64,
                         .dont_fragment = true,
                         .checksum = false};
  EXPECT_EQ(text({SetTunnelAction{tunnel}, OutputAction{PortNo{3}}}),
            "set(tunnel(tun_id=0xcb94,src=192.0.2.2,dst=192.0.2.1,tos=0,ttl=64,flags(df|key))),3");
  EXPECT_EQ(text({PushVlanAction{.type = 0x8100, .tci = 12}, PushVlanAction{.type = 0x88a8, .tci = 0x2000 | 2964},
                  OutputAction{PortNo{5}}}),
            "push_vlan(vid=12,pcp=0),push_vlan(tpid=0x88a8,vid=2964,pcp=1),5");
  EXPECT_EQ(text({PopVlanAction{}, OutputAction{PortNo{1}}}), "pop_vlan,1");
}

TEST(CodecOracle, WritesMatchesThatWeRead) {
  auto const read = [](std::string const& text) {
    auto const bytes = parse_match_text(text);
    if (!bytes) throw std::runtime_error{bytes.error().text()};
    return decode_match(bytes->key, bytes->mask).value();
  };
  EXPECT_EQ(read("in_port(2),eth(src=02:77:0a:20:00:01,dst=02:77:0a:20:00:02)"),
            (FlowMatch{.in_port = PortNo{2}, .source = kOne, .destination = kTwo}));
  EXPECT_EQ(read("in_port(2),eth(dst=01:00:00:00:00:00/01:00:00:00:00:00)"),
            (FlowMatch{.in_port = PortNo{2}, .destination = kGroups}));
  EXPECT_EQ(read("tunnel(tun_id=0xcb94,src=192.0.2.1,dst=192.0.2.2,ttl=0/0,flags(+key)),in_port(3),eth()"),
            (FlowMatch{.in_port = PortNo{3}, .tunnel = kTunnel}));
  // As an Open vSwitch daemon makes them: what we have no field for stays, and prints the same again.
  auto const foreign =
      read("recirc_id(0),in_port(2),eth(dst=02:77:0a:20:00:02),eth_type(0x0800),ipv4(proto=6,frag=no)");
  EXPECT_EQ(foreign.in_port, PortNo{2});
  EXPECT_EQ(foreign.destination, kTwo);
  EXPECT_FALSE(foreign.other.empty());
  EXPECT_EQ(text_of(foreign),
            "in_port(2),eth(dst=02:77:0a:20:00:02),recirc_id(0),eth_type(0x0800),ipv4(proto=6,frag=no)");
}

TEST(CodecOracle, WritesActionsThatWeRead) {
  auto const read = [](std::string const& text) {
    auto const bytes = parse_actions_text(text);
    if (!bytes) throw std::runtime_error{bytes.error().text()};
    return decode_actions(*bytes).value();
  };
  EXPECT_EQ(read("set(tunnel(tun_id=0xcb94,src=192.0.2.2,dst=192.0.2.1,tos=0x0,ttl=64,flags(df|key))),3"),
            (Actions{SetTunnelAction{{.id = 0xcb94,
                                      .source = ip("192.0.2.2"),
                                      .destination = ip("192.0.2.1"),
                                      .tos = 0,
                                      .ttl = 64,
                                      .dont_fragment = true,
                                      .checksum = false}},
                     OutputAction{PortNo{3}}}));
  EXPECT_EQ(read("push_vlan(vid=12,pcp=1),5"),
            (Actions{PushVlanAction{.type = 0x8100, .tci = 0x2000 | 12}, OutputAction{PortNo{5}}}));
  EXPECT_EQ(read("pop_vlan,1"), (Actions{PopVlanAction{}, OutputAction{PortNo{1}}}));
  auto const foreign = read("set(eth(src=02:77:0a:20:00:01,dst=02:77:0a:20:00:02)),recirc(1)");
  ASSERT_EQ(foreign.size(), 2U);
  EXPECT_EQ(actions_text(encode(foreign)), "set(eth(src=02:77:0a:20:00:01,dst=02:77:0a:20:00:02)),recirc(0x1)");
}

TEST(CodecOracle, RandomMatchesSurviveItsTextAndBack) {
  Generator generator;
  for (int i = 0; i < kRandomFlows; ++i) {
    auto const match = generator.match();
    auto const ours = encode(match);
    auto const own = decode_match(ours.key, ours.mask);
    ASSERT_TRUE(own) << own.error().text();
    ASSERT_EQ(*own, match) << match_text(ours.key, ours.mask);
    // Verbose, or it would leave out that the other tunnel attributes and tag bits do not count.
    auto const text = match_text(ours.key, ours.mask, {}, true);
    auto const theirs = parse_match_text(text);
    ASSERT_TRUE(theirs) << theirs.error().text() << " in " << text;
    auto const back = decode_match(theirs->key, theirs->mask);
    ASSERT_TRUE(back) << back.error().text() << " in " << text;
    ASSERT_EQ(text_of(*back), text_of(match)) << text;
  }
}

TEST(CodecOracle, RandomActionsSurviveItsTextAndBack) {
  Generator generator;
  for (int i = 0; i < kRandomFlows; ++i) {
    auto const actions = generator.actions();
    auto const text = actions_text(encode(actions));
    if (actions.empty()) {
      ASSERT_EQ(text, "drop");
      continue;
    }
    auto const back = decode_actions(parse_actions_text(text).value());
    ASSERT_TRUE(back) << back.error().text();
    ASSERT_EQ(*back, actions) << text;
  }
}

} // namespace
} // namespace weave::datapath::odp
