#include <netinet/in.h>
#include <sys/socket.h>

#include "test/system/fast_path_contract.hpp"
#include "test/system/ovs_case.hpp"

namespace weave::test {

INSTANTIATE_TEST_SUITE_P(Openvswitch, FastPathContract, testing::Values(ovs_case()),
                         [](auto const& instance) { return instance.param.name; });

namespace {

/// What only this path has: three hosts in a full mesh whose containers know each other.
class OvsPathSystem : public testing::Test {
 protected:
  void SetUp() override {
    if (auto const reason = lab.build(3, implementation); !reason.empty()) GTEST_SKIP() << reason;
    lab.mesh();
    lab.introduce();
    exchange();
  }
  FastPathHost& a() { return lab.host(1); }
  FastPathHost& b() { return lab.host(2); }

  void exchange() {
    a().send(b().mac());
    EXPECT_EQ(b().received(1), 1);
    b().send(a().mac());
    EXPECT_EQ(a().received(1), 1);
  }
  /// Frames go both ways again within the time; until then some may be lost.
  bool heals(std::chrono::milliseconds limit) {
    auto const end = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < end) {
      a().send(b().mac());
      bool const there = b().received(0) > 0;
      b().send(a().mac());
      bool const back = a().received(0) > 0;
      if (there && back) return true;
    }
    return false;
  }
  std::uint64_t statistic(FastPathHost& host, std::string const& name) {
    for (auto const& [key, value] : host.path->statistics()) {
      if (key == name) return value;
    }
    return 0;
  }

