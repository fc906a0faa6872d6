#include "datapath/odp/flow_keeper.hpp"

#include <chrono>

#include <gtest/gtest.h>

#include "test/unit/odp_path/flow_keeping.hpp"

namespace weave::datapath::odp {
namespace {

using namespace std::chrono_literals;

TEST_F(FlowKeeping, TheFirstPacketActsTheOthersNeedNobody) {
  apply(full_mesh(2));
  arrive(2, ids(2, 1), mac_of(2), mac_of(1));
  EXPECT_EQ(went(), Places{kBridge});
  send(mac_of(1), mac_of(2));
  EXPECT_EQ(went(), Places{"2:1>2"});
  auto const before = misses();
  send(mac_of(1), mac_of(2));
  arrive(2, ids(2, 1), mac_of(2), mac_of(1));
  EXPECT_EQ(went(), (Places{"2:1>2", kBridge}));
  EXPECT_EQ(misses(), before);
  EXPECT_EQ(kernel.counters().ambiguous, 0U);
}

TEST_F(FlowKeeping, FloodsOfUnknownUnicastEndWhenTheAddressIsSeen) {
  apply(full_mesh(3));
  send(mac_of(1), mac_of(2));
  EXPECT_EQ(went(), (Places{"2:1>2", "3:1>3"}));
  arrive(2, ids(2, 1), mac_of(2), kBroadcast);
  (void)went();
  auto const before = misses();
  send(mac_of(1), mac_of(2));
  EXPECT_EQ(went(), Places{"2:1>2"});
  EXPECT_EQ(misses(), before);
}

TEST_F(FlowKeeping, TheWorkersLessonsChangeFlowsToo) {
  auto mesh = full_mesh(2);
  join(mesh, 3, Carrier::user);
  plug_user_port();
  apply(mesh);
  send(mac_of(1), mac_of(3));
  EXPECT_EQ(went(), (Places{"2:1>2", kUser}));
  process->macs.record_remote(mac_of(3), name_of(3), scheduler.now());
  keeper().on_macs_changed();
  kernel.receive(kBridge, frame(mac_of(1), mac_of(3)));
  auto const sent = kernel.take_sent();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].port, kUser);
  EXPECT_EQ(sent[0].frame, frame(mac_of(1), mac_of(3), {0x8100, 0x0103}));
}

TEST_F(FlowKeeping, FramesOfTheWorkerNeedNoUpcall) {
  plug_user_port();
  apply(full_mesh(2));
  auto const before = misses();
  kernel.receive(kUser, frame(mac_of(2), mac_of(1), {0x8100, 0x0102}));
  kernel.receive(kUser, frame(mac_of(2), mac_of(1), {0x8100, 0x0102, 0x8100, 0x0007}));
  kernel.receive(kUser, frame(mac_of(2), mac_of(1), {0x8100, 0x0102, 0x88a8, 0x0007}));
  auto const sent = kernel.take_sent();
  ASSERT_EQ(sent.size(), 3U);
  EXPECT_EQ(sent[0].frame, frame(mac_of(2), mac_of(1)));
  EXPECT_EQ(sent[1].frame, frame(mac_of(2), mac_of(1), {0x8100, 0x0007}));
  EXPECT_EQ(sent[2].port, kBridge);
  EXPECT_EQ(misses(), before);
  scheduler.advance(20min);
  EXPECT_TRUE(keeper().age());
  EXPECT_EQ(kernel.flows().size(), 3U);
}

TEST_F(FlowKeeping, OneMissForAllThatARelayedPairSends) {
  apply(chain());
  arrive(2, ids(2, 4), mac_of(2), mac_of(4));
  EXPECT_EQ(went(), Places{"3:2>4"});
  auto const before = misses();
  for (int container = 1; container < 20; ++container) arrive(2, ids(2, 4), mac_of(2, container), mac_of(4, container));
  EXPECT_EQ(misses(), before);
  EXPECT_EQ(went().size(), 19U);
}

