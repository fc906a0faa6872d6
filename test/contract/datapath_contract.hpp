#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "datapath/odp/datapath_interface.hpp"

namespace weave::test {

/// The surroundings of one datapath, as an implementation's tests provide them. Device names are up to 15 characters.
/// Frames of the suite have EtherType 0x88b5; what else a kernel sends by itself must not show up in `received`.
class DatapathWorld {
 public:
  virtual ~DatapathWorld() = default;

  /// Opens the datapath of this world (makes it at the first call) as a process does at its start.
  [[nodiscard]] virtual std::unique_ptr<datapath::odp::DatapathInterface> open() = 0;
  /// Somebody else deletes it.
  virtual void delete_datapath() = 0;

  /// A device, up, that can become a netdev vport; its other end is in the hands of the suite.
  virtual void make_device(std::string const& name) = 0;
  virtual void delete_device(std::string const& name) = 0;
  /// A frame arrives at the device. VLAN tags are part of the bytes.
  virtual void send(std::string const& device, Bytes const& frame) = 0;
  /// A frame arrives by VXLAN from `remote` for `local`, two addresses that this world gives.
  virtual void send_tunnelled(std::string const& device, std::uint64_t tunnel_id, Bytes const& frame) = 0;
  [[nodiscard]] virtual Ipv4Address local() const = 0;
  [[nodiscard]] virtual Ipv4Address remote() const = 0;
  /// Makes a device for VXLAN with metadata ("vxlan external") that can become a netdev vport; false: cannot here.
  [[nodiscard]] virtual bool make_tunnel_device(std::string const& name, std::uint16_t udp_port) = 0;

  /// Frames that left by the device since the last call.
  [[nodiscard]] virtual std::vector<Bytes> received(std::string const& device) = 0;
  /// Tunnel ids and inner frames that left by VXLAN from `local` to `remote`.
  [[nodiscard]] virtual std::vector<std::pair<std::uint64_t, Bytes>> received_tunnelled() = 0;

  /// Runs events of the control thread until `done` or a time-out of some seconds; the last value of `done`.
  virtual bool run_until(std::function<bool()> const& done) = 0;
  /// Runs what is there now, long enough that an event that is not expected would have come.
  virtual void run_a_while() = 0;
};

/// Makes a world; null with a reason where it cannot run.
using WorldFactory = std::function<std::unique_ptr<DatapathWorld>(std::string& reason)>;

/// What every DatapathInterface does. Instantiate with INSTANTIATE_TEST_SUITE_P.
class DatapathContract : public testing::TestWithParam<WorldFactory> {
 protected:
  using Interface = datapath::odp::DatapathInterface;
  using Vport = datapath::odp::Vport;
  using Flow = datapath::odp::Flow;
  using FlowMatch = datapath::odp::FlowMatch;
  using Actions = datapath::odp::Actions;
  using Masked = datapath::odp::MaskedMac;
  using Output = datapath::odp::OutputAction;

  struct SeenUpcall {
    datapath::odp::PortNo in_port{};
    std::optional<datapath::odp::TunnelKey> tunnel;
    Bytes packet;
  };

  static constexpr MacAddress kA{{2, 0, 0, 0, 0, 0xa}};
  static constexpr MacAddress kB{{2, 0, 0, 0, 0, 0xb}};
  static constexpr std::uint16_t kUdpPort = 16784;

  void SetUp() override {
    std::string reason;
    world = GetParam()(reason);
    if (!world) GTEST_SKIP() << reason;
    datapath = world->open();
    ASSERT_NE(datapath, nullptr);
    listen(*datapath);
  }
  void TearDown() override {
    datapath.reset();
    world.reset();
  }

  void listen(Interface& to) {
    auto const started = to.start(
        {.on_upcall =
             [this](datapath::odp::Upcall const& upcall) {
               upcalls.push_back({upcall.in_port, upcall.tunnel, {upcall.packet.begin(), upcall.packet.end()}});
             },
         .on_port_added = [this](Vport const& port) { added.push_back(port.name); },
         .on_port_removed = [this](Vport const& port) { removed.push_back(port.name); },
         .on_deleted = [this] { deleted = true; },
         .on_overrun = [] {}});
    ASSERT_TRUE(started) << started.error().text();
  }