  FastPathCase implementation = ovs_case();
  FastPathLab lab;
};

TEST_F(OvsPathSystem, ADeletedDatapathIsMadeAgain) {
  WEAVE_ASSERT_OK(a().net->run([] { return datapath::odp::KernelDatapath::remove("datapath"); }));
  EXPECT_TRUE(heals(std::chrono::seconds{2}));
  EXPECT_EQ(statistic(a(), "DatapathRebuilds"), 1U);
  EXPECT_EQ(a().log->count("deleted by somebody else"), 1U);
  // The user port is plugged in again, too.
  WEAVE_ASSERT_OK(a().user->write(test_frame(a().mac(), b().mac()), datapath::delivery_tag(b().id)));
  EXPECT_EQ(a().received(1), 1);
  EXPECT_FALSE(a().failed);
}

TEST_F(OvsPathSystem, ADeletedBridgeLinkIsMadeAgain) {
  ASSERT_EQ(a().net->shell("ip link del vethwe-bridge"), 0);
  EXPECT_TRUE(heals(std::chrono::seconds{2}));
}

TEST_F(OvsPathSystem, DevicesThatWereSwitchedOffComeUpAgain) {
  for (auto const* device : {"vethwe-bridge", "vethwe-datapath", "vxlan-6784"}) {
    ASSERT_EQ(a().net->shell(std::string{"ip link set down dev "} + device), 0);
    EXPECT_TRUE(heals(std::chrono::seconds{3})) << device;
  }
}

TEST_F(OvsPathSystem, AVportTakenOutIsPluggedInAgain) {
  auto const opened = a().net->run([&]() -> Result<void> {
    auto other = datapath::odp::KernelDatapath::open("datapath", lab.loop.watcher());
    if (!other) return failure_of(other);
    auto const ports = (*other)->ports();
    if (!ports) return failure_of(ports);
    for (auto const& port : *ports) {
      if (port.name == "vxlan-6784") return (*other)->remove_port(port.number);
    }
    return failure(ErrorKind::not_found, "no vxlan port");
  });
  WEAVE_ASSERT_OK(opened);
  EXPECT_TRUE(heals(std::chrono::seconds{2}));
}

TEST_F(OvsPathSystem, DeletedFlowsAreInstalledAgain) {
  if (a().net->shell("command -v ovs-dpctl >/dev/null") != 0) GTEST_SKIP() << "needs ovs-dpctl";
  ASSERT_EQ(a().net->shell("ovs-dpctl del-flows datapath"), 0);
  EXPECT_TRUE(heals(std::chrono::seconds{2}));
}

TEST_F(OvsPathSystem, AnotherBridgeOfTheNameGetsTheLink) {
  ASSERT_EQ(a().net->shell("ip link del weave && ip link add weave type bridge && ip link set weave up && "
                           "ip link set vethwlguest master weave"),
            0);
  EXPECT_TRUE(heals(std::chrono::seconds{3}));
}

TEST_F(OvsPathSystem, SaysThatAUdpPortIsTaken) {
  UniqueFd taken;
  WEAVE_ASSERT_OK(a().net->run([&]() -> Result<void> {
    taken.reset(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(7001);
    if (::bind(taken.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0) return {};
    return std::unexpected(system_error("bind", errno));
  }));
  auto opened = a().path->open_tunnel_port(7001);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind(), ErrorKind::already_exists) << opened.error().text();
  EXPECT_NE(opened.error().text().find("7001"), std::string::npos) << opened.error().text();
  taken.reset();
  WEAVE_ASSERT_OK(a().path->open_tunnel_port(7001));
  exchange();
}

TEST_F(OvsPathSystem, PeersOnAnotherPortAreReachedByTheirOwnVport) {
  for (auto* host : {&a(), &b()}) {
    WEAVE_ASSERT_OK(host->path->open_tunnel_port(7001));
    auto& other = host == &a() ? b() : a();
    auto state = host->state;
    state.neighbours[other.id].endpoints.udp_port = 7001;
    host->apply(state);
  }
  exchange();
  auto const flows = a().path->flows();
  WEAVE_ASSERT_OK(flows);
  EXPECT_TRUE(std::ranges::any_of(
      *flows, [](auto const& flow) { return flow.actions.find("),vxlan-7001") != std::string::npos; }));
}

TEST_F(OvsPathSystem, ARestartLosesNoFrameOfAPairThatTalks) {
  auto const before = statistic(a(), "KernelMisses");
  int sent = 0;
  int arrived = 0;
  for (int round = 0; round < 10; ++round) {
    if (round == 3) a().crash();
    if (round == 6) WEAVE_ASSERT_OK(a().open());
    if (round == 8) {
      auto state = a().state;
      state.settling = true;
      a().apply(state);
    }
    for (int i = 0; i < 20; ++i, ++sent) a().send(b().mac());
    arrived += b().received(20);
  }
  EXPECT_EQ(arrived, sent);
  EXPECT_EQ(statistic(a(), "KernelMisses"), before);
  EXPECT_EQ(statistic(a(), "FlowsRewritten"), 0U);
  EXPECT_EQ(statistic(a(), "FlowsRemoved"), 0U);
}

TEST_F(OvsPathSystem, ResetLeavesNothing) {
  a().crash();
  WEAVE_ASSERT_OK(a().net->run([&] { return implementation.reset(a().net->links()); }));
  auto const left = a().net->links().list();
  WEAVE_ASSERT_OK(left);
  for (auto const& link : *left) {
    EXPECT_FALSE(link.name.starts_with("vxlan-") || link.name.starts_with("vethwe-") || link.name == "datapath")
        << link.name;
  }
}

/// A host whose containers are vports themselves.
TEST(OvsPathWithoutBridge, SwitchesBetweenContainersAndTheHost) {
  std::string reason;
  auto const net = ScratchNamespace::create(reason);
  if (!net) GTEST_SKIP() << reason;
  FastPathLoop loop;
  auto const log = std::make_shared<LogRecorder>();
  std::unique_ptr<datapath::odp::OvsFastPath> path;
  auto const opened = net->run([&]() -> Result<void> {
    auto made = open_ovs_path({.scheduler = loop.scheduler(),
                               .watcher = loop.watcher(),
                               .logger = Logger{log},
                               .links = net->links(),
                               .self = PeerName{0x0200'0000'0001ULL},
                               .bridge = "weave",
                               .mtu = FastPathHost::kMtu,
                               .udp_port = FastPathHost::kUdpPort},
                              "weave", false);
    if (!made) return failure_of(made);
    path = std::move(*made);
    return {};
  });
  if (!opened) GTEST_SKIP() << opened.error().text();
  auto const host = net->links().find("weave");
  WEAVE_ASSERT_OK(host);
  EXPECT_TRUE(host->up);
  EXPECT_EQ(host->mtu, FastPathHost::kMtu);
  EXPECT_EQ(host->mac, datapath::bridge_mac(PeerName{0x0200'0000'0001ULL}));

  std::vector<std::unique_ptr<PacketSocket>> containers;
  for (auto const* name : {"one", "two", "three"}) {
    auto const inside = std::string{name} + "-c";
    WEAVE_ASSERT_OK(net->links().create_veth({.host_name = name, .guest_name = inside, .mtu = FastPathHost::kMtu}));
    for (auto const& end : {std::string{name}, inside}) WEAVE_ASSERT_OK(net->links().change(end, {.up = true}));
    WEAVE_ASSERT_OK(path->plug_in_container(name));
    containers.push_back(std::make_unique<PacketSocket>(*net, inside));
  }
  PacketSocket const own{*net, "weave"};
  auto const count = [&](PacketSocket const& socket, ByteView frame) {
    int found = 0;
    auto const is_it = [&](ByteView seen) { return std::ranges::equal(seen, frame); };
    while (loop.next(socket, is_it, std::chrono::milliseconds{found == 0 ? 500 : 50})) ++found;
    return found;
  };
  auto const mac = [](std::uint8_t number) { return MacAddress{{2, 0, 0, 0, 0, number}}; };
  auto const hello = test_frame(kEverybody, mac(1));
  ASSERT_TRUE(containers[0]->send(hello));
  EXPECT_EQ(count(*containers[1], hello), 1);
  EXPECT_EQ(count(*containers[2], hello), 1);
  EXPECT_EQ(count(own, hello), 1);
  auto const answer = test_frame(mac(1), mac(2));
  ASSERT_TRUE(containers[1]->send(answer));
  EXPECT_EQ(count(*containers[0], answer), 1);
  EXPECT_EQ(count(*containers[2], answer), 0);
  EXPECT_EQ(count(own, answer), 0);
  EXPECT_TRUE(log->lines().empty());
  path.reset();
  WEAVE_ASSERT_OK(net->run([] { return datapath::odp::KernelDatapath::remove("weave"); }));
}

} // namespace
} // namespace weave::test
