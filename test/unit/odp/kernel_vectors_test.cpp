#include <linux/openvswitch.h>

#include <gtest/gtest.h>

#include "datapath/odp/flow_codec.hpp"
#include "datapath/odp/packet_codec.hpp"
#include "datapath/odp/vport_codec.hpp"
#include "test/unit/odp/netlink_bytes.hpp"

namespace weave::datapath::odp {
namespace {

MacAddress mac(std::string_view hex) {
  auto const bytes = *parse_hex(hex);
  std::array<std::uint8_t, 6> octets{};
  std::ranges::copy(bytes, octets.begin());
  return MacAddress{octets};
}

constexpr Ipv4Address kHere{0xc0a83201};
constexpr Ipv4Address kThere{0xc0a83202};
constexpr DatapathIndex kIndex{4};

OvsMessage kernel_message(char const* name, Bytes& storage) {
  storage = test::hex_member(test::datapath_vectors().named(name), "hex");
  auto const message = test::only_ovs(storage);
  EXPECT_EQ(message.datapath, kIndex) << name;
  return message;
}

Vport vport_of(char const* name, std::uint8_t command) {
  Bytes storage;
  auto const message = kernel_message(name, storage);
  EXPECT_EQ(message.command, command) << name;
  auto const vport = decode_vport(message);
  EXPECT_TRUE(vport) << vport.error().text();
  auto const& vector = test::datapath_vectors().named(name);
  EXPECT_EQ(static_cast<std::int64_t>(vport->number), vector.at("vport_id").as_int64());
  EXPECT_EQ(vport->name, vector.at("vport_name").as_string());
  test::datapath_vectors().covered(name);
  return *vport;
}

TEST(KernelVectors, Vports) {
  auto const made = vport_of("nl-kernel-vportnew-1", OVS_VPORT_CMD_NEW);
  EXPECT_EQ(made.type, VportType::netdev);
  EXPECT_EQ(made.upcall_pids, std::vector<std::uint32_t>{0});
  EXPECT_EQ(made.stats, VportStats{});
  EXPECT_FALSE(made.udp_port);

  auto const local = vport_of("nl-kernel-vportdump-2", OVS_VPORT_CMD_NEW + 2);
  EXPECT_EQ(local.type, VportType::internal);
  EXPECT_EQ(local.stats.sent_packets, 3U);
  EXPECT_EQ(local.stats.sent_bytes, 266U);
  EXPECT_EQ(local.stats.received_packets, 0U);
  EXPECT_EQ(vport_of("nl-kernel-vportdump-1", OVS_VPORT_CMD_GET).stats.received_bytes, 266U);

  auto const vxlan = vport_of("nl-kernel-vportnew-4", OVS_VPORT_CMD_NEW);
  EXPECT_EQ(vxlan.type, VportType::vxlan);
  EXPECT_EQ(vxlan.udp_port, 6784);
  EXPECT_EQ(vport_of("nl-kernel-vportdump-4", OVS_VPORT_CMD_GET).udp_port, 6784);
}

TEST(KernelVectors, ChangedVports) {
  std::vector<std::uint32_t> const pids{0x80dec5f9};
  EXPECT_EQ(vport_of("nl-kernel-vportset-2", OVS_VPORT_CMD_SET).upcall_pids, pids);
  EXPECT_EQ(vport_of("nl-kernel-vportset-1", OVS_VPORT_CMD_SET).upcall_pids, pids);
  auto const vxlan = vport_of("nl-kernel-vportset-4", OVS_VPORT_CMD_SET);
  EXPECT_EQ(vxlan.upcall_pids, pids);
  EXPECT_EQ(vxlan.udp_port, 6784);
}

/// Takes what the vector says of the packet.
void expect_upcall(char const* name, PortNo port, std::optional<TunnelKey> const& tunnel) {
  Bytes storage;
  auto const upcall = decode_upcall(kernel_message(name, storage));
  ASSERT_TRUE(upcall) << name << ": " << upcall.error().text();
  EXPECT_EQ(upcall->in_port, port);
  EXPECT_EQ(upcall->tunnel, tunnel);
  auto const& vector = test::datapath_vectors().named(name);
  ASSERT_GE(upcall->packet.size(), 14U);
  EXPECT_EQ(to_hex(upcall->packet.first(6)), vector.at("eth_dst").as_string());
  EXPECT_EQ(to_hex(upcall->packet.subspan(6, 6)), vector.at("eth_src").as_string());
  if (vector.contains("packet_len")) {
    EXPECT_EQ(static_cast<std::int64_t>(upcall->packet.size()), vector.at("packet_len").as_int64());
  }
  test::datapath_vectors().covered(name);
}

TEST(KernelVectors, Upcalls) {
  TunnelKey const tunnel{.id = 0x2d977a, .source = kThere, .destination = kHere, .ttl = 64};
  expect_upcall("nl-kernel-miss-netdev", PortNo{1}, {});
  expect_upcall("nl-kernel-miss-netdev-unicast", PortNo{1}, {});
  expect_upcall("nl-kernel-miss-vxlan", PortNo{2}, tunnel);
  expect_upcall("nl-kernel-miss-heartbeat", PortNo{2}, tunnel);
}

Flow flow_of(char const* name) {
  Bytes storage;
  auto const flow = decode_flow(kernel_message(name, storage));
  EXPECT_TRUE(flow) << name << ": " << flow.error().text();
  auto const& vector = test::datapath_vectors().named(name);
  EXPECT_EQ(static_cast<std::int64_t>(flow->stats.packets), vector.at("packets").as_int64());
  EXPECT_EQ(static_cast<std::int64_t>(flow->stats.bytes), vector.at("bytes").as_int64());
  auto const used = vector.at("used").as_int64();
  EXPECT_EQ(flow->stats.used, used == 0 ? std::nullopt : std::optional{std::chrono::milliseconds{used}});
  EXPECT_FALSE(flow->ufid);
  EXPECT_FALSE(flow->raw_key.empty());
  test::datapath_vectors().covered(name);
  return *flow;
}

FlowMatch local_match(std::string_view destination) {
  return {.in_port = PortNo{1},
          .source = MaskedMac::exactly(mac("000000000001")),
          .destination = MaskedMac::exactly(mac(destination))};
}

FlowMatch tunnel_match(std::string_view source, std::string_view destination) {
  return {.in_port = PortNo{2},
          .source = MaskedMac::exactly(mac(source)),
          .destination = MaskedMac::exactly(mac(destination)),
          .tunnel = TunnelMatch{0x2d977a, kThere, kHere}};
}

TEST(KernelVectors, FlowsOfFramesFromHere) {
  Actions const to_local{OutputAction{PortNo{0}}};
  for (auto const* name : {"nl-kernel-flownew-echo", "nl-kernel-flowdump-local-unused"}) {
    auto const flow = flow_of(name);
    EXPECT_EQ(flow.match, local_match("01005e000016"));
    EXPECT_EQ(flow.actions, to_local);
  }
  for (auto const* name : {"nl-kernel-flowdump-local-used", "nl-kernel-flowdel-echo"}) {
    auto const flow = flow_of(name);
    EXPECT_EQ(flow.match, local_match("333300000016"));
    EXPECT_EQ(flow.actions, to_local);
  }
}

TEST(KernelVectors, FlowsOfTunnelledFrames) {
  Actions const to_both{OutputAction{PortNo{1}}, OutputAction{PortNo{0}}};
  auto const unused = flow_of("nl-kernel-flowdump-vxlan-unused");
  EXPECT_EQ(unused.match, tunnel_match("e6b5d2022b83", "333300000002"));
  EXPECT_EQ(unused.actions, to_both);
  auto const used = flow_of("nl-kernel-flowdump-vxlan-used");
  EXPECT_EQ(used.match, tunnel_match("000000000002", "333300000016"));
  EXPECT_EQ(used.actions, to_both);
}

// The kernel tells a flow apart by its whole key, so a removal names it as it was told.
TEST(KernelVectors, AFlowWithoutUfidIsRemovedByTheKeyItCameWith) {
  auto const flow = flow_of("nl-kernel-flowdump-vxlan-used");
  auto const removal = encode_flow_delete(28, kIndex, flow);
  ASSERT_TRUE(removal);
  auto const fields = netlink::AttributeTable<OVS_FLOW_ATTR_UFID + 1>::parse(test::only_ovs(*removal).attributes);
  ASSERT_TRUE(fields);
  ASSERT_TRUE(fields->find(OVS_FLOW_ATTR_KEY));
  EXPECT_EQ(to_hex(*fields->find(OVS_FLOW_ATTR_KEY)), to_hex(flow.raw_key));
  EXPECT_FALSE(fields->find(OVS_FLOW_ATTR_MASK));
}

} // namespace
} // namespace weave::datapath::odp
