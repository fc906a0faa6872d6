#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "datapath/odp/flow_keeper.hpp"
#include "test/fakes/fake_datapath.hpp"
#include "test/fakes/virtual_scheduler.hpp"
#include "test/unit/odp_path/mesh_states.hpp"

namespace weave::datapath::odp {

using namespace weave::test;

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

} // namespace weave::datapath::odp