  /// A frame of 60 bytes, with `tags` (type, then control) after the addresses.
  static Bytes frame(MacAddress source, MacAddress destination, std::vector<std::uint16_t> const& tags = {}) {
    ByteWriter writer;
    writer.raw(destination.bytes()).raw(source.bytes());
    for (auto const half : tags) writer.u16(half);
    writer.u16(0x88b5).u32(0xfeed'f00d);
    auto bytes = writer.take();
    bytes.resize(60 + 2 * tags.size());
    return bytes;
  }

  datapath::odp::PortNo plug(std::string const& device) {
    world->make_device(device);
    auto const port = datapath->add_port({.name = device});
    EXPECT_TRUE(port) << port.error().text();
    return port ? port->number : datapath::odp::PortNo{};
  }
  /// A tunnel port, or none where there is no VXLAN.
  std::optional<datapath::odp::PortNo> plug_tunnel() {
    if (!world->make_tunnel_device(kTunnelDevice, kUdpPort)) return std::nullopt;
    auto const port = datapath->add_port({.name = kTunnelDevice});
    EXPECT_TRUE(port) << port.error().text();
    return port ? std::optional{port->number} : std::nullopt;
  }

  static Flow flow(FlowMatch const& match, Actions actions) {
    return {.match = match, .actions = std::move(actions), .ufid = datapath::odp::ufid_of(match)};
  }
  static FlowMatch pair_match(datapath::odp::PortNo port, MacAddress source, MacAddress destination) {
    return {.in_port = port, .source = Masked::exactly(source), .destination = Masked::exactly(destination)};
  }
  void put(Flow const& wanted) {
    auto const done = datapath->put_flow(wanted);
    ASSERT_TRUE(done) << done.error().text();
  }
  std::optional<Flow> find(FlowMatch const& match) {
    auto const flows = datapath->flows();
    EXPECT_TRUE(flows) << flows.error().text();
    if (!flows) return std::nullopt;
    auto const found = std::ranges::find(*flows, match, &Flow::match);
    return found == flows->end() ? std::nullopt : std::optional{*found};
  }
  /// Waits for one frame out of the device.
  std::optional<Bytes> next_frame(std::string const& device) {
    std::vector<Bytes> frames;
    world->run_until([&] {
      for (auto& bytes : world->received(device)) frames.push_back(std::move(bytes));
      return !frames.empty();
    });
    if (frames.empty()) return std::nullopt;
    return frames.front();
  }
  bool wait_for_upcalls(std::size_t count) {
    return world->run_until([&] { return upcalls.size() >= count; });
  }
  datapath::odp::TunnelKey tunnel_out(std::uint64_t id) const {
    return {.id = id, .source = world->local(), .destination = world->remote(), .ttl = 64, .dont_fragment = true};
  }
  datapath::odp::TunnelMatch tunnel_in(std::uint64_t id) const {
    return {.id = id, .source = world->remote(), .destination = world->local()};
  }

  static constexpr char const* kTunnelDevice = "ct-vxlan";

  std::unique_ptr<DatapathWorld> world;
  std::unique_ptr<Interface> datapath;
  std::vector<SeenUpcall> upcalls;
  std::vector<std::string> added;
  std::vector<std::string> removed;
  bool deleted = false;
};

TEST_P(DatapathContract, HasAnInternalPortFromTheStart) {
  auto const ports = datapath->ports();
  ASSERT_TRUE(ports) << ports.error().text();
  ASSERT_EQ(ports->size(), 1U);
  EXPECT_EQ(ports->front().number, datapath::odp::PortNo{0});
  EXPECT_EQ(ports->front().type, datapath::odp::VportType::internal);
}

TEST_P(DatapathContract, AddsListsAndRemovesPorts) {
  auto const a = plug("ct-a");
  auto const b = plug("ct-b");
  EXPECT_NE(a, b);
  auto ports = datapath->ports();
  ASSERT_TRUE(ports);
  ASSERT_EQ(ports->size(), 3U);
  EXPECT_TRUE(std::ranges::is_sorted(*ports, {}, &Vport::number));
  auto const found = std::ranges::find(*ports, a, &Vport::number);
  ASSERT_NE(found, ports->end());
  EXPECT_EQ(found->name, "ct-a");
  EXPECT_EQ(found->type, datapath::odp::VportType::netdev);

  EXPECT_TRUE(datapath->remove_port(a));
  EXPECT_TRUE(datapath->remove_port(a));
  ports = datapath->ports();
  ASSERT_TRUE(ports);
  EXPECT_EQ(ports->size(), 2U);
}

TEST_P(DatapathContract, TellsWhyAPortCannotBeAdded) {
  auto const missing = datapath->add_port({.name = "ct-none"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind(), ErrorKind::not_found);
  (void)plug("ct-a");
  auto const twice = datapath->add_port({.name = "ct-a"});
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().kind(), ErrorKind::already_exists);
}

TEST_P(DatapathContract, AnnouncesPortsThatComeAndGo) {
  (void)plug("ct-a");
  EXPECT_TRUE(world->run_until([&] { return std::ranges::count(added, "ct-a") == 1; }));
  world->delete_device("ct-a");
  EXPECT_TRUE(world->run_until([&] { return std::ranges::count(removed, "ct-a") == 1; }));
  auto const ports = datapath->ports();
  ASSERT_TRUE(ports);
  EXPECT_EQ(ports->size(), 1U);
}

TEST_P(DatapathContract, HandsOverPacketsWithoutAFlow) {
  auto const a = plug("ct-a");
  world->send("ct-a", frame(kA, kB));
  ASSERT_TRUE(wait_for_upcalls(1));
  EXPECT_EQ(upcalls[0].in_port, a);
  EXPECT_FALSE(upcalls[0].tunnel);
  EXPECT_EQ(upcalls[0].packet, frame(kA, kB));
}

TEST_P(DatapathContract, HandsOverTaggedPacketsWithTheirTags) {
  (void)plug("ct-a");
  auto const tagged = frame(kA, kB, {0x8100, 0x0007});
  world->send("ct-a", tagged);
  ASSERT_TRUE(wait_for_upcalls(1));
  EXPECT_EQ(upcalls[0].packet, tagged);
}

TEST_P(DatapathContract, FlowsForwardCountAndKeepTheirAge) {
  auto const a = plug("ct-a");
  auto const b = plug("ct-b");
  auto const c = plug("ct-c");
  auto const match = pair_match(a, kA, kB);
  put(flow(match, {Output{b}}));
  auto installed = find(match);
  ASSERT_TRUE(installed);
  EXPECT_EQ(installed->actions, Actions{Output{b}});
  EXPECT_EQ(installed->ufid, datapath::odp::ufid_of(match));
  EXPECT_EQ(installed->stats.packets, 0U);
  EXPECT_FALSE(installed->stats.used);

  world->send("ct-a", frame(kA, kB));
  EXPECT_EQ(next_frame("ct-b"), frame(kA, kB));
  put(flow(match, {Output{c}}));
  world->send("ct-a", frame(kA, kB));
  EXPECT_EQ(next_frame("ct-c"), frame(kA, kB));
  world->run_a_while();
  EXPECT_TRUE(world->received("ct-b").empty());

  installed = find(match);
  ASSERT_TRUE(installed);
  EXPECT_EQ(installed->actions, Actions{Output{c}});
  EXPECT_EQ(installed->stats.packets, 2U);
  EXPECT_EQ(installed->stats.bytes, 120U);
  EXPECT_TRUE(installed->stats.used);
  EXPECT_TRUE(upcalls.empty());
}

TEST_P(DatapathContract, RemovedFlowsAreGone) {
  auto const a = plug("ct-a");
  auto const match = pair_match(a, kA, kB);
  put(flow(match, {}));
  ASSERT_TRUE(find(match));
  EXPECT_TRUE(datapath->remove_flow(flow(match, {})));
  EXPECT_FALSE(find(match));
  EXPECT_TRUE(datapath->remove_flow(flow(match, {})));
  world->send("ct-a", frame(kA, kB));
  EXPECT_TRUE(wait_for_upcalls(1));
}

TEST_P(DatapathContract, AFlowWithoutActionsDrops) {
  auto const a = plug("ct-a");
  auto const match = pair_match(a, kA, kB);
  put(flow(match, {}));
  world->send("ct-a", frame(kA, kB));
  EXPECT_TRUE(world->run_until([&] {
    auto const installed = find(match);
    return installed && installed->stats.packets == 1;
  }));
  EXPECT_TRUE(upcalls.empty());
}

TEST_P(DatapathContract, IgnoredAddressesMatchAnything) {
  auto const a = plug("ct-a");
  auto const b = plug("ct-b");
  FlowMatch const match{.in_port = a, .destination = Masked::exactly(kB)};
  put(flow(match, {Output{b}}));
  EXPECT_TRUE(find(match));
  world->send("ct-a", frame(kA, kB));
  EXPECT_EQ(next_frame("ct-b"), frame(kA, kB));
  EXPECT_TRUE(upcalls.empty());
  world->send("ct-a", frame(kA, kA));
  EXPECT_TRUE(wait_for_upcalls(1));
}

TEST_P(DatapathContract, RefusesAFlowThatAnotherOneHides) {
  auto const a = plug("ct-a");
  put(flow({.in_port = a}, {}));
  auto const hidden = datapath->put_flow(flow(pair_match(a, kA, kB), {}));
  ASSERT_FALSE(hidden);
  EXPECT_EQ(hidden.error().kind(), ErrorKind::already_exists);
}

TEST_P(DatapathContract, PushesTags) {
  auto const a = plug("ct-a");
  auto const b = plug("ct-b");
  using Push = datapath::odp::PushVlanAction;
  auto const match = pair_match(a, kA, kB);
  Actions const actions{Push{.type = 0x8100, .tci = 0x2123}, Push{.type = 0x88a8, .tci = 0x0456}, Output{b}};
  put(flow(match, actions));
  auto const installed = find(match);
  ASSERT_TRUE(installed);
  EXPECT_EQ(installed->actions, actions);
  world->send("ct-a", frame(kA, kB));
  EXPECT_EQ(next_frame("ct-b"), frame(kA, kB, {0x88a8, 0x0456, 0x8100, 0x2123}));
}

TEST_P(DatapathContract, OutputsBeforeAndAfterATag) {
  auto const a = plug("ct-a");
  auto const b = plug("ct-b");
  auto const c = plug("ct-c");
  auto const match = pair_match(a, kA, kB);
  put(flow(match, {datapath::odp::PushVlanAction{.type = 0x8100, .tci = 0x0fff}, Output{b},
                   datapath::odp::PopVlanAction{}, Output{c}}));
  world->send("ct-a", frame(kA, kB));
  EXPECT_EQ(next_frame("ct-b"), frame(kA, kB, {0x8100, 0x0fff}));
  EXPECT_EQ(next_frame("ct-c"), frame(kA, kB));
}

TEST_P(DatapathContract, TellsTaggedFromUntagged) {
  auto const a = plug("ct-a");
  auto const b = plug("ct-b");
  FlowMatch const tagged{.in_port = a, .vlan = datapath::odp::VlanMatch{}};
  FlowMatch const twice{.in_port = a, .vlan = datapath::odp::VlanMatch{.inner_type = 0x8100}};
  put(flow(tagged, {datapath::odp::PopVlanAction{}, Output{b}}));
  put(flow(twice, {datapath::odp::PopVlanAction{}, Output{b}}));
  EXPECT_TRUE(find(tagged));
  EXPECT_TRUE(find(twice));
  world->send("ct-a", frame(kA, kB));
  ASSERT_TRUE(wait_for_upcalls(1));
  EXPECT_EQ(upcalls[0].packet, frame(kA, kB));
  world->send("ct-a", frame(kA, kB, {0x8100, 0x0abc}));
  EXPECT_EQ(next_frame("ct-b"), frame(kA, kB));
  world->send("ct-a", frame(kA, kB, {0x8100, 0x0abc, 0x8100, 0x0005}));
  EXPECT_EQ(next_frame("ct-b"), frame(kA, kB, {0x8100, 0x0005}));
  EXPECT_EQ(upcalls.size(), 1U);
}

TEST_P(DatapathContract, MatchesAVlanById) {
  auto const a = plug("ct-a");
  auto const b = plug("ct-b");
  FlowMatch const match{.in_port = a, .vlan = datapath::odp::VlanMatch{.id = 0x0abc}};
  put(flow(match, {Output{b}}));
  EXPECT_TRUE(find(match));
  world->send("ct-a", frame(kA, kB, {0x8100, 0x0abd}));
  EXPECT_TRUE(wait_for_upcalls(1));
  world->send("ct-a", frame(kA, kB, {0x8100, 0x0abc}));
  EXPECT_EQ(next_frame("ct-b"), frame(kA, kB, {0x8100, 0x0abc}));
  EXPECT_EQ(upcalls.size(), 1U);
}

TEST_P(DatapathContract, ActsOnOnePacket) {
  (void)plug("ct-a");
  auto const b = plug("ct-b");
  auto const done = datapath->execute(frame(kA, kB), {Output{b}});
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_EQ(next_frame("ct-b"), frame(kA, kB));
}

TEST_P(DatapathContract, HandsOverTunnelledPacketsWithTheirTunnel) {
  auto const tunnel = plug_tunnel();
  if (!tunnel) GTEST_SKIP() << "no VXLAN here";
  world->send_tunnelled(kTunnelDevice, 0x123456, frame(kA, kB));
  ASSERT_TRUE(wait_for_upcalls(1));
  EXPECT_EQ(upcalls[0].in_port, *tunnel);
  ASSERT_TRUE(upcalls[0].tunnel);
  EXPECT_EQ(upcalls[0].tunnel->id, 0x123456U);
  EXPECT_EQ(upcalls[0].tunnel->source, world->remote());
  EXPECT_EQ(upcalls[0].tunnel->destination, world->local());
  EXPECT_EQ(upcalls[0].packet, frame(kA, kB));
}

TEST_P(DatapathContract, SendsByTunnel) {
  auto const tunnel = plug_tunnel();
  if (!tunnel) GTEST_SKIP() << "no VXLAN here";
  Actions const actions{datapath::odp::SetTunnelAction{tunnel_out(0x654321)}, Output{*tunnel}};
  ASSERT_TRUE(datapath->execute(frame(kA, kB), actions));
  std::vector<std::pair<std::uint64_t, Bytes>> sent;
  world->run_until([&] {
    sent = world->received_tunnelled();
    return !sent.empty();
  });
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].first, 0x654321U);
  EXPECT_EQ(sent[0].second, frame(kA, kB));

