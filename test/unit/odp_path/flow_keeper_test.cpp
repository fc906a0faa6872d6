#include "datapath/odp/flow_keeper.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "test/fakes/fake_datapath.hpp"
#include "test/fakes/virtual_scheduler.hpp"
#include "test/unit/odp_path/mesh_states.hpp"

namespace weave::datapath::odp {
namespace {

using namespace weave::test;
using namespace std::chrono_literals;

/// A host with a FakeSwitch whose flows a FlowKeeper keeps; restart() is a new process on the same switch.
class FlowKeeping : public testing::Test {
 protected:
  /// A daemon process.
  struct Process {
    Process(VirtualScheduler& scheduler, FakeSwitch& kernel, std::vector<HeartbeatArrival>& heartbeats,
            std::size_t capacity)
        : keeper{scheduler, macs, changes, capacity}, datapath{kernel.open()} {
      auto const started = datapath->start({.on_upcall =
                                                [this, &heartbeats](Upcall const& upcall) {
                                                  if (auto beat = keeper.on_upcall(upcall)) heartbeats.push_back(*beat);
                                                },
                                            .on_port_added = {},
                                            .on_port_removed = {},
                                            .on_deleted = {},
                                            .on_overrun = {}});
      EXPECT_TRUE(started);
    }

    MacChanges changes;
    MacTable macs{name_of(1), Duration::zero(), [this](MacAddress mac, PeerName, MacChange) { changes.add(mac); }};
    FlowKeeper keeper;
    std::unique_ptr<FakeDatapath> datapath;
  };

  FlowKeeping() {
    for (auto const* name : {kBridge, kUser, kTunnel}) kernel.add_device(name);
    kernel.set_clock(
        [this] { return std::chrono::duration_cast<std::chrono::milliseconds>(scheduler.now().time_since_epoch()); });
    start();
    for (auto const* name : {kBridge, kTunnel}) EXPECT_TRUE(process->datapath->add_port({.name = name}));
    look();
  }

  void start(std::size_t capacity = FlowTable::kCapacity) {
    process = std::make_unique<Process>(scheduler, kernel, heartbeats, capacity);
    auto const attached = keeper().attach(*process->datapath, ports());
    ASSERT_TRUE(attached);
  }
  void plug_user_port() {
    EXPECT_TRUE(process->datapath->add_port({.name = kUser}));
    look();
  }
  PortMap ports() { return PortMap{*process->datapath->ports(), {.user_port = kUser, .internal_is_local = unbridged}}; }
  void look() { keeper().set_ports(ports()); }
  FlowKeeper& keeper() { return process->keeper; }

  /// A container of this host sends.
  void send(MacAddress source, MacAddress destination, std::string_view port = kBridge) {
    kernel.receive(port, frame(source, destination));
    scheduler.settle();
  }
  void arrive(int via, TunnelId tunnel, MacAddress source, MacAddress destination) {
    kernel.receive(kTunnel, frame(source, destination), from_tunnel(via, tunnel));
    scheduler.settle();
  }
  void apply(ForwardingState const& state) { keeper().apply(shared(state)); }
  /// Where copies of packets went since the last call: port names, for tunnels "peer/vni".
  std::vector<std::string> went() {
    std::vector<std::string> all;
    for (auto const& packet : kernel.take_sent()) {
      all.push_back(packet.tunnel ? describe(*packet.tunnel) : packet.port);
    }
    std::ranges::sort(all);
    return all;
  }
  static std::string describe(TunnelKey const& tunnel) {
    auto const vni = TunnelId::of_vni(static_cast<std::uint32_t>(tunnel.id));
    return fmt::format("{}:{}>{}", tunnel.destination.value() & 0xff, static_cast<int>(vni.source) - 0x100,
                       static_cast<int>(vni.destination) - 0x100);
  }
  std::uint64_t touched() const { return kernel.counters().puts + kernel.counters().removals; }
  std::uint64_t misses() const { return kernel.counters().misses; }
  using Places = std::vector<std::string>;

  static constexpr char const* kBridge = "vethwe-datapath";
  static constexpr char const* kUser = "vethwe-user";
  static constexpr char const* kTunnel = "vxlan-6784";