TEST_F(FlowKeeping, HeartbeatsAreHandedOverAndNeverCached) {
  apply(full_mesh(2));
  auto beat = frame(MacAddress{}, MacAddress{});
  beat.resize(1390);
  for (int i = 0; i < 2; ++i) kernel.receive(kTunnel, beat, from_tunnel(2, ids(2, 1)));
  scheduler.settle();
  ASSERT_EQ(heartbeats.size(), 2U);
  EXPECT_EQ(heartbeats[0].ids, ids(2, 1));
  EXPECT_EQ(heartbeats[0].remote, address_of(2));
  EXPECT_EQ(heartbeats[0].udp_port, kTunnelPort);
  EXPECT_EQ(heartbeats[0].length, 1390U);
  EXPECT_EQ(heartbeats[0].head, Bytes(beat.begin(), beat.begin() + kHeartbeatHead));
  EXPECT_TRUE(kernel.flows().empty());
}

TEST_F(FlowKeeping, AChangeOfCarrierMovesItsFlowsAtOnce) {
  plug_user_port();
  auto mesh = full_mesh(3);
  apply(mesh);
  arrive(2, ids(2, 1), mac_of(2), mac_of(1));
  arrive(3, ids(3, 1), mac_of(3), mac_of(1));
  send(mac_of(1), mac_of(2));
  send(mac_of(1), mac_of(3));
  (void)went();
  auto const before = touched();
  mesh.neighbours[id_of(2)].carrier = Carrier::user;
  apply(mesh);
  EXPECT_EQ(touched(), before + 1);
  send(mac_of(1), mac_of(2));
  send(mac_of(1), mac_of(3));
  EXPECT_EQ(went(), (Places{"3:1>3", kUser}));
  mesh.neighbours[id_of(2)].carrier = Carrier::tunnel;
  apply(mesh);
  send(mac_of(1), mac_of(2));
  EXPECT_EQ(went(), Places{"2:1>2"});
}

TEST_F(FlowKeeping, AJoinTouchesNoFlowOfOthers) {
  auto mesh = full_mesh(29);
  apply(mesh);
  for (int peer = 2; peer <= 29; ++peer) {
    arrive(peer, ids(peer, 1), mac_of(peer), mac_of(1));
    send(mac_of(1), mac_of(peer));
  }
  send(mac_of(1), kBroadcast);
  auto const before = touched();
  auto const missed = misses();
  join(mesh, 30);
  apply(mesh);
  // The one flow that changes is that of our own broadcasts.
  EXPECT_EQ(touched(), before + 1);
  apply(mesh);
  EXPECT_EQ(touched(), before + 1);
  for (int peer = 2; peer <= 29; ++peer) send(mac_of(1), mac_of(peer));
  EXPECT_EQ(misses(), missed);
  (void)went();
  send(mac_of(1), kBroadcast);
  EXPECT_EQ(went().size(), 29U);
}

TEST_F(FlowKeeping, ARelayedJoinTouchesNoRelayOfOthers) {
  auto mesh = chain();
  apply(mesh);
  arrive(2, ids(2, 4), mac_of(2), mac_of(4));
  arrive(3, ids(4, 2), mac_of(4), mac_of(2));
  auto const before = touched();
  mesh.peers[id_of(5)] = name_of(5);
  mesh.next_hops[id_of(5)] = id_of(3);
  mesh.floods[id_of(5)] = {id_of(2)};
  apply(mesh);
  EXPECT_EQ(touched(), before);
}

TEST_F(FlowKeeping, ANewRouteMovesTheFlowsOfItsDestinationOnly) {
  auto mesh = full_mesh(3);
  mesh.peers[id_of(4)] = name_of(4);
  mesh.next_hops[id_of(4)] = id_of(3);
  apply(mesh);
  for (int peer = 2; peer <= 4; ++peer) {
    arrive(peer == 4 ? 3 : peer, ids(peer, 1), mac_of(peer), mac_of(1));
    send(mac_of(1), mac_of(peer));
  }
  (void)went();
  auto const before = touched();
  mesh.next_hops[id_of(4)] = id_of(2);
  apply(mesh);
  EXPECT_EQ(touched(), before + 1);
  send(mac_of(1), mac_of(4));
  EXPECT_EQ(went(), Places{"2:1>4"});
}

