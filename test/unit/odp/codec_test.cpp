#include <linux/openvswitch.h>

#include <gtest/gtest.h>

#include "datapath/odp/action_codec.hpp"
#include "datapath/odp/datapath_codec.hpp"
#include "datapath/odp/flow_codec.hpp"
#include "datapath/odp/match_codec.hpp"
#include "datapath/odp/packet_codec.hpp"
#include "test/unit/odp/netlink_bytes.hpp"

namespace weave::datapath::odp {
namespace {

constexpr DatapathIndex kIndex{4};
constexpr MacAddress kMac{{2, 0, 0, 0, 0, 1}};
constexpr MacAddress kGroupBit{{1, 0, 0, 0, 0, 0}};

/// What the kernel would be told and would tell.
Result<FlowMatch> there_and_back(FlowMatch const& match) {
  netlink::MessageBuilder builder{0, 0};
  put_match(builder, match);
  auto const message = builder.take();
  auto const fields = netlink::AttributeTable<OVS_FLOW_ATTR_MASK + 1>::parse(ByteView{*message}.subspan(16));
  return decode_match(*fields->find(OVS_FLOW_ATTR_KEY), fields->find(OVS_FLOW_ATTR_MASK));
}

Result<Actions> there_and_back(Actions const& actions) {
  netlink::MessageBuilder builder{0, 0};
  put_actions(builder, OVS_FLOW_ATTR_ACTIONS, actions);
  auto const message = builder.take();
  return decode_actions(ByteView{*message}.subspan(20));
}

Result<FlowMatch> decode(std::string_view key, std::string_view mask) {
  auto const key_bytes = *parse_hex(key);
  auto const mask_bytes = *parse_hex(mask);
  return decode_match(key_bytes, mask_bytes);
}

TEST(MatchCodec, IsReadAsItWasWritten) {
  FlowMatch const matches[] = {
      {.in_port = PortNo{7}},
      {.in_port = PortNo{0}, .source = MaskedMac::exactly(kMac)},
      {.in_port = PortNo{1}, .destination = {kGroupBit, kGroupBit}},
      {.in_port = PortNo{2}, .tunnel = TunnelMatch{0x123456, Ipv4Address{1}, Ipv4Address{2}}},
      {.in_port = PortNo{2}, .tunnel = TunnelMatch{}},
      {.in_port = PortNo{3}, .vlan = VlanMatch{}},
      {.in_port = PortNo{3}, .vlan = VlanMatch{.id = 0}},
      {.in_port = PortNo{3}, .vlan = VlanMatch{.id = 0xabc, .type = 0x88a8}},
      {.in_port = PortNo{3}, .vlan = VlanMatch{.inner_type = 0x8100}},
      {.in_port = PortNo{3}, .vlan = VlanMatch{.id = 5, .type = 0x88a8, .inner_type = 0x88a8}},
      {.in_port = PortNo{3}, .other = {{RawAttribute{15, {1, 0, 0, 0}}, RawAttribute{15, {0xff, 0, 0, 0}}}}},
      {.in_port = kAnyPort}};
  for (auto const& match : matches) {
    auto const read = there_and_back(match);
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(*read, match);
  }
}

TEST(MatchCodec, BitsThatDoNotCountAreZero) {
  auto const read = there_and_back({.in_port = PortNo{1}, .source = {kMac, {}}, .destination = {kMac, kGroupBit}});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->source, MaskedMac{});
  EXPECT_EQ(read->destination, (MaskedMac{{}, kGroupBit}));
}

// The bytes follow from how the kernel reads masks: an empty nest would count as absent.
TEST(MatchCodec, TagsAreNestedAsTheKernelWantsThem) {
  netlink::MessageBuilder builder{0, 0};
  put_match(builder, {.in_port = PortNo{3}, .vlan = VlanMatch{.id = 0xabc}});
  EXPECT_EQ(to_hex(ByteView{*builder.take()}.subspan(16)),
            "30000100"
            "04000100"
            "0800030003000000"
            "10000400000000000000000000000000"
            "060005001abc0000"
            "0600060081000000"
            "38000700"
            "0c000100"
            "0600060000000000"
            "08000300ffffffff"
            "10000400000000000000000000000000"
            "060005001fff0000"
            "06000600ffff0000");
}

TEST(MatchCodec, APortOfWhichNotAllCountsIsNone) {
  auto const read = decode("0800030007000000", "080003000000ffff");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->in_port, kAnyPort);
}

