#include "datapath/odp/ovs_fast_path.hpp"

#include <chrono>

#include <gtest/gtest.h>

#include "test/fakes/fake_datapath.hpp"
#include "test/fakes/fake_ovs_devices.hpp"
#include "test/fakes/log_recorder.hpp"
#include "test/fakes/virtual_scheduler.hpp"
#include "test/unit/odp_path/mesh_states.hpp"

namespace weave::datapath::odp {
namespace {

using namespace weave::test;
using namespace std::chrono_literals;

class OvsPath : public testing::Test {
 protected:
  OvsPath() {
    kernel.add_device(kUser);
    kernel.set_clock(
        [this] { return std::chrono::duration_cast<std::chrono::milliseconds>(scheduler.now().time_since_epoch()); });
  }

  Result<void> try_start(bool bridged = true) {
    auto owned = std::make_unique<FakeOvsDevices>(kernel);
    devices = owned.get();
    devices->faults = device_faults;
    auto made = OvsFastPath::create({.scheduler = scheduler,
                                     .logger = Logger{log},
                                     .devices = std::move(owned),
                                     .open = [this] { return open(); },
                                     .post = [this](std::function<void()> call) { scheduler.post(std::move(call)); }},
                                    {.self = name_of(1), .datapath = "datapath", .bridged = bridged});
    if (!made) return failure_of(made);
    path = std::move(*made);
    path->start({.on_heartbeat = [this](HeartbeatArrival const& beat) { heartbeats.push_back(beat); },
                 .on_failed = [this](Error error) { failures.push_back(std::move(error)); }});
    return {};
  }
  void start() {
    ASSERT_TRUE(try_start());
    ASSERT_TRUE(path->attach_user_port(kUser));
    ASSERT_TRUE(path->open_tunnel_port(kTunnelPort));
    path->apply(shared(full_mesh(3)));
    scheduler.settle();
  }
  Result<std::unique_ptr<DatapathInterface>> open() {
    if (open_fault) return std::unexpected(*open_fault);
    return kernel.open();
  }

  void send(MacAddress source, MacAddress destination) {
    kernel.receive(kBridge, frame(source, destination));
    scheduler.settle();
  }
  void arrive(int via, TunnelId tunnel, MacAddress source, MacAddress destination) {
    kernel.receive(kTunnel, frame(source, destination), from_tunnel(via, tunnel));
    scheduler.settle();
  }
  /// Whether a container's frame reaches a container of peer 2, and back.
  bool traffic_flows() {
    (void)kernel.take_sent();
    arrive(2, ids(2, 1), mac_of(2), mac_of(1));
    send(mac_of(1), mac_of(2));
    auto const sent = kernel.take_sent();
    return sent.size() == 2 && sent[0].port == kBridge && sent[1].tunnel == to_tunnel(2, ids(1, 2));
  }
  std::uint64_t statistic(std::string const& name) {
    for (auto const& [key, value] : path->statistics()) {
      if (key == name) return value;
    }
    return 0;
  }

  static constexpr char const* kBridge = "vethwe-datapath";
  static constexpr char const* kUser = "vethwe-user";
  static constexpr char const* kTunnel = "vxlan-6784";