  auto const a = plug("ct-a");
  put(flow(pair_match(a, kA, kB), actions));
  auto const installed = find(pair_match(a, kA, kB));
  ASSERT_TRUE(installed);
  EXPECT_EQ(installed->actions, actions);
}

TEST_P(DatapathContract, RelayFlowsLookAtNoAddress) {
  auto const tunnel = plug_tunnel();
  if (!tunnel) GTEST_SKIP() << "no VXLAN here";
  auto const a = plug("ct-a");
  FlowMatch const match{.in_port = *tunnel, .tunnel = tunnel_in(0x123456)};
  put(flow(match, {Output{a}}));
  EXPECT_TRUE(find(match));
  world->send_tunnelled(kTunnelDevice, 0x123456, frame(kA, kB));
  EXPECT_EQ(next_frame("ct-a"), frame(kA, kB));
  world->send_tunnelled(kTunnelDevice, 0x123456, frame(kB, kA));
  EXPECT_EQ(next_frame("ct-a"), frame(kB, kA));
  EXPECT_TRUE(upcalls.empty());
  world->send_tunnelled(kTunnelDevice, 0x123457, frame(kA, kB));
  EXPECT_TRUE(wait_for_upcalls(1));
}

TEST_P(DatapathContract, FlowsAndPortsOutliveTheProcess) {
  auto const a = plug("ct-a");
  auto const b = plug("ct-b");
  auto const match = pair_match(a, kA, kB);
  put(flow(match, {Output{b}}));
  datapath.reset();
  world->send("ct-a", frame(kA, kB));
  EXPECT_EQ(next_frame("ct-b"), frame(kA, kB));

  datapath = world->open();
  ASSERT_NE(datapath, nullptr);
  listen(*datapath);
  auto const ports = datapath->ports();
  ASSERT_TRUE(ports);
  EXPECT_EQ(ports->size(), 3U);
  auto const adopted = find(match);
  ASSERT_TRUE(adopted);
  EXPECT_EQ(adopted->ufid, datapath::odp::ufid_of(match));
  EXPECT_EQ(adopted->stats.packets, 1U);
  world->send("ct-a", frame(kB, kA));
  EXPECT_TRUE(wait_for_upcalls(1));
}

