#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "test/system/ovs_world.hpp"

namespace weave::test {
namespace {

INSTANTIATE_TEST_SUITE_P(Kernel, DatapathContract,
                         testing::Values(WorldFactory{[](std::string& reason) { return OvsWorld::create(reason); }}));

} // namespace
} // namespace weave::test

namespace weave::datapath::odp {
namespace {

constexpr MacAddress kA{{2, 0, 0, 0, 0, 0xa}};
constexpr MacAddress kB{{2, 0, 0, 0, 0, 0xb}};

Bytes frame(MacAddress source, MacAddress destination, std::size_t size = 60) {
  ByteWriter writer;
  writer.raw(destination.bytes()).raw(source.bytes()).u16(0x88b5);
  auto bytes = writer.take();
  bytes.resize(size);
  return bytes;
}

Flow flow(FlowMatch const& match, Actions actions) {
  return {.match = match, .actions = std::move(actions), .ufid = ufid_of(match)};
}

class OdpKernel : public testing::Test {
 protected:
  void SetUp() override {
    std::string reason;
    world_ = test::OvsWorld::create(reason);
    if (!world_) GTEST_SKIP() << reason;
    open();
  }
  void TearDown() override {
    datapath_.reset();
    world_.reset();
  }

  void open(KernelDatapathOptions const& options = {}) {
    datapath_.reset();
    auto opened = world_->open_kernel(options);
    ASSERT_TRUE(opened) << opened.error().text();
    datapath_ = std::move(*opened);
    WEAVE_ASSERT_OK(datapath_->start({.on_upcall = [this](Upcall const&) { ++upcalls_; },
                                      .on_port_added = [this](Vport const& port) { added_.push_back(port); },
                                      .on_port_removed = [this](Vport const& port) { removed_.push_back(port.name); },
                                      .on_deleted = [this] { deleted_ = true; },
                                      .on_overrun = [this] { ++overruns_; }}));
  }
  PortNo plug(std::string const& device) {
    world_->make_device(device);
    auto const port = datapath_->add_port({.name = device});
    EXPECT_TRUE(port) << port.error().text();
    return port ? port->number : PortNo{};
  }
  /// A packet without a flow reaches us.
  void expect_upcall() {
    auto const before = upcalls_;
    world_->send("ct-a", frame(kA, kB));
    EXPECT_TRUE(world_->run_until([&] { return upcalls_ > before; }));
  }
  /// What a command prints on the host.
  std::string output(std::string const& command) {
    std::string text;
    (void)world_->host().run([&]() -> Result<void> {
      std::unique_ptr<FILE, int (*)(FILE*)> const pipe{::popen((command + " 2>&1").c_str(), "r"), ::pclose};
      std::array<char, 4096> buffer{};
      while (pipe && ::fgets(buffer.data(), buffer.size(), pipe.get()) != nullptr) text += buffer.data();
      return {};
    });
    return text;
  }
  bool has_tool() { return world_->host().shell("command -v ovs-dpctl >/dev/null") == 0; }
  std::vector<Flow> flows() {
    auto all = datapath_->flows();
    EXPECT_TRUE(all) << all.error().text();
    return all.value_or(std::vector<Flow>{});
  }