  VirtualScheduler scheduler;
  FakeSwitch kernel{[this](std::function<void()> call) { scheduler.post(std::move(call)); }};
  std::shared_ptr<LogRecorder> log = std::make_shared<LogRecorder>();
  FakeOvsDevices* devices = nullptr;
  std::map<std::string, Error> device_faults;
  std::optional<Error> open_fault;
  std::vector<HeartbeatArrival> heartbeats;
  std::vector<Error> failures;
  std::unique_ptr<OvsFastPath> path;
};

TEST_F(OvsPath, PlugsItselfIn) {
  start();
  EXPECT_TRUE(kernel.port(kBridge));
  EXPECT_TRUE(kernel.port(kUser));
  ASSERT_TRUE(kernel.port(kTunnel));
  EXPECT_EQ(kernel.port(kTunnel)->type, VportType::netdev);
  EXPECT_TRUE(traffic_flows());
  EXPECT_TRUE(log->lines().empty());
  EXPECT_EQ(path->name(), "openvswitch");
}

TEST_F(OvsPath, CannotStartWithoutDatapathOrBridge) {
  open_fault = Error{ErrorKind::not_found, "no module"};
  EXPECT_EQ(try_start().error().kind(), ErrorKind::not_found);
  open_fault.reset();
  device_faults.emplace("bridge_link", Error{ErrorKind::refused, "not permitted"});
  EXPECT_EQ(try_start().error().kind(), ErrorKind::refused);
}

TEST_F(OvsPath, OpensATunnelPortOnce) {
  start();
  EXPECT_TRUE(path->open_tunnel_port(kTunnelPort));
  EXPECT_TRUE(path->open_tunnel_port(7001));
  EXPECT_TRUE(kernel.port("vxlan-7001"));
  EXPECT_EQ(path->ports()->size(), 5U);
}

TEST_F(OvsPath, SaysThatATunnelPortIsInUse) {
  ASSERT_TRUE(try_start());
  devices->faults.emplace("tunnel_device", Error{ErrorKind::already_exists, "UDP port 6784 is in use"});
  auto const opened = path->open_tunnel_port(kTunnelPort);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind(), ErrorKind::already_exists);
  // It is not tried again behind the caller's back.
  devices->faults.clear();
  scheduler.advance(5s);
  EXPECT_FALSE(kernel.port(kTunnel));
}

TEST_F(OvsPath, FallsBackToTheBuiltInTunnelPort) {
  ASSERT_TRUE(try_start());
  devices->faults.emplace("tunnel_device", Error{ErrorKind::system, "not supported"});
  ASSERT_TRUE(path->open_tunnel_port(kTunnelPort));
  EXPECT_EQ(kernel.port(kTunnel)->type, VportType::vxlan);
  EXPECT_TRUE(path->open_tunnel_port(kTunnelPort));
}

TEST_F(OvsPath, ABuiltInTunnelPortThatIsDownIsInUseElsewhere) {
  ASSERT_TRUE(try_start());
  devices->faults.emplace("tunnel_device", Error{ErrorKind::system, "not supported"});
  devices->down.insert(kTunnel);
  EXPECT_EQ(path->open_tunnel_port(kTunnelPort).error().kind(), ErrorKind::already_exists);
  EXPECT_FALSE(kernel.port(kTunnel));
}

TEST_F(OvsPath, SendsHeartbeatsWhateverTheCarrier) {
  start();
  auto mesh = full_mesh(2);
  mesh.neighbours[id_of(2)].carrier = Carrier::user;
  path->apply(shared(mesh));
  auto const beat = frame(MacAddress{}, MacAddress{});
  ASSERT_TRUE(path->send_heartbeat({address_of(1), address_of(2), kTunnelPort}, ids(1, 2), beat));
  auto const sent = kernel.take_sent();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].port, kTunnel);
  EXPECT_EQ(sent[0].tunnel, to_tunnel(2, ids(1, 2)));
  EXPECT_EQ(path->send_heartbeat({address_of(1), address_of(2), 7001}, ids(1, 2), beat).error().kind(),
            ErrorKind::not_found);
}

TEST_F(OvsPath, ReportsHeartbeats) {
  start();
  arrive(2, ids(2, 1), MacAddress{}, MacAddress{});
  ASSERT_EQ(heartbeats.size(), 1U);
  EXPECT_EQ(heartbeats[0].udp_port, kTunnelPort);
  EXPECT_EQ(statistic("HeartbeatsReceived"), 1U);
}

TEST_F(OvsPath, AVanishedTunnelPortComesBackAtOnceAndIsMentionedOnce) {
  start();
  EXPECT_TRUE(traffic_flows());
  kernel.remove_device(kTunnel);
  scheduler.settle();
  EXPECT_TRUE(kernel.port(kTunnel));
  EXPECT_TRUE(traffic_flows());
  scheduler.advance(10s);
  EXPECT_EQ(log->count("vxlan-6784"), 1U);
}

TEST_F(OvsPath, AVanishedBridgeLinkComesBack) {
  start();
  kernel.remove_device(kBridge);
  scheduler.settle();
  EXPECT_TRUE(traffic_flows());
}

TEST_F(OvsPath, APortThatCannotComeBackIsMentionedOnceUntilItDoes) {
  start();
  devices->faults.emplace("tunnel_device", Error{ErrorKind::already_exists, "UDP port 6784 is in use"});
  kernel.remove_device(kTunnel);
  scheduler.advance(10s);
  EXPECT_EQ(log->lines().size(), 1U);
  EXPECT_EQ(log->count("UDP port 6784 is in use"), 1U);
  devices->faults.clear();
  scheduler.advance(1s);
  EXPECT_EQ(log->count("there again"), 1U);
  EXPECT_TRUE(traffic_flows());
  EXPECT_TRUE(failures.empty());
}

TEST_F(OvsPath, ADeviceThatSomebodySwitchesOffComesUpAgain) {
  start();
  devices->down.insert(kTunnel);
  scheduler.advance(1s);
  EXPECT_TRUE(devices->down.empty());
  EXPECT_EQ(log->count("vxlan-6784"), 1U);
}