TEST_P(DatapathContract, CountsHitsAndMisses) {
  auto const a = plug("ct-a");
  world->send("ct-a", frame(kA, kB));
  ASSERT_TRUE(wait_for_upcalls(1));
  put(flow(pair_match(a, kA, kB), {}));
  world->send("ct-a", frame(kA, kB));
  EXPECT_TRUE(world->run_until([&] {
    auto const now = datapath->statistics();
    return now && now->hits == 1 && now->misses == 1;
  }));
  auto const now = datapath->statistics();
  ASSERT_TRUE(now);
  EXPECT_EQ(now->flows, 1U);
  EXPECT_EQ(now->lost, 0U);
}

TEST_P(DatapathContract, SaysWhenItWasDeleted) {
  auto const a = plug("ct-a");
  world->delete_datapath();
  EXPECT_TRUE(world->run_until([&] { return deleted; }));
  auto const ports = datapath->ports();
  ASSERT_FALSE(ports);
  EXPECT_EQ(ports.error().kind(), ErrorKind::not_found);
  auto const put_flow = datapath->put_flow(flow(pair_match(a, kA, kB), {}));
  ASSERT_FALSE(put_flow);
  EXPECT_EQ(put_flow.error().kind(), ErrorKind::not_found);

  datapath.reset();
  datapath = world->open();
  ASSERT_NE(datapath, nullptr);
  listen(*datapath);
  auto const again = datapath->ports();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->size(), 1U);
}

} // namespace weave::test