  std::unique_ptr<test::OvsWorld> world_;
  std::unique_ptr<KernelDatapath> datapath_;
  int upcalls_ = 0;
  int overruns_ = 0;
  bool deleted_ = false;
  std::vector<Vport> added_;
  std::vector<std::string> removed_;
};

TEST_F(OdpKernel, UpcallsSurviveTheToolsOfOpenVSwitch) {
  if (!has_tool()) GTEST_SKIP() << "needs ovs-dpctl";
  (void)plug("ct-a");
  expect_upcall();
  for (auto const* command : {"ovs-dpctl show", "ovs-dpctl dump-flows", "ovs-dpctl dump-dps"}) {
    EXPECT_EQ(world_->host().shell(std::string{command} + " >/dev/null"), 0) << command;
    expect_upcall();
  }
  world_->run_a_while();
  expect_upcall();
}

// Where upcalls go by port, as on kernels before 5.15: and back to what we want as soon as we hear of it.
TEST_F(OdpKernel, SomebodyElsesSettingsAreTakenBack) {
  (void)plug("ct-a");
  auto const features = [&](std::optional<std::uint32_t> wanted) {
    std::optional<std::uint32_t> seen;
    EXPECT_TRUE(world_->host().run([&]() -> Result<void> {
      auto requests = KernelRequests::open();
      if (!requests) return failure_of(requests);
      auto found = requests->find(test::OvsWorld::kName);
      if (found && wanted) found = requests->configure(found->index, {.features = *wanted});
      if (!found) return failure_of(found);
      seen = found->features;
      return {};
    }));
    return seen;
  };
  auto const ours = features({});
  ASSERT_TRUE(ours);
  EXPECT_EQ(features(kFeatureUnaligned), kFeatureUnaligned);
  world_->send("ct-a", frame(kA, kB));
  EXPECT_TRUE(world_->run_until([&] { return upcalls_ == 1; }));
  EXPECT_TRUE(world_->run_until([&] { return features({}) == ours; }));
  expect_upcall();
}

TEST_F(OdpKernel, ToolsShowPortsAndFlowsThatMakeSense) {
  if (!has_tool()) GTEST_SKIP() << "needs ovs-dpctl";
  if (!world_->make_tunnel_device("ct-vxlan", 16784)) GTEST_SKIP() << "no VXLAN here";
  auto const a = plug("ct-a");
  auto const tunnel = datapath_->add_port({.name = "ct-vxlan"});
  WEAVE_ASSERT_OK(tunnel);
  SetTunnelAction const set{
      {.id = 0x2d977a, .source = world_->local(), .destination = world_->remote(), .ttl = 64, .dont_fragment = true}};
  WEAVE_ASSERT_OK(datapath_->put_flow(
      flow({.in_port = a, .destination = MaskedMac::exactly(kB)}, {set, OutputAction{tunnel->number}})));
  WEAVE_ASSERT_OK(datapath_->put_flow(
      flow({.in_port = tunnel->number, .tunnel = TunnelMatch{0x77a2d9, world_->remote(), world_->local()}},
           {PushVlanAction{.type = 0x8100, .tci = 5}, OutputAction{a}})));
  auto const shown = output("ovs-dpctl show");
  EXPECT_NE(shown.find("ct-a"), std::string::npos) << shown;
  EXPECT_NE(shown.find("ct-vxlan"), std::string::npos) << shown;
  auto const dumped = output("ovs-dpctl dump-flows -m");
  for (auto const* part :
       {"tunnel(tun_id=0x77a2d9,src=192.0.2.2,dst=192.0.2.1", "eth(src=00:00:00:00:00:00/00:00:00:00:00:00",
        "dst=02:00:00:00:00:0b)", "set(tunnel(tun_id=0x2d977a,src=192.0.2.1,dst=192.0.2.2", "push_vlan(vid=5,pcp=0)",
        "ufid:"}) {
    EXPECT_NE(dumped.find(part), std::string::npos) << part << " in\n" << dumped;
  }
  RecordProperty("dump-flows", dumped);
}

TEST_F(OdpKernel, FlowsOfToolsAreReadAndRemoved) {
  if (!has_tool()) GTEST_SKIP() << "needs ovs-dpctl";
  (void)plug("ct-a");
  auto const add =
      "ovs-dpctl add-flow ct-dp 'in_port(1),eth(src=02:00:00:00:00:0a,dst=02:00:00:00:00:0b),"
      "eth_type(0x0800),ipv4(src=10.0.0.0/255.0.0.0,proto=17,frag=no),udp(dst=53)' 'set(ipv4(ttl=5)),1'";
  ASSERT_EQ(world_->host().shell(add), 0);
  auto const all = flows();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].match.in_port, PortNo{1});
  EXPECT_EQ(all[0].match.source, MaskedMac::exactly(kA));
  EXPECT_GE(all[0].match.other.size(), 3U);
  ASSERT_EQ(all[0].actions.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<RawAttribute>(all[0].actions[0]));
  WEAVE_ASSERT_OK(datapath_->remove_flow(all[0]));
  EXPECT_TRUE(flows().empty());
}

// As an original daemon leaves them: without an identifier, every bit of a zero Ethernet header exact.
TEST_F(OdpKernel, AFlowWithTheSameKeyButAnotherMaskStaysAsItIs) {
  auto const a = plug("ct-a");
  auto const b = plug("ct-b");
  FlowMatch const exact{.in_port = a, .source = MaskedMac::exactly({}), .destination = MaskedMac::exactly({})};
  WEAVE_ASSERT_OK(world_->host().run([&]() -> Result<void> {
    auto requests = KernelRequests::open();
    if (!requests) return failure_of(requests);
    auto const found = requests->find(test::OvsWorld::kName);
    return found ? requests->create_flow(found->index, {.match = exact}) : failure_of(found);
  }));
  FlowMatch const any{.in_port = a};
  auto const refused = datapath_->put_flow(flow(any, {OutputAction{b}}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::already_exists);
  auto all = flows();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].match, exact);
  EXPECT_TRUE(all[0].actions.empty());
  EXPECT_FALSE(all[0].ufid);

  WEAVE_ASSERT_OK(datapath_->remove_flow(all[0]));
  WEAVE_ASSERT_OK(datapath_->put_flow(flow(any, {OutputAction{b}})));
  all = flows();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].match, any);
  EXPECT_EQ(all[0].ufid, ufid_of(any));
}