TEST_F(OvsPath, AnotherUserPortOfTheSameNameIsPluggedIn) {
  start();
  auto const before = kernel.port(kUser)->number;
  kernel.remove_device(kUser);
  kernel.add_device(kUser);
  EXPECT_TRUE(path->attach_user_port(kUser));
  scheduler.settle();
  EXPECT_TRUE(kernel.port(kUser));
  EXPECT_TRUE(path->attach_user_port(kUser));
  EXPECT_EQ(kernel.port(kUser)->number, before);
  kernel.receive(kUser, frame(mac_of(2), mac_of(1), {0x8100, 0x0102}));
  ASSERT_EQ(kernel.take_sent().size(), 1U);
}

TEST_F(OvsPath, ADeletedDatapathIsMadeAgainAtOnce) {
  start();
  EXPECT_TRUE(traffic_flows());
  kernel.delete_datapath();
  EXPECT_FALSE(kernel.exists());
  scheduler.settle();
  EXPECT_TRUE(kernel.port(kBridge));
  EXPECT_TRUE(kernel.port(kUser));
  EXPECT_TRUE(kernel.port(kTunnel));
  EXPECT_TRUE(traffic_flows());
  EXPECT_EQ(log->count("deleted by somebody else"), 1U);
  EXPECT_EQ(log->count("made again"), 2U);
  EXPECT_EQ(statistic("DatapathRebuilds"), 1U);
  kernel.receive(kUser, frame(mac_of(2), mac_of(1), {0x8100, 0x0102}));
  EXPECT_EQ(kernel.take_sent().size(), 1U);
  EXPECT_TRUE(failures.empty());
}

TEST_F(OvsPath, ADatapathThatCannotBeMadeAgainForASecondIsNoFailure) {
  start();
  open_fault = Error{ErrorKind::system, "busy"};
  kernel.delete_datapath();
  scheduler.advance(1s);
  EXPECT_FALSE(path->send_heartbeat({address_of(1), address_of(2), kTunnelPort}, ids(1, 2), Bytes(60)));
  open_fault.reset();
  scheduler.advance(1s);
  EXPECT_TRUE(traffic_flows());
  EXPECT_TRUE(failures.empty());
}

TEST_F(OvsPath, ADatapathThatWasMadeAgainAndCannotBeReadIsTriedAgain) {
  start();
  kernel.fail("flows", Error{ErrorKind::system, "no memory"});
  kernel.delete_datapath();
  scheduler.settle();
  // The mesh goes on meanwhile.
  path->apply(shared(full_mesh(2)));
  scheduler.advance(1s);
  path->apply(shared(full_mesh(3)));
  EXPECT_TRUE(failures.empty());
  kernel.heal("flows");
  scheduler.advance(1s);
  EXPECT_TRUE(traffic_flows());
  EXPECT_EQ(statistic("DatapathRebuilds"), 1U);
}

TEST_F(OvsPath, ADatapathThatCannotBeMadeAgainIsAFailure) {
  start();
  open_fault = Error{ErrorKind::refused, "not permitted"};
  kernel.delete_datapath();
  scheduler.advance(1900ms);
  EXPECT_TRUE(failures.empty());
  scheduler.advance(10s);
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_EQ(failures[0].kind(), ErrorKind::refused);
  EXPECT_NE(failures[0].text().find("not permitted"), std::string::npos);
  EXPECT_FALSE(path->open_tunnel_port(7001));
  EXPECT_FALSE(path->flows());
}

TEST_F(OvsPath, AnOverrunIsMentionedOnceAndItsEnd) {
  start();
  for (int i = 0; i < 3; ++i) {
    kernel.receive(kBridge, frame(mac_of(1, i), mac_of(2)));
    kernel.overrun();
    scheduler.settle();
  }
  EXPECT_EQ(log->lines().size(), 1U);
  EXPECT_EQ(statistic("UpcallOverruns"), 3U);
  EXPECT_EQ(statistic("UpcallsLost"), 3U);
  scheduler.advance(30s);
  EXPECT_EQ(log->count("3 in all"), 1U);
}

TEST_F(OvsPath, LessonsOfTheWorkerReachTheFlows) {
  auto mesh = full_mesh(2);
  join(mesh, 3, Carrier::user);
  start();
  path->apply(shared(mesh));
  send(mac_of(1), mac_of(3));
  EXPECT_EQ(kernel.take_sent().size(), 2U);
  path->macs().record_remote(mac_of(3), name_of(3), scheduler.now());
  scheduler.settle();
  send(mac_of(1), mac_of(3));
  EXPECT_EQ(kernel.take_sent().size(), 1U);
}

TEST_F(OvsPath, FlowsAgeByThemselves) {
  start();
  EXPECT_TRUE(traffic_flows());
  EXPECT_EQ(statistic("Flows"), 5U);
  scheduler.advance(7min);
  EXPECT_EQ(statistic("Flows"), 3U);
  EXPECT_EQ(kernel.flows().size(), 3U);
}

