#include <linux/netlink.h>
#include <linux/openvswitch.h>

#include <gtest/gtest.h>

#include "datapath/netlink/family.hpp"
#include "datapath/odp/action_codec.hpp"
#include "datapath/odp/datapath_codec.hpp"
#include "datapath/odp/flow_codec.hpp"
#include "datapath/odp/match_codec.hpp"
#include "datapath/odp/packet_codec.hpp"
#include "datapath/odp/vport_codec.hpp"
#include "test/unit/odp/netlink_bytes.hpp"

namespace weave::datapath::odp {
namespace {

// The families of the kernel that the vectors were made for.
constexpr std::uint16_t kDatapath = 26;
constexpr std::uint16_t kVport = 27;
constexpr std::uint16_t kFlow = 28;
constexpr std::uint16_t kPacket = 29;
constexpr DatapathIndex kIndex{4};

constexpr PortNo kLocal{0};
constexpr PortNo kVeth{1};
constexpr PortNo kVxlan{2};
constexpr MacAddress kOurs{{0x3a, 0x74, 0x1a, 0x78, 0xc5, 0x4a}};
constexpr MacAddress kTheirs{{0x76, 0xa6, 0xbb, 0x5c, 0x39, 0xac}};
constexpr MacAddress kBroadcast{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
constexpr MacAddress kBridgeGroup{{0x01, 0x80, 0xc2, 0, 0, 0}};
constexpr Ipv4Address kHostA{0xc0a83201};
constexpr Ipv4Address kHostB{0xc0a83202};
constexpr Ipv4Address kHostC{0xc0a83203};

/// As the original asks for it: to replace the actions of what is there.
Result<Bytes> flow_request(std::uint8_t command, Flow const& flow) {
  auto builder = begin_ovs(kFlow, command, OVS_FLOW_VERSION, kIndex);
  put_match(builder, flow.match);
  if (command != OVS_FLOW_CMD_DEL) put_actions(builder, OVS_FLOW_ATTR_ACTIONS, flow.actions);
  if (command == OVS_FLOW_CMD_SET) builder.put_flag(OVS_FLOW_ATTR_CLEAR);
  return builder.take();
}

void expect_bytes(char const* name, Result<Bytes> const& request) {
  auto const& vector = test::datapath_vectors().named(name);
  auto const sequence = static_cast<std::uint32_t>(vector.at("nl_seq").as_int64());
  EXPECT_EQ(to_hex(test::with_sequence(request, sequence)), vector.at("hex").as_string()) << name;
  test::datapath_vectors().covered(name);
}

/// The order of attributes inside keys and masks is arbitrary; everything else is compared byte by byte.
void expect_flow_request(char const* name, Result<Bytes> const& request) {
  auto const& vector = test::datapath_vectors().named(name);
  auto const wanted = test::hex_member(vector, "hex");
  auto const made = test::with_sequence(request, static_cast<std::uint32_t>(vector.at("nl_seq").as_int64()));
  constexpr std::size_t kHeaders = 24;
  ASSERT_GE(made.size(), kHeaders);
  EXPECT_EQ(to_hex(ByteView{made}.first(kHeaders)), to_hex(ByteView{wanted}.first(kHeaders))) << name;
  std::set<std::uint16_t> const unordered{OVS_FLOW_ATTR_KEY, OVS_FLOW_ATTR_MASK};
  EXPECT_EQ(test::describe(ByteView{made}.subspan(kHeaders), unordered),
            test::describe(ByteView{wanted}.subspan(kHeaders), unordered))
      << name;
  test::datapath_vectors().covered(name);
}

SetTunnelAction tunnel_to(std::uint64_t id, Ipv4Address destination) {
  return {{.id = id, .source = kHostA, .destination = destination, .ttl = 64, .dont_fragment = true}};
}

FlowMatch local_pair(MacAddress destination) {
  return {.in_port = kVeth, .source = MaskedMac::exactly(kOurs), .destination = MaskedMac::exactly(destination)};
}

FlowMatch remote_pair() {
  return {.in_port = kVxlan,
          .source = MaskedMac::exactly(kTheirs),
          .destination = MaskedMac::exactly(kOurs),
          .tunnel = TunnelMatch{0x2d977a, kHostB, kHostA}};
}

TEST(RequestVectors, Families) { expect_bytes("nl-ctrl-getfamily", netlink::encode_family_request("ovs_vport")); }

TEST(RequestVectors, Datapaths) {
  UpcallSettings const settings{.features = kFeatureUnaligned | kFeatureVportPids};
  expect_bytes("nl-dp-new", encode_datapath_new(kDatapath, "datapath", 0, settings));
  expect_bytes("nl-dp-get-by-name", encode_datapath_get(kDatapath, "datapath"));
  expect_bytes("nl-dp-del", encode_datapath_delete(kDatapath, kIndex));
}

TEST(RequestVectors, Vports) {
  expect_bytes("nl-vport-new-netdev", encode_vport_new(kVport, kIndex, {.name = "vethwe-datapath"}, 0));
  expect_bytes("nl-vport-new-vxlan",
               encode_vport_new(kVport, kIndex, {.name = "vxlan-6784", .type = VportType::vxlan, .udp_port = 6784}, 0));
  expect_bytes("nl-vport-dump", encode_vport_dump(kVport, kIndex));
  expect_bytes("nl-vport-get", encode_vport_get(kVport, kIndex, kVxlan));
  expect_bytes("nl-vport-set-upcall-pid", encode_vport_set_pid(kVport, kIndex, kVxlan, 0x80dec5f9));
  expect_bytes("nl-vport-del", encode_vport_delete(kVport, kIndex, kVxlan));
}

TEST(RequestVectors, FlowsOfFramesFromHere) {
  expect_bytes("nl-flow-dump", encode_flow_dump(kFlow, kIndex));
  expect_bytes("nl-flow-new-local-to-remote-unicast",
               flow_request(OVS_FLOW_CMD_NEW, {.match = local_pair(kTheirs),
                                               .actions = {tunnel_to(0x77a2d9, kHostB), OutputAction{kVxlan}}}));
  expect_bytes("nl-flow-new-local-broadcast",
               flow_request(OVS_FLOW_CMD_NEW,
                            {.match = local_pair(kBroadcast),
                             .actions = {tunnel_to(0x77a2d9, kHostB), OutputAction{kVxlan}, OutputAction{kLocal}}}));
  expect_bytes("nl-flow-new-drop", flow_request(OVS_FLOW_CMD_NEW, {.match = local_pair(kBridgeGroup)}));
}

TEST(RequestVectors, FlowsOfTunnelledFrames) {
  Flow const flow{.match = remote_pair(), .actions = {OutputAction{kVeth}}};
  expect_flow_request("nl-flow-new-remote-to-local", flow_request(OVS_FLOW_CMD_NEW, flow));
  expect_flow_request("nl-flow-del-remote-to-local", flow_request(OVS_FLOW_CMD_DEL, flow));
  constexpr MacAddress kZero{};
  expect_flow_request("nl-flow-new-relay",
                      flow_request(OVS_FLOW_CMD_NEW, {.match = {.in_port = kVxlan,
                                                                .source = MaskedMac::exactly(kZero),
                                                                .destination = MaskedMac::exactly(kZero),
                                                                .tunnel = TunnelMatch{0x33377a, kHostB, kHostA}},
                                                      .actions = {tunnel_to(0x33377a, kHostC), OutputAction{kVxlan}}}));
}

TEST(RequestVectors, ClearingAFlow) {
  Flow const flow{.match = remote_pair(), .actions = {OutputAction{kVeth}}};
  expect_flow_request("nl-flow-clear-remote-to-local", flow_request(OVS_FLOW_CMD_SET, flow));
}

TEST(RequestVectors, ExecutingAPacket) {
  auto const wanted = test::hex_member(test::datapath_vectors().named("nl-packet-execute"), "hex");
  auto const fields = netlink::AttributeTable<OVS_PACKET_ATTR_PACKET + 1>::parse(ByteView{wanted}.subspan(24));
  ASSERT_TRUE(fields);
  expect_bytes("nl-packet-execute", encode_execute(kPacket, kIndex, *fields->find(OVS_PACKET_ATTR_PACKET),
                                                   {tunnel_to(0x77a2d9, kHostB), OutputAction{kVxlan}}));
}

} // namespace
} // namespace weave::datapath::odp