TEST(MatchCodec, WhatWeDoNotKnowIsKept) {
  // SKB_MARK 0x10/0x30, CT_STATE ignored, IPV4 with one byte that counts, a mask without a key.
  auto const read = decode(
      "08000f0010000000"
      "0800160001000000"
      "100007000a2000010000000000000000",
      "08000f0030000000"
      "0800160000000000"
      "10000700ff0000000000000000000000"
      "060006000800");
  ASSERT_TRUE(read);
  ASSERT_EQ(read->other.size(), 3U);
  EXPECT_EQ(read->other[0].first, (RawAttribute{15, {0x10, 0, 0, 0}}));
  EXPECT_EQ(read->other[0].second, (RawAttribute{15, {0x30, 0, 0, 0}}));
  EXPECT_EQ(read->other[1].first.type, OVS_KEY_ATTR_IPV4);
  EXPECT_EQ(read->other[2], (std::pair{RawAttribute{6, {}}, RawAttribute{6, {8, 0}}}));
}

TEST(MatchCodec, PartOfATunnelIsKeptWhole) {
  // Only the id counts; then both addresses too, and the destination port besides.
  auto const part = decode(
      "14001000"
      "0c0000000000000000123456"
      "0400",
      "");
  EXPECT_FALSE(part) << "cut off";
  auto const id_only = decode(
      "10001000"
      "0c0000000000000000123456",
      "10001000"
      "0c000000ffffffffffffffff");
  ASSERT_TRUE(id_only);
  EXPECT_FALSE(id_only->tunnel);
  ASSERT_EQ(id_only->other.size(), 1U);
  EXPECT_EQ(id_only->other[0].first.type, OVS_KEY_ATTR_TUNNEL);
  auto const with_port = decode(
      "28001000"
      "0c0000000000000000123456"
      "080001000a000001"
      "080002000a000002"
      "06000a001a800000",
      "28001000"
      "0c000000ffffffffffffffff"
      "08000100ffffffff"
      "08000200ffffffff"
      "06000a00ffff0000");
  ASSERT_TRUE(with_port);
  EXPECT_FALSE(with_port->tunnel);
  EXPECT_EQ(with_port->other.size(), 1U);
}

TEST(MatchCodec, TagsMatchedInOtherWaysAreKept) {
  // Priority bits of the tag count.
  auto const priority = decode(
      "04000100"
      "06000500"
      "f0010000"
      "0600060081000000",
      "0c000100"
      "0600060000000000"
      "06000500ffff0000"
      "06000600ffff0000");
  ASSERT_TRUE(priority);
  EXPECT_FALSE(priority->vlan);
  EXPECT_EQ(priority->other.size(), 3U);
  // What is inside the tag counts.
  auto const inside = decode(
      "0c000100"
      "0600060008000000"
      "0600050010050000"
      "0600060081000000",
      "0c000100"
      "06000600ffff0000"
      "060005001fff0000"
      "06000600ffff0000");
  ASSERT_TRUE(inside);
  EXPECT_FALSE(inside->vlan);
  EXPECT_EQ(inside->other.size(), 3U);
}

