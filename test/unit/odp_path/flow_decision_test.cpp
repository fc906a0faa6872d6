#include "datapath/odp/flow_decision.hpp"

#include <gtest/gtest.h>

#include "datapath/bridge/mac_table.hpp"
#include "test/unit/odp_path/mesh_states.hpp"

namespace weave::datapath::odp {
namespace {

using namespace weave::test;

constexpr PortNo kInternal{0};
constexpr PortNo kBridge{1};
constexpr PortNo kUser{2};
constexpr PortNo kTunnel{3};
constexpr PortNo kOtherTunnel{4};

std::vector<Vport> bridged_ports() {
  return {{.number = kInternal, .name = "datapath", .type = VportType::internal},
          {.number = kBridge, .name = "vethwe-datapath", .type = VportType::netdev},
          {.number = kUser, .name = "vethwe-user", .type = VportType::netdev},
          {.number = kTunnel, .name = "vxlan-6784", .type = VportType::netdev},
          {.number = kOtherTunnel, .name = "tunnel", .type = VportType::vxlan, .udp_port = 7001}};
}

class Decisions : public testing::Test {
 protected:
  Decisions() { use(full_mesh(3)); }

  void use(ForwardingState mesh) { state = StateView{shared(std::move(mesh))}; }
  void containers_are_ports() {
    ports = PortMap{std::vector<Vport>{{.number = kInternal, .name = "weave", .type = VportType::internal},
                                       {.number = kBridge, .name = "vethwlaaa", .type = VportType::netdev},
                                       {.number = kUser, .name = "vethwe-user", .type = VportType::netdev},
                                       {.number = kTunnel, .name = "vxlan-6784", .type = VportType::netdev},
                                       {.number = PortNo{5}, .name = "vethwlbbb", .type = VportType::netdev}},
                    {.user_port = "vethwe-user", .internal_is_local = true}};
  }

  FlowDecision captured(MacAddress source, MacAddress destination) {
    return decider.decide({.in_port = kBridge, .source = source, .destination = destination});
  }
  static PacketKey tunnelled(int via, TunnelId tunnel, MacAddress source, MacAddress destination) {
    return {.in_port = kTunnel, .source = source, .destination = destination, .tunnel = tunnel_match(via, tunnel)};
  }
  FlowDecision received(int via, TunnelId tunnel, MacAddress source, MacAddress destination) {
    return decider.decide(tunnelled(via, tunnel, source, destination));
  }
  static Plan::ToTunnel copy(int to, TunnelId tunnel) { return {kTunnel, to_tunnel(to, tunnel)}; }
  static FlowMatch exactly(PortNo port, MacAddress source, MacAddress destination) {
    return {.in_port = port, .source = MaskedMac::exactly(source), .destination = MaskedMac::exactly(destination)};
  }