TEST_F(FlowKeeping, ADropEndsWithTheStateThatCausedIt) {
  auto mesh = full_mesh(2);
  apply(mesh);
  arrive(2, ids(2, 1), mac_of(2), mac_of(1));
  mesh.neighbours[id_of(2)].carrier = Carrier::none;
  apply(mesh);
  (void)went();
  send(mac_of(1), mac_of(2));
  send(mac_of(1), mac_of(2));
  EXPECT_TRUE(went().empty());
  EXPECT_EQ(keeper().drops().count(DropReason::no_route), 1U);
  mesh.neighbours[id_of(2)].carrier = Carrier::tunnel;
  apply(mesh);
  send(mac_of(1), mac_of(2));
  EXPECT_EQ(went(), Places{"2:1>2"});
}

TEST_F(FlowKeeping, AnotherShortIdOfOursChangesWhatWeWrite) {
  auto mesh = full_mesh(2);
  apply(mesh);
  arrive(2, ids(2, 1), mac_of(2), mac_of(1));
  send(mac_of(1), mac_of(2));
  (void)went();
  mesh.peers.erase(id_of(1));
  mesh.floods[id_of(9)] = mesh.floods[id_of(1)];
  mesh.self_id = id_of(9);
  mesh.peers[id_of(9)] = name_of(1);
  apply(mesh);
  send(mac_of(1), mac_of(2));
  EXPECT_EQ(went(), Places{"2:9>2"});
  arrive(2, ids(2, 9), mac_of(2), mac_of(1));
  EXPECT_EQ(went(), Places{kBridge});
  EXPECT_EQ(kernel.counters().ambiguous, 0U);
}

/// Flows in both directions between our container and M, which is then seen elsewhere.
TEST_F(FlowKeeping, RemoteAddressesMoveWithTheirFirstFrame) {
  apply(full_mesh(3));
  auto const moving = mac_of(7);
  arrive(2, ids(2, 1), moving, mac_of(1));
  send(mac_of(1), moving);
  EXPECT_EQ(went(), (Places{"2:1>2", kBridge}));
  arrive(3, ids(3, 1), moving, kBroadcast);
  (void)went();
  send(mac_of(1), moving);
  EXPECT_EQ(went(), Places{"3:1>3"});
  // And back: the old flow would have hidden it.
  arrive(2, ids(2, 1), moving, mac_of(1));
  (void)went();
  send(mac_of(1), moving);
  EXPECT_EQ(went(), Places{"2:1>2"});
}

TEST_F(FlowKeeping, AddressesMoveHereAndAway) {
  apply(full_mesh(2));
  auto const moving = mac_of(7);
  arrive(2, ids(2, 1), moving, mac_of(1));
  send(mac_of(1), moving);
  (void)went();
  send(moving, kBroadcast);
  (void)went();
  EXPECT_EQ(process->macs.find(moving), name_of(1));
  send(mac_of(1), moving);
  EXPECT_TRUE(went().empty());
  arrive(2, ids(2, 1), mac_of(2), moving);
  EXPECT_EQ(went(), Places{kBridge});
  arrive(2, ids(2, 1), moving, mac_of(1));
  (void)went();
  EXPECT_EQ(process->macs.find(moving), name_of(2));
  send(mac_of(1), moving);
  EXPECT_EQ(went(), Places{"2:1>2"});
}

TEST_F(FlowKeeping, AddressesMoveBetweenVportsOfThisHost) {
  unbridged = true;
  kernel.add_device("vethwlbbb");
  EXPECT_TRUE(process->datapath->add_port({.name = "vethwlbbb"}));
  look();
  apply(full_mesh(2));
  auto const moving = mac_of(1, 7);
  send(moving, kBroadcast);
  arrive(2, ids(2, 1), mac_of(2), moving);
  (void)went();
  send(moving, kBroadcast, "vethwlbbb");
  (void)went();
  arrive(2, ids(2, 1), mac_of(2), moving);
  EXPECT_EQ(went(), Places{"vethwlbbb"});
  send(moving, kBroadcast);
  (void)went();
  arrive(2, ids(2, 1), mac_of(2), moving);
  EXPECT_EQ(went(), Places{kBridge});
}