TEST(MatchCodec, WithoutAMaskAllCounts) {
  auto const key = *parse_hex(
      "0800030001000000"
      "10000400020000000001ffffffffffff"
      "08000f0010000000");
  auto const read = decode_match(key, std::nullopt);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->in_port, PortNo{1});
  EXPECT_EQ(read->source, MaskedMac::exactly(kMac));
  ASSERT_EQ(read->other.size(), 1U);
  EXPECT_EQ(read->other[0].second, (RawAttribute{15, {0xff, 0xff, 0xff, 0xff}}));
}

TEST(MatchCodec, ShortAttributesAreMalformed) {
  EXPECT_FALSE(decode("0600030001000000", "08000300ffffffff"));
  EXPECT_FALSE(decode("0800030001000000", "06000300ffff0000"));
  EXPECT_FALSE(decode("0c0004000200000000000000", "10000400ffffffffffffffffffffffff"));
  EXPECT_FALSE(
      decode("0c001000"
             "0600000012340000",
             "0c001000"
             "06000000ffff0000"));
  EXPECT_FALSE(decode("08000300", ""));
}

TEST(ActionCodec, AreReadAsTheyWereWritten) {
  Actions const actions{OutputAction{PortNo{3}},
                        SetTunnelAction{{.id = 0xabcdef,
                                         .source = Ipv4Address{1},
                                         .destination = Ipv4Address{2},
                                         .tos = 4,
                                         .ttl = 64,
                                         .dont_fragment = true,
                                         .checksum = true}},
                        PushVlanAction{.type = 0x88a8, .tci = 0x2fff}, PopVlanAction{},
                        RawAttribute{.type = 7, .payload = {1, 2, 3, 4}}};
  auto const read = there_and_back(actions);
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(*read, actions);
}

TEST(ActionCodec, APushedTagIsMarkedPresent) {
  netlink::MessageBuilder builder{0, 0};
  put_actions(builder, OVS_FLOW_ATTR_ACTIONS, {PushVlanAction{.type = 0x8100, .tci = 0x0007}});
  EXPECT_EQ(to_hex(ByteView{*builder.take()}.subspan(16)),
            "0c000200"
            "0800040081001007");
}

TEST(ActionCodec, UnderstandsATunnelWithoutItsNest) {
  auto const actions =
      decode_actions(*parse_hex("28000300"
                                "0c0000000000000000123456"
                                "080001000a000001"
                                "080002000a000002"
                                "0500040040000000"));
  ASSERT_TRUE(actions) << actions.error().text();
  ASSERT_EQ(actions->size(), 1U);
  EXPECT_EQ(std::get<SetTunnelAction>((*actions)[0]).tunnel,
            (TunnelKey{
                .id = 0x123456, .source = Ipv4Address{0x0a000001}, .destination = Ipv4Address{0x0a000002}, .ttl = 64}));
}

TEST(ActionCodec, KeepsWhatItDoesNotKnow) {
  // SET priority; SET tunnel with options; USERSPACE.
  auto const actions =
      decode_actions(*parse_hex("0c000300"
                                "0800020001000000"
                                "14000300"
                                "10001000"
                                "06000a0012b50000"
                                "04000700"
                                "0c000200"
                                "0800010012345678"));
  ASSERT_TRUE(actions) << actions.error().text();
  ASSERT_EQ(actions->size(), 3U);
  for (auto const& action : *actions) EXPECT_TRUE(std::holds_alternative<RawAttribute>(action));
  EXPECT_EQ(*there_and_back(*actions), *actions);
}

TEST(ActionCodec, ShortOnesAreMalformed) {
  EXPECT_FALSE(decode_actions(*parse_hex("060001000100")));
  EXPECT_FALSE(decode_actions(*parse_hex("060004008100")));
  EXPECT_FALSE(decode_actions(*parse_hex("0800030006000000")));
}