TEST_F(OvsPath, AFlowInTheWayIsFoundAndRemoved) {
  start();
  path->apply(shared(chain()));
  // As the original relays: it takes no packet, but hides what ours would look like.
  kernel.put_foreign_flow({.match = {.in_port = kernel.port(kTunnel)->number,
                                     .source = MaskedMac::exactly(MacAddress{}),
                                     .destination = MaskedMac::exactly(MacAddress{}),
                                     .tunnel = tunnel_match(2, ids(2, 4))}});
  arrive(2, ids(2, 4), mac_of(2), mac_of(4));
  arrive(2, ids(2, 4), mac_of(2), mac_of(4));
  auto const misses = kernel.counters().misses;
  arrive(2, ids(2, 4), mac_of(2), mac_of(4));
  EXPECT_EQ(kernel.counters().misses, misses);
  EXPECT_EQ(kernel.take_sent().size(), 3U);
  EXPECT_EQ(statistic("FlowsForeign"), 1U);
}

TEST_F(OvsPath, ANewProcessAdoptsEverything) {
  start();
  EXPECT_TRUE(traffic_flows());
  auto const counters = kernel.counters();
  path.reset();
  send(mac_of(1), mac_of(2));
  EXPECT_EQ(kernel.take_sent().size(), 1U);
  kernel.remove_device(kUser);

  ASSERT_TRUE(try_start());
  ASSERT_TRUE(path->open_tunnel_port(kTunnelPort));
  auto mesh = full_mesh(3);
  mesh.settling = true;
  path->apply(shared(mesh));
  EXPECT_TRUE(traffic_flows());
  EXPECT_EQ(kernel.counters().misses, counters.misses);
  EXPECT_EQ(kernel.counters().puts, counters.puts);
  kernel.add_device(kUser);
  EXPECT_TRUE(path->attach_user_port(kUser));
  EXPECT_EQ(path->macs().find(mac_of(2)), name_of(2));
  EXPECT_TRUE(log->lines().empty());
}

TEST_F(OvsPath, PrintsFlowsWithPortNames) {
  start();
  send(mac_of(1), kBroadcast);
  auto const flows = path->flows();
  ASSERT_TRUE(flows);
  ASSERT_EQ(flows->size(), 4U);
  auto const& last = flows->back();
  EXPECT_EQ(last.match, "in_port(vethwe-datapath),eth(src=02:00:00:00:01:01,dst=ff:ff:ff:ff:ff:ff)");
  EXPECT_EQ(last.actions,
            "set(tunnel(tun_id=0x102101,src=10.9.0.1,dst=10.9.0.2,ttl=64,flags(df|key))),vxlan-6784,"
            "set(tunnel(tun_id=0x103101,src=10.9.0.1,dst=10.9.0.3,ttl=64,flags(df|key))),vxlan-6784");
}

TEST_F(OvsPath, ContainersMayBeVports) {
  kernel.add_device("vethwlaaa");
  ASSERT_TRUE(try_start(false));
  EXPECT_FALSE(kernel.port(kBridge));
  ASSERT_TRUE(path->open_tunnel_port(kTunnelPort));
  path->apply(shared(full_mesh(2)));
  auto process = kernel.open();
  ASSERT_TRUE(process->add_port({.name = "vethwlaaa"}));
  // Its first frame arrives before anybody told of the port.
  kernel.receive("vethwlaaa", frame(mac_of(1), kBroadcast));
  scheduler.settle();
  auto const sent = kernel.take_sent();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].port, "datapath");
  EXPECT_EQ(sent[1].port, kTunnel);
}

TEST_F(OvsPath, ContainersStayPluggedInForAsLongAsTheyExist) {
  kernel.add_device("vethwlaaa");
  kernel.add_device("vethwlbbb");
  ASSERT_TRUE(try_start(false));
  EXPECT_EQ(path->plug_in_container("vethwlccc").error().kind(), ErrorKind::not_found);
  ASSERT_TRUE(path->plug_in_container("vethwlaaa"));
  ASSERT_TRUE(path->plug_in_container("vethwlaaa"));
  ASSERT_TRUE(path->plug_in_container("vethwlbbb"));
  EXPECT_TRUE(log->lines().empty());
  kernel.remove_device("vethwlbbb");
  scheduler.advance(2s);
  EXPECT_TRUE(log->lines().empty());
  kernel.delete_datapath();
  scheduler.settle();
  EXPECT_TRUE(kernel.port("vethwlaaa"));
  EXPECT_FALSE(kernel.port("vethwlbbb"));
  // A new process knows them by their ports.
  ASSERT_TRUE(try_start(false));
  kernel.delete_datapath();
  scheduler.settle();
  EXPECT_TRUE(kernel.port("vethwlaaa"));
}

} // namespace
} // namespace weave::datapath::odp