  VirtualScheduler scheduler;
  FakeSwitch kernel{[this](std::function<void()> call) { scheduler.post(std::move(call)); }};
  std::vector<HeartbeatArrival> heartbeats;
  std::unique_ptr<Process> process;
  bool unbridged = false;
};

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

TEST_F(FlowKeeping, ANewProcessChangesNothingOfARightFlow) {
  apply(full_mesh(3));
  plug_user_port();
  for (int peer = 2; peer <= 3; ++peer) {
    arrive(peer, ids(peer, 1), mac_of(peer), mac_of(1));
    send(mac_of(1), mac_of(peer));
  }
  send(mac_of(1), kBroadcast);
  auto const before = touched();
  auto const flows = kernel.flows();

  process.reset();
  start();
  EXPECT_EQ(process->macs.find(mac_of(1)), name_of(1));
  auto mesh = alone();
  mesh.settling = true;
  apply(mesh);
  EXPECT_EQ(touched(), before);
  join(mesh, 2);
  apply(mesh);
  EXPECT_EQ(process->macs.find(mac_of(2)), name_of(2));
  EXPECT_EQ(touched(), before);
  (void)went();
  send(mac_of(1), mac_of(3));
  send(mac_of(1), kBroadcast);
  EXPECT_EQ(went(), (Places{"2:1>2", "3:1>3", "3:1>3"}));
  join(mesh, 3);
  mesh.settling = false;
  apply(mesh);
  EXPECT_EQ(touched(), before);
  EXPECT_EQ(kernel.flows().size(), flows.size());
  EXPECT_EQ(kernel.flows().front().match, flows.front().match);
}

TEST_F(FlowKeeping, ANewProcessKeepsRelaysUntilTheMeshHasSettled) {
  apply(chain());
  arrive(2, ids(2, 4), mac_of(2), mac_of(4));
  process.reset();
  start();
  auto mesh = alone();
  mesh.settling = true;
  join(mesh, 2);
  apply(mesh);
  EXPECT_EQ(kernel.flows().size(), 1U);
  // Its destination is known, but there is no way to it yet.
  mesh.peers[id_of(4)] = name_of(4);
  apply(mesh);
  EXPECT_EQ(kernel.flows().size(), 1U);
  mesh.settling = false;
  apply(mesh);
  EXPECT_TRUE(kernel.flows().empty());
}

TEST_F(FlowKeeping, ANewProcessCorrectsWhatIsWrong) {
  apply(full_mesh(3));
  arrive(2, ids(2, 1), mac_of(2), mac_of(1));
  arrive(3, ids(3, 1), mac_of(3), mac_of(1));
  send(mac_of(1), mac_of(2));
  send(mac_of(1), mac_of(3));
  process.reset();
  // Peer 2 has moved, peer 3 has left.
  start();
  auto mesh = full_mesh(2);
  mesh.settling = true;
  mesh.neighbours[id_of(2)].endpoints.remote = address_of(12);
  apply(mesh);
  (void)went();
  send(mac_of(1), mac_of(2));
  EXPECT_EQ(went(), Places{"12:1>2"});
  send(mac_of(1), mac_of(3));
  EXPECT_EQ(went(), Places{"3:1>3"});
  mesh.settling = false;
  apply(mesh);
  send(mac_of(1), mac_of(3));
  EXPECT_EQ(went(), Places{"12:1>2"});
  for (auto const& flow : kernel.flows()) {
    EXPECT_FALSE(flow.match.tunnel && flow.match.tunnel->source == address_of(3) && !flow.actions.empty());
  }
}

TEST_F(FlowKeeping, ANewProcessRemovesFlowsOfForeignShape) {
  process.reset();
  FlowMatch const odd{.in_port = PortNo{1}, .source = {mac_of(1), MacAddress{{1, 0, 0, 0, 0, 0}}}};
  FlowMatch const acting{.in_port = PortNo{1}, .source = MaskedMac::exactly(mac_of(1))};
  FlowMatch const gone{.in_port = PortNo{9}};
  kernel.put_foreign_flow({.match = odd, .ufid = ufid_of(odd)});
  kernel.put_foreign_flow({.match = acting, .actions = {RawAttribute{.type = 9}}, .ufid = ufid_of(acting)});
  kernel.put_foreign_flow({.match = gone, .ufid = ufid_of(gone)});
  kernel.put_foreign_flow({.match = {.in_port = PortNo{2}}});
  start();
  EXPECT_TRUE(kernel.flows().empty());
}

TEST_F(FlowKeeping, ANewProcessPutsItsOwnUserPortIntoOldFlows) {
  plug_user_port();
  auto mesh = alone();
  join(mesh, 2, Carrier::user);
  apply(mesh);
  process->macs.record_remote(mac_of(2), name_of(2), scheduler.now());
  send(mac_of(1), mac_of(2));
  process.reset();
  kernel.remove_device(kUser);
  kernel.add_device("other");
  kernel.add_device(kUser);
  start();
  EXPECT_TRUE(process->datapath->add_port({.name = "other"}));
  look();
  (void)went();
  send(mac_of(1), mac_of(2));
  EXPECT_EQ(went(), Places{"other"});
  plug_user_port();
  send(mac_of(1), mac_of(2));
  EXPECT_EQ(went(), Places{kUser});
}

} // namespace
} // namespace weave::datapath::odp