TEST(FlowCodec, NamesItsFlowWheneverItRemovesOne) {
  Ufid const ufid{1, 2, 3};
  auto const has = [](Result<Bytes> const& request, std::uint16_t attribute) {
    auto const message = test::only_ovs(*request);
    return netlink::AttributeTable<OVS_FLOW_ATTR_UFID + 1>::parse(message.attributes)->find(attribute).has_value();
  };
  EXPECT_TRUE(has(encode_flow_delete(28, kIndex, {.match = {}, .ufid = ufid}), OVS_FLOW_ATTR_UFID));
  EXPECT_TRUE(has(encode_flow_delete(28, kIndex, {.match = {}}), OVS_FLOW_ATTR_KEY));
}

TEST(FlowCodec, NamesNoFlowToRemoveAll) {
  auto const request = encode_flow_flush(28, kIndex);
  auto const message = test::only_ovs(*request);
  EXPECT_EQ(message.command, OVS_FLOW_CMD_DEL);
  EXPECT_EQ(message.datapath, kIndex);
  EXPECT_TRUE(message.attributes.empty());
}

TEST(FlowCodec, ReadsItsIdentifier) {
  Flow const flow{.match = {.in_port = PortNo{1}}, .actions = {PopVlanAction{}}, .ufid = Ufid{9, 8, 7}};
  auto const request = encode_flow_new(28, kIndex, flow);
  auto const read = decode_flow(test::only_ovs(*request));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, flow);
}

TEST(DatapathCodec, ReadsWhatItWrites) {
  UpcallSettings const settings{.features = kFeatureUnaligned | kFeatureVportPids | kFeaturePerCpuDispatch,
                                .per_cpu_pids = {7, 7}};
  auto const request = encode_datapath_new(26, "datapath", 7, settings);
  auto const read = decode_datapath(test::only_ovs(*request));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->name, "datapath");
  EXPECT_EQ(read->features, settings.features);
  auto const change = encode_datapath_set(26, kIndex, settings);
  EXPECT_EQ(to_hex(ByteView{*change}.subspan(24)),
            "080005000b000000"
            "0c000800"
            "0700000007000000");
  auto const plain = encode_datapath_set(26, kIndex, {.features = 3, .per_cpu_pids = {7, 7}});
  EXPECT_EQ(to_hex(ByteView{*plain}.subspan(24)), "0800050003000000");
}

TEST(DatapathCodec, ReadsCounters) {
  auto const message = *parse_hex(
      "0600010064700000"
      "2400030001000000000000000200000000000000030000000000000004"
      "00000000000000");
  auto const read = decode_datapath({.command = 1, .datapath = kIndex, .attributes = message});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->stats, (DatapathStats{.hits = 1, .misses = 2, .lost = 3, .flows = 4}));
  EXPECT_FALSE(read->features);
  EXPECT_FALSE(decode_datapath({.command = 1, .datapath = kIndex, .attributes = {}}));
}

TEST(PacketCodec, TakesOnlyPacketsWithoutAFlow) {
  auto const attributes = *parse_hex(
      "0c000200"
      "0800030001000000"
      "05000100aa000000");
  EXPECT_TRUE(decode_upcall({.command = OVS_PACKET_CMD_MISS, .attributes = attributes}));
  auto const action = decode_upcall({.command = OVS_PACKET_CMD_ACTION, .attributes = attributes});
  ASSERT_FALSE(action);
  EXPECT_EQ(action.error().kind(), ErrorKind::not_found);
  EXPECT_FALSE(decode_upcall({.command = OVS_PACKET_CMD_MISS, .attributes = ByteView{attributes}.first(12)}));
  EXPECT_FALSE(decode_upcall({.command = OVS_PACKET_CMD_MISS, .attributes = ByteView{attributes}.subspan(12)}));
}

TEST(PacketCodec, RefusesAPacketThatDoesNotFit) {
  EXPECT_TRUE(encode_execute(29, kIndex, Bytes(65531), {}));
  EXPECT_FALSE(encode_execute(29, kIndex, Bytes(65532), {}));
}

} // namespace
} // namespace weave::datapath::odp
