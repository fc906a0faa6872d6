#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "datapath/bridge/mac_table.hpp"
#include "datapath/link/overlay_bridge.hpp"
#include "datapath/link/sandbox_interface.hpp"
#include "datapath/tunnel/io/packet_worker.hpp"
#include "datapath/tunnel/sleeve_cipher.hpp"
#include "test/system/scratch_namespace.hpp"
#include "test/system/underlay.hpp"

namespace weave::test {

/// Stands in for the control thread: calls are run by whoever waits for something to become true.
class ControlQueue {
 public:
  void post(std::function<void()> call) {
    std::lock_guard const guard{mutex_};
    calls_.push_back(std::move(call));
    ready_.notify_all();
  }
  /// Runs what is posted until `done` holds; false after the time limit.
  bool run_until(std::function<bool()> const& done, std::chrono::milliseconds limit = std::chrono::seconds{5}) {
    auto const end = std::chrono::steady_clock::now() + limit;
    std::unique_lock lock{mutex_};
    while (true) {
      while (!calls_.empty()) {
        auto const call = std::move(calls_.front());
        calls_.pop_front();
        lock.unlock();
        call();
        lock.lock();
      }
      if (done()) return true;
      if (std::chrono::steady_clock::now() >= end) return false;
      // Counters change without a call, hence the short turns.
      ready_.wait_for(lock, std::chrono::milliseconds{2});
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> calls_;
};

/// Routes that a test writes down.
class FixedRoutes final : public datapath::RouteLookup {
 public:
  std::map<PeerName, PeerName> next_hops;
  std::map<PeerName, std::vector<PeerName>> broadcasts;

  [[nodiscard]] PeerName next_hop(PeerName destination) const override {
    auto const found = next_hops.find(destination);
    return found == next_hops.end() ? kUnknownPeer : found->second;
  }
  [[nodiscard]] std::vector<PeerName> const& broadcast_hops(PeerName source) const override {
    static std::vector<PeerName> const none;
    auto const found = broadcasts.find(source);
    return found == broadcasts.end() ? none : found->second;
  }
};

/// A host: number n has the underlay address 192.0.2.n, the peer name ...:0n, a bridge, a packet worker and one
/// container with the address 10.32.0.n.
class WorkerHost {
 public:
  static constexpr std::uint16_t kPort = 6783;

  WorkerHost(int host_number, ControlQueue& queue, datapath::PacketIo packet_io)
      : number{host_number}, peer{static_cast<std::uint64_t>(host_number)}, io{packet_io}, control{queue} {}
  ~WorkerHost() {
    if (worker) worker->stop();
  }
  WorkerHost(WorkerHost const&) = delete;
  WorkerHost& operator=(WorkerHost const&) = delete;

  /// Everything but the start of the worker. `wires` has a bridge "switch".
  Result<void> build(ScratchNamespace& wires, std::uint32_t underlay_mtu, std::uint32_t mtu) {
    std::string reason;
    net = ScratchNamespace::create(reason);
    container = ScratchNamespace::create(reason);
    if (!net || !container) return failure(ErrorKind::unavailable, reason);
    if (auto joined = join_switch(wires, *net, number, underlay(), underlay_mtu); !joined) return joined;
    return net->run([&]() -> Result<void> {
      auto const bridge = datapath::OverlayBridge{net->links()}.ensure(
          {.name = "weave", .mac = datapath::bridge_mac(peer), .mtu = mtu});
      if (!bridge) return failure_of(bridge);
      if (auto made = make_container(); !made) return made;
      return make_worker(datapath::UserPortPlace::bridge, datapath::WorkerMode::bridge);
    });
  }
  /// Instead of the worker for the bridge, before it starts: one for a kernel fast path, whose part the test plays.
  Result<void> use_fast_path() {
    worker.reset();
    return net->run(
        [&] { return make_worker(datapath::UserPortPlace::free_standing, datapath::WorkerMode::fast_path); });
  }

  /// Starts the worker, in this host's network namespace.
  Result<void> start(datapath::SleeveEvents events) {
    return net->run([&] { return worker->start(std::move(events)); });
  }

  [[nodiscard]] Ipv4Address underlay() const { return Ipv4Address{0xc0000200U + static_cast<std::uint32_t>(number)}; }
  [[nodiscard]] Ipv4Address overlay() const { return Ipv4Address{0x0a200000U + static_cast<std::uint32_t>(number)}; }
  [[nodiscard]] Ipv4Endpoint endpoint() const { return {.address = underlay(), .port = kPort}; }
  [[nodiscard]] datapath::SleevePath path_to(WorkerHost const& other) const {
    return {.peer = other.peer, .connection = ConnectionUid{7}, .local = underlay(), .remote = other.endpoint()};
  }
  /// All `neighbours` are reached directly.
  void use_mesh(std::vector<WorkerHost*> const& neighbours) {
    auto routes = std::make_shared<FixedRoutes>();
    for (auto const* other : neighbours) {
      routes->next_hops[other->peer] = other->peer;
      routes->broadcasts[peer].push_back(other->peer);
      routes->broadcasts[other->peer];
    }
    worker->set_routes(routes);
  }

  int number;
  PeerName peer;
  datapath::PacketIo io;
  ControlQueue& control;
  std::unique_ptr<ScratchNamespace> net;
  std::unique_ptr<ScratchNamespace> container;
  datapath::MacTable macs{peer};
  std::unique_ptr<datapath::PacketWorker> worker;
  /// May be replaced before the start.
  datapath::PostToControl post = [this](std::function<void()> call) { control.post(std::move(call)); };
  bool port_failed = false;

 private:
  Result<void> make_worker(datapath::UserPortPlace place, datapath::WorkerMode mode) {
    bool const batched = io == datapath::PacketIo::batched;
    auto port = datapath::UserPort::open(net->links(), {.place = place, .offloads = batched});
    if (!port) return failure_of(port);
    auto sockets = datapath::SleeveSockets::open({.address = {}, .port = kPort}, io);
    if (!sockets) return failure_of(sockets);
    worker = std::make_unique<datapath::PacketWorker>(
        datapath::PacketWorker::Dependencies{.port = std::move(*port),
                                             .sockets = std::move(*sockets),
                                             .macs = macs,
                                             .post = [this](std::function<void()> call) { post(std::move(call)); },
                                             .on_port_failed = [this](Error) { port_failed = true; },
                                             .mode = mode});
    return {};
  }

  Result<void> make_container() {
    datapath::SandboxInterfaces sandboxes{net->links()};
    auto const mac = sandboxes.create_endpoint({.host_name = "vethwlguest", .guest_name = "vethwgguest"});
    if (!mac) return failure_of(mac);
    auto moved = net->links().change("vethwgguest", {.namespace_fd = container->handle().fd()});
    if (!moved) return moved;
    if (auto set = container->links().change("vethwgguest", {.up = true, .name = "ethwe"}); !set) return set;
    auto const link = container->links().find("ethwe");
    if (!link) return failure_of(link);
    return container->addresses().add({.link = link->index, .address = {.address = overlay(), .prefix = 12}});
  }
};

/// An underlay switch and some hosts on it.
class WorkerLab {
 public:
  /// Empty on success, else the reason to skip or fail.
  std::string build(int count, std::uint32_t underlay_mtu = 1500, std::uint32_t mtu = datapath::kDefaultBridgeMtu,
                    datapath::PacketIo io = datapath::PacketIo::batched) {
    std::string reason;
    underlay = ScratchNamespace::create(reason);
    if (!underlay) return reason;
    auto const made = underlay->links().create_bridge(
        {.name = "switch", .mac = *MacAddress::parse("02:00:00:00:01:00"), .mtu = underlay_mtu});
    if (!made) return made.error().text();
    if (auto up = underlay->links().change("switch", {.up = true}); !up) return up.error().text();
    for (int number = 1; number <= count; ++number) {
      hosts.push_back(std::make_unique<WorkerHost>(number, control, io));
      if (auto built = hosts.back()->build(*underlay, underlay_mtu, mtu); !built) return built.error().text();
    }
    return {};
  }
  /// Full mesh with paths of the given mtu, workers started.
  void connect_all(std::uint32_t mtu = 1438, std::uint32_t max_payload = 1472) {
    for (auto& host : hosts) {
      std::vector<WorkerHost*> others;
      for (auto& other : hosts) {
        if (other != host) others.push_back(other.get());
      }
      connect(*host, others, mtu, max_payload);
    }
  }
  /// One direction only.
  void connect_one(WorkerHost& from, WorkerHost& to) { connect(from, {&to}, 1438, 1472); }
  WorkerHost& host(std::size_t number) { return *hosts[number - 1]; }
  /// From now on packets between these two travel encrypted, by what `suites` names.
  void encrypt(WorkerHost& dialler, WorkerHost& other, std::string const& suites = {}) {
    auto const key = std::make_shared<Secret const>(Bytes(32, 0x5a));
    auto const seal = [&](WorkerHost& from, WorkerHost& to, bool dialled) {
      auto cipher =
          datapath::make_sleeve_cipher({.session_key = key, .we_dialled = dialled, .ours = suites, .theirs = suites});
      WEAVE_ASSERT_OK(cipher);
      auto path = from.path_to(to);
      path.cipher = *cipher;
      path.mtu = 1414;
      path.max_payload = 1472;
      from.worker->set_path(path);
    };
    seal(dialler, other, true);
    seal(other, dialler, false);
  }

  ControlQueue control;
  std::unique_ptr<ScratchNamespace> underlay;
  std::vector<std::unique_ptr<WorkerHost>> hosts;

 private:
  static void connect(WorkerHost& host, std::vector<WorkerHost*> const& others, std::uint32_t mtu,
                      std::uint32_t max_payload) {
    WEAVE_ASSERT_OK(host.start({}));
    host.use_mesh(others);
    for (auto const* other : others) {
      auto path = host.path_to(*other);
      path.mtu = mtu;
      path.max_payload = max_payload;
      host.worker->set_path(path);
    }
  }
};

/// In a test body: makes `lab` with these arguments, or skips or fails the test with the reason.
#define WEAVE_WORKER_LAB(lab, ...)                                                           \
  weave::test::WorkerLab lab;                                                                \
  if (::geteuid() != 0) GTEST_SKIP() << "needs root for network namespaces and TAP devices"; \
  ASSERT_EQ(lab.build(__VA_ARGS__), "")

} // namespace weave::test