  StateView state;
  PortMap ports{bridged_ports(), {.user_port = "vethwe-user"}};
  MacTable macs{name_of(1), Duration::zero()};
  LocalPlaces places;
  FlowDecider decider{state, ports, macs, places};
};

TEST_F(Decisions, PortsHaveRoles) {
  EXPECT_EQ(ports.role(kInternal), PortRole::ignored);
  EXPECT_EQ(ports.role(kBridge), PortRole::local);
  EXPECT_EQ(ports.role(kUser), PortRole::user);
  EXPECT_EQ(ports.role(kTunnel), PortRole::tunnel);
  EXPECT_EQ(ports.udp_port(kTunnel), 6784);
  EXPECT_EQ(ports.tunnel(7001), kOtherTunnel);
  EXPECT_EQ(ports.role(PortNo{77}), PortRole::ignored);
  EXPECT_EQ(ports.locals(), std::vector{kBridge});
}

TEST_F(Decisions, KnownUnicastGoesToItsPeerAlone) {
  macs.record_remote(mac_of(2), name_of(2), {});
  auto const decision = captured(mac_of(1), mac_of(2));
  EXPECT_EQ(decision.match, exactly(kBridge, mac_of(1), mac_of(2)));
  EXPECT_EQ(decision.plan, Plan{.tunnels = {copy(2, ids(1, 2))}});
  EXPECT_TRUE(decision.cacheable);
  EXPECT_EQ(decision.drop, DropReason::none);
}

TEST_F(Decisions, KnownUnicastOfARelayedPeerGoesToTheNextHop) {
  use(chain());
  macs.record_remote(mac_of(4), name_of(4), {});
  EXPECT_EQ(captured(mac_of(1), mac_of(4)).plan, Plan{.tunnels = {copy(3, ids(1, 4))}});
}

TEST_F(Decisions, KnownUnicastForASleevePeerIsTaggedWithoutFloodBit) {
  auto mesh = alone();
  join(mesh, 2, Carrier::user);
  use(mesh);
  macs.record_remote(mac_of(2), name_of(2), {});
  EXPECT_EQ(captured(mac_of(1), mac_of(2)).plan, (Plan{.user_port = kUser, .user = {{.destination = id_of(2)}}}));
}

TEST_F(Decisions, NeighboursOnAnotherUdpPortAreReachedByItsVport) {
  auto mesh = full_mesh(2);
  mesh.neighbours[id_of(2)].endpoints.udp_port = 7001;
  use(mesh);
  macs.record_remote(mac_of(2), name_of(2), {});
  auto const plan = captured(mac_of(1), mac_of(2)).plan;
  ASSERT_EQ(plan.tunnels.size(), 1U);
  EXPECT_EQ(plan.tunnels[0].port, kOtherTunnel);
}

TEST_F(Decisions, UnknownUnicastIsFloodedByACacheableFlow) {
  auto const decision = captured(mac_of(1), mac_of(2));
  EXPECT_EQ(decision.plan, (Plan{.tunnels = {copy(2, ids(1, 2)), copy(3, ids(1, 3))}}));
  EXPECT_TRUE(decision.cacheable);
}

TEST_F(Decisions, BroadcastsReachSleeveAndTunnelNeighbours) {
  auto mesh = full_mesh(2);
  join(mesh, 3, Carrier::user);
  join(mesh, 4, Carrier::none);
  use(mesh);
  EXPECT_EQ(captured(mac_of(1), kBroadcast).plan, (Plan{.user_port = kUser,
                                                        .user = {{.destination = id_of(3), .flooded = true}},
                                                        .tunnels = {copy(2, ids(1, 2))}}));
}

TEST_F(Decisions, WithoutRouteOrCarrierThePacketIsDroppedByAFlow) {
  auto mesh = full_mesh(2);
  mesh.neighbours[id_of(2)].carrier = Carrier::none;
  mesh.peers[id_of(3)] = name_of(3);
  use(mesh);
  macs.record_remote(mac_of(2), name_of(2), {});
  macs.record_remote(mac_of(3), name_of(3), {});
  macs.record_remote(mac_of(4), name_of(4), {});
  EXPECT_EQ(captured(mac_of(1), mac_of(2)).drop, DropReason::no_route);
  EXPECT_EQ(captured(mac_of(1), mac_of(3)).drop, DropReason::no_route);
  EXPECT_EQ(captured(mac_of(1), mac_of(4)).drop, DropReason::unknown_peer);
  EXPECT_TRUE(captured(mac_of(1), mac_of(3)).cacheable);
  EXPECT_TRUE(captured(mac_of(1), mac_of(3)).plan.drops());
}

TEST_F(Decisions, LocalDestinationsStayWhereTheyAre) {
  macs.record_local(mac_of(1, 2), {});
  auto const decision = captured(mac_of(1), mac_of(1, 2));
  EXPECT_EQ(decision.drop, DropReason::local_destination);
  EXPECT_TRUE(decision.cacheable);
}

TEST_F(Decisions, BridgeControlIsDroppedWhoeverSendsIt) {
  MacAddress const group{{0x01, 0x80, 0xc2, 0, 0, 0}};
  auto const decision = captured(mac_of(1), group);
  EXPECT_EQ(decision.drop, DropReason::bridge_control);
  EXPECT_EQ(decision.match, (FlowMatch{.in_port = kBridge, .destination = MaskedMac::exactly(group)}));
  EXPECT_EQ(received(2, ids(2, 1), mac_of(2), group).drop, DropReason::bridge_control);
  EXPECT_FALSE(decider.sighting(tunnelled(2, ids(2, 1), mac_of(2), group)));
}

TEST_F(Decisions, InvalidSourcesTeachNothing) {
  EXPECT_EQ(captured(MacAddress{}, MacAddress{}).drop, DropReason::invalid_source);
  EXPECT_EQ(captured(kBroadcast, mac_of(2)).drop, DropReason::invalid_source);
  EXPECT_EQ(received(2, ids(2, 1), kBroadcast, mac_of(1)).drop, DropReason::invalid_source);
  EXPECT_FALSE(decider.sighting({.in_port = kBridge, .source = kBroadcast, .destination = mac_of(2)}));
}

TEST_F(Decisions, ArrivingUnicastIsDelivered) {
  macs.record_local(mac_of(1), {});
  auto const decision = received(2, ids(2, 1), mac_of(2), mac_of(1));
  auto match = exactly(kTunnel, mac_of(2), mac_of(1));
  match.tunnel = tunnel_match(2, ids(2, 1));
  EXPECT_EQ(decision.match, match);
  EXPECT_EQ(decision.plan, Plan{.local = {kBridge}});
  EXPECT_EQ(decider.sighting(tunnelled(2, ids(2, 1), mac_of(2), mac_of(1))), (Sighting{mac_of(2), name_of(2)}));
}

TEST_F(Decisions, ArrivingBroadcastsArePassedOnWithTheirSource) {
  use(chain());
  EXPECT_EQ(received(2, ids(2, 1), mac_of(2), kBroadcast).plan,
            (Plan{.local = {kBridge}, .tunnels = {copy(3, ids(2, 3))}}));
  EXPECT_EQ(received(3, ids(4, 1), mac_of(4), kBroadcast).plan,
            (Plan{.local = {kBridge}, .tunnels = {copy(2, ids(4, 2))}}));
}

TEST_F(Decisions, ArrivingBroadcastsForASleeveNeighbourCarryBothTags) {
  use(chain(Carrier::tunnel, Carrier::user));
  EXPECT_EQ(received(2, ids(2, 1), mac_of(2), kBroadcast).plan,
            (Plan{.local = {kBridge},
                  .user_port = kUser,
                  .user = {{.source = id_of(2), .destination = id_of(3), .flooded = true}}}));
}

TEST_F(Decisions, ArrivingBroadcastsDoNotGoBack) {
  auto mesh = chain();
  mesh.floods[id_of(2)] = {id_of(2), id_of(3)};
  use(mesh);
  EXPECT_EQ(received(2, ids(2, 1), mac_of(2), kBroadcast).plan.tunnels, std::vector{copy(3, ids(2, 3))});
}

TEST_F(Decisions, ArrivingUnknownUnicastIsDeliveredAndPassedOn) {
  use(chain());
  EXPECT_EQ(received(2, ids(2, 1), mac_of(2), mac_of(1, 9)).plan,
            (Plan{.local = {kBridge}, .tunnels = {copy(3, ids(2, 3))}}));
}

TEST_F(Decisions, RelaysLookAtIngressAndTunnelOnly) {
  use(chain());
  auto const decision = received(2, ids(2, 4), mac_of(2), mac_of(4));
  EXPECT_EQ(decision.match, (FlowMatch{.in_port = kTunnel, .tunnel = tunnel_match(2, ids(2, 4))}));
  EXPECT_EQ(decision.plan, Plan{.tunnels = {copy(3, ids(2, 4))}});
  EXPECT_FALSE(decider.sighting(tunnelled(2, ids(2, 4), mac_of(2), mac_of(4))));
  // The same question asked for the flow has the same answer.
  auto const again = decider.decide(key_of(decision.match));
  EXPECT_EQ(again.match, decision.match);
  EXPECT_EQ(again.plan, decision.plan);
}

TEST_F(Decisions, RelaysToSleeveCarryBothTags) {
  use(chain(Carrier::tunnel, Carrier::user));
  EXPECT_EQ(received(2, ids(2, 4), mac_of(2), mac_of(4)).plan,
            (Plan{.user_port = kUser, .user = {{.source = id_of(2), .destination = id_of(4)}}}));
}

TEST_F(Decisions, RelaysKeepTaggedAndUntaggedFramesApart) {
  use(chain());
  auto key = tunnelled(2, ids(2, 4), mac_of(2), mac_of(4));
  key.tags = VlanMatch{.type = 0x8100};
  auto const decision = decider.decide(key);
  EXPECT_EQ(decision.match.vlan, key.tags);
  EXPECT_EQ(decision.plan, Plan{.tunnels = {copy(3, ids(2, 4))}});
}

TEST_F(Decisions, RelaysNeverGoBackwards) {
  use(chain());
  EXPECT_EQ(received(3, ids(2, 4), mac_of(2), mac_of(4)).drop, DropReason::backwards);
  use(chain(Carrier::tunnel, Carrier::user));
  EXPECT_EQ(received(3, ids(2, 4), mac_of(2), mac_of(4)).drop, DropReason::backwards);
}

TEST_F(Decisions, RelaysWithoutRouteDropByAddressSoThatHeartbeatsPass) {
  auto mesh = chain();
  mesh.next_hops.erase(id_of(4));
  use(mesh);
  auto const decision = received(2, ids(2, 4), mac_of(2), mac_of(4));
  EXPECT_EQ(decision.drop, DropReason::no_route);
  EXPECT_EQ(decision.match.source, MaskedMac::exactly(mac_of(2)));
  EXPECT_EQ(received(2, ids(2, 9), mac_of(2), mac_of(4)).drop, DropReason::unknown_peer);
}

TEST_F(Decisions, PacketsOfStrangersAndOfOurselfAreDropped) {
  EXPECT_EQ(received(2, ids(9, 1), mac_of(2), mac_of(1)).drop, DropReason::unknown_peer);
  EXPECT_EQ(received(2, ids(1, 1), mac_of(2), mac_of(1)).drop, DropReason::returned);
  EXPECT_EQ(received(2, ids(1, 3), mac_of(2), mac_of(1)).drop, DropReason::returned);
}

TEST_F(Decisions, ZeroAddressesAreTheDaemonsOwn) {
  auto const decision = received(2, ids(2, 1), MacAddress{}, MacAddress{});
  EXPECT_TRUE(decision.heartbeat);
  EXPECT_FALSE(decision.cacheable);
  EXPECT_TRUE(received(9, ids(9, 8), MacAddress{}, MacAddress{}).heartbeat);
}

TEST_F(Decisions, TheWorkersFramesAreUntaggedForTheBridge) {
  auto const decision = decider.decide(
      {.in_port = kUser, .source = mac_of(2), .destination = mac_of(1), .tags = VlanMatch{.type = 0x8100}});
  EXPECT_EQ(decision.match, (FlowMatch{.in_port = kUser, .vlan = VlanMatch{}}));
  EXPECT_EQ(decision.plan, (Plan{.untag = true, .local = {kBridge}}));
  auto const untagged = decider.decide({.in_port = kUser, .source = mac_of(2), .destination = mac_of(1)});
  EXPECT_EQ(untagged.drop, DropReason::untagged);
  EXPECT_FALSE(untagged.cacheable);
}

TEST_F(Decisions, UnknownPortsAreNeverCached) {
  auto const decision = decider.decide({.in_port = PortNo{77}, .source = mac_of(2), .destination = mac_of(1)});
  EXPECT_FALSE(decision.cacheable);
  EXPECT_TRUE(decision.plan.drops());
}

TEST_F(Decisions, ContainersAsPortsAreSwitchedByAddress) {
  containers_are_ports();
  macs.record_local(mac_of(1), {});
  macs.record_local(mac_of(1, 2), {});
  places.record(mac_of(1), kBridge);
  places.record(mac_of(1, 2), PortNo{5});
  EXPECT_EQ(captured(mac_of(1), mac_of(1, 2)).plan, Plan{.local = {PortNo{5}}});
  EXPECT_EQ(captured(mac_of(1), mac_of(1)).drop, DropReason::local_destination);
  EXPECT_EQ(captured(mac_of(1), kBroadcast).plan,
            (Plan{.local = {kInternal, PortNo{5}}, .tunnels = {copy(2, ids(1, 2)), copy(3, ids(1, 3))}}));
  EXPECT_EQ(received(2, ids(2, 1), mac_of(2), mac_of(1)).plan, Plan{.local = {kBridge}});
  EXPECT_EQ(received(2, ids(2, 1), mac_of(2), kBroadcast).plan, (Plan{.local = {kInternal, kBridge, PortNo{5}}}));
}

TEST_F(Decisions, ContainersAsPortsGetTheWorkersFramesByAddress) {
  containers_are_ports();
  macs.record_local(mac_of(1), {});
  places.record(mac_of(1), kBridge);
  auto const decision = decider.decide(
      {.in_port = kUser, .source = mac_of(2), .destination = mac_of(1), .tags = VlanMatch{.type = 0x8100}});
  EXPECT_EQ(decision.match,
            (FlowMatch{.in_port = kUser, .destination = MaskedMac::exactly(mac_of(1)), .vlan = VlanMatch{}}));
  EXPECT_EQ(decision.plan, (Plan{.untag = true, .local = {kBridge}}));
}

TEST(PacketKeys, SeeTagsWithinTheFrameOnly) {
  auto const key = [](Bytes const& bytes) { return key_of(Upcall{PortNo{1}, {}, bytes}); };
  EXPECT_FALSE(key(Bytes(13)));
  EXPECT_EQ(key(frame(mac_of(1), mac_of(2)))->tags, std::nullopt);
  EXPECT_EQ(key(frame(mac_of(1), mac_of(2), {0x8100, 5}))->tags, VlanMatch{});
  EXPECT_EQ(key(frame(mac_of(1), mac_of(2), {0x88a8, 5, 0x8100, 6}))->tags,
            (VlanMatch{.type = 0x88a8, .inner_type = 0x8100}));
  auto cut = frame(mac_of(1), mac_of(2), {0x8100, 5, 0x8100, 6});
  cut.resize(18);
  EXPECT_EQ(key(cut)->tags, VlanMatch{});
  cut.resize(15);
  EXPECT_EQ(key(cut)->tags, std::nullopt);
}

} // namespace
} // namespace weave::datapath::odp