TEST_F(OdpKernel, PortsThatOthersPlugInAndOutAreOurs) {
  if (!has_tool()) GTEST_SKIP() << "needs ovs-dpctl";
  world_->make_device("ct-a");
  ASSERT_EQ(world_->host().shell("ovs-dpctl add-if ct-dp ct-a"), 0);
  EXPECT_TRUE(world_->run_until([&] { return !added_.empty(); }));
  expect_upcall();
  auto const ports = datapath_->ports();
  WEAVE_ASSERT_OK(ports);
  auto const known = datapath_->ports();
  WEAVE_ASSERT_OK(known);
  for (auto const& port : *known) EXPECT_EQ(port.upcall_pids.size(), 1U) << port.name;
  ASSERT_EQ(world_->host().shell("ovs-dpctl del-if ct-dp ct-a"), 0);
  EXPECT_TRUE(world_->run_until([&] { return removed_ == std::vector<std::string>{"ct-a"}; }));
}

TEST_F(OdpKernel, MakesVxlanPortsOfItsOwnAndSeesThatTheUdpPortIsTaken) {
  auto const made = datapath_->add_port({.name = "ct-vx", .type = VportType::vxlan, .udp_port = 16785});
  WEAVE_ASSERT_OK(made);
  EXPECT_EQ(made->type, VportType::vxlan);
  EXPECT_EQ(made->udp_port, 16785);
  auto const taken = test::OvsWorld::bound_udp_socket(world_->host(), 16786);
  ASSERT_TRUE(taken);
  auto const refused = datapath_->add_port({.name = "ct-vy", .type = VportType::vxlan, .udp_port = 16786});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::already_exists) << refused.error().text();
  WEAVE_ASSERT_OK(datapath_->remove_port(made->number));
}

TEST_F(OdpKernel, CountsUpcallsThatItCouldNotTake) {
  open({.upcall_queue = 16 * 1024});
  (void)plug("ct-a");
  for (int i = 0; i < 400; ++i) world_->send("ct-a", frame(kA, kB));
  EXPECT_TRUE(world_->run_until([&] { return overruns_ > 0; }));
  world_->run_a_while();
  EXPECT_GT(upcalls_, 0);
  EXPECT_EQ(static_cast<std::uint64_t>(upcalls_) + datapath_->upcalls_lost(), 400U);
  expect_upcall();
}

TEST_F(OdpKernel, SendsPacketsOfAnySize) {
  (void)plug("ct-a");
  auto const b = plug("ct-b");
  auto const packet = frame(kA, kB, 65000);
  WEAVE_ASSERT_OK(datapath_->execute(packet, {OutputAction{b}}));
  std::vector<Bytes> out;
  EXPECT_TRUE(world_->run_until([&] {
    out = world_->received("ct-b");
    return !out.empty();
  }));
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0], packet);
}

TEST_F(OdpKernel, AnswersStayInStepAfterPacketsThatWereRefused) {
  auto const a = plug("ct-a");
  for (int i = 0; i < 200; ++i) {
    // A push without a packet long enough to have an Ethernet header is refused.
    WEAVE_ASSERT_OK(datapath_->execute(Bytes(4), {OutputAction{a}}));
  }
  for (int i = 0; i < 3; ++i) {
    auto const ports = datapath_->ports();
    WEAVE_ASSERT_OK(ports);
    EXPECT_EQ(ports->size(), 2U);
    WEAVE_ASSERT_OK(datapath_->execute(Bytes(4), {OutputAction{a}}));
  }
  auto const statistics = datapath_->statistics();
  WEAVE_ASSERT_OK(statistics);
}

TEST_F(OdpKernel, TheLastToOpenItGetsTheUpcalls) {
  (void)plug("ct-a");
  expect_upcall();
  auto const earlier = std::move(datapath_);
  auto const before = upcalls_;
  open();
  world_->send("ct-a", frame(kA, kB));
  EXPECT_TRUE(world_->run_until([&] { return upcalls_ > before; }));
  world_->run_a_while();
  EXPECT_EQ(upcalls_, before + 1);
}

TEST_F(OdpKernel, ADeviceOfThatNameIsNoDatapath) {
  ASSERT_EQ(world_->host().shell("ip link add ct-other type veth peer name ct-otherp"), 0);
  (void)world_->host().run([&]() -> Result<void> {
    auto const opened = KernelDatapath::open("ct-other", world_->watcher());
    EXPECT_FALSE(opened);
    EXPECT_TRUE(!opened && opened.error().kind() == ErrorKind::already_exists);
    return {};
  });
}

TEST_F(OdpKernel, IsRemovedOnceAndForAll) {
  world_->delete_datapath();
  EXPECT_TRUE(world_->run_until([&] { return deleted_; }));
  WEAVE_ASSERT_OK(world_->host().run([] { return KernelDatapath::remove(test::OvsWorld::kName); }));
  auto const removal = datapath_->remove_port(PortNo{1});
  ASSERT_FALSE(removal);
  EXPECT_EQ(removal.error().kind(), ErrorKind::not_found);
}

} // namespace
} // namespace weave::datapath::odp