TEST_F(FlowKeeping, UnusedFlowsGoUsedOnesKeepTheirAddresses) {
  apply(full_mesh(2));
  arrive(2, ids(2, 1), mac_of(2), mac_of(1));
  send(mac_of(1), mac_of(2));
  send(mac_of(1, 2), mac_of(2));
  ASSERT_EQ(kernel.flows().size(), 3U);
  for (int minute = 0; minute < 30; ++minute) {
    send(mac_of(1), mac_of(2));
    arrive(2, ids(2, 1), mac_of(2), mac_of(1));
    scheduler.advance(1min);
    EXPECT_TRUE(keeper().age());
    process->macs.sweep(scheduler.now());
  }
  EXPECT_EQ(kernel.flows().size(), 2U);
  EXPECT_EQ(keeper().table().counters().expired, 1U);
  EXPECT_EQ(process->macs.find(mac_of(2)), name_of(2));
  EXPECT_EQ(process->macs.find(mac_of(1)), name_of(1));
  EXPECT_FALSE(process->macs.find(mac_of(1, 2)));
  EXPECT_EQ(misses(), 3U);
}

TEST_F(FlowKeeping, FlowsDeletedByOthersAreInstalledAgain) {
  apply(full_mesh(2));
  arrive(2, ids(2, 1), mac_of(2), mac_of(1));
  scheduler.advance(1s);
  kernel.delete_flows();
  arrive(2, ids(2, 1), mac_of(2), mac_of(1));
  EXPECT_EQ(kernel.flows().size(), 1U);
}

TEST_F(FlowKeeping, FlowsOfOthersAreRemovedAndChangedOnesRepaired) {
  apply(full_mesh(2));
  arrive(2, ids(2, 1), mac_of(2), mac_of(1));
  auto changed = kernel.flows().front();
  changed.actions.clear();
  kernel.delete_flows();
  kernel.put_foreign_flow(changed);
  kernel.put_foreign_flow({.match = {.in_port = PortNo{0}}});
  EXPECT_TRUE(keeper().age());
  ASSERT_EQ(kernel.flows().size(), 1U);
  EXPECT_FALSE(kernel.flows().front().actions.empty());
}

TEST_F(FlowKeeping, RefusedFlowsAreTriedAgain) {
  auto mesh = full_mesh(2);
  apply(mesh);
  arrive(2, ids(2, 1), mac_of(2), mac_of(1));
  send(mac_of(1), mac_of(2));
  (void)went();
  kernel.fail("put_flow", Error{ErrorKind::system, "no memory"});
  mesh.neighbours[id_of(2)].endpoints.remote = address_of(12);
  apply(mesh);
  EXPECT_EQ(keeper().table().uncertain(), 1U);
  kernel.heal("put_flow");
  keeper().retry();
  EXPECT_EQ(keeper().table().uncertain(), 0U);
  send(mac_of(1), mac_of(2));
  EXPECT_EQ(went(), Places{"12:1>2"});
}

TEST_F(FlowKeeping, AFullTableServesPacketsAndMakesRoom) {
  start(10);
  look();
  apply(full_mesh(2));
  for (int container = 0; container < 12; ++container) send(mac_of(1, container), kBroadcast);
  EXPECT_EQ(went().size(), 12U);
  EXPECT_EQ(kernel.flows().size(), 10U);
  EXPECT_EQ(keeper().table().counters().refused, 2U);
  scheduler.advance(30s);
  send(mac_of(1, 20), kBroadcast);
  send(mac_of(1, 21), kBroadcast);
  EXPECT_EQ(kernel.flows().size(), 1U);
}

TEST_F(FlowKeeping, FlowsOfAPortThatHasGoneAreRemoved) {
  unbridged = true;
  kernel.add_device("vethwlbbb");
  EXPECT_TRUE(process->datapath->add_port({.name = "vethwlbbb"}));
  look();
  apply(full_mesh(2));
  send(mac_of(1, 7), kBroadcast, "vethwlbbb");
  arrive(2, ids(2, 1), mac_of(2), kBroadcast);
  kernel.remove_device("vethwlbbb");
  look();
  ASSERT_EQ(kernel.flows().size(), 1U);
  (void)went();
  arrive(2, ids(2, 1), mac_of(2), kBroadcast);
  EXPECT_EQ(went(), (Places{"datapath", kBridge}));
}

} // namespace
} // namespace weave::datapath::odp
