#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/async/asio_fd_watcher.hpp"
#include "base/async/asio_scheduler.hpp"
#include "datapath/fastpath/fast_path.hpp"
#include "datapath/fastpath/user_tag.hpp"
#include "datapath/link/overlay_bridge.hpp"
#include "datapath/link/sandbox_interface.hpp"
#include "datapath/link/user_port.hpp"
#include "test/fakes/log_recorder.hpp"
#include "test/system/packet_socket.hpp"
#include "test/system/scratch_namespace.hpp"
#include "test/system/underlay.hpp"

namespace weave::test {

/// What any implementation of FastPath is made with.
struct FastPathInputs {
  Scheduler& scheduler;
  FdWatcher& watcher;
  Logger logger;
  datapath::Links& links;
  PeerName self;
  std::string bridge;
  std::uint32_t mtu;
  std::uint16_t udp_port;
};

/// One implementation under the contract. `open` is called in the network namespace of the host.
struct FastPathCase {
  std::string name;
  std::function<Result<std::unique_ptr<datapath::FastPath>>(FastPathInputs const&)> open;
  /// Removes everything from the kernel.
  std::function<Result<void>(datapath::Links&)> reset;
  /// The path learns from frames in the user port by itself; otherwise the packet worker tells it.
  bool learns_from_user_port = true;
};

/// For gtest.
inline void PrintTo(FastPathCase const& implementation, std::ostream* out) { *out << implementation.name; }

/// The event loop of the control thread of all hosts.
class FastPathLoop {
 public:
  Scheduler& scheduler() { return scheduler_; }
  FdWatcher& watcher() { return watcher_; }
  bool run_until(std::function<bool()> const& done, std::chrono::milliseconds limit = std::chrono::seconds{5}) {
    auto const end = std::chrono::steady_clock::now() + limit;
    while (!done()) {
      if (std::chrono::steady_clock::now() >= end) return false;
      context_.restart();
      context_.run_for(std::chrono::milliseconds{5});
    }
    return true;
  }
  /// The next frame that `matches`, with the control threads at work meanwhile; others are thrown away.
  std::optional<PacketSocket::Frame> next(PacketSocket const& socket, std::function<bool(ByteView)> const& matches,
                                          std::chrono::milliseconds limit = std::chrono::seconds{5}) {
    std::optional<PacketSocket::Frame> frame;
    auto const arrived = [&] {
      do frame = socket.next(0);
      while (frame && !matches(frame->bytes));
      return frame.has_value();
    };
    (void)run_until(arrived, limit);
    return frame;
  }

 private:
  boost::asio::io_context context_{1};
  AsioScheduler scheduler_{context_.get_executor()};
  AsioFdWatcher watcher_{context_.get_executor()};
};

/// A frame of a protocol that nobody else speaks, so that tests see their own only.
inline constexpr std::uint16_t kTestProtocol = 0x88b5;
inline const MacAddress kEverybody{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

[[nodiscard]] inline Bytes test_frame(MacAddress destination, MacAddress source, std::uint8_t number = 0) {
  ByteWriter writer;
  writer.raw(destination.bytes()).raw(source.bytes()).u16(kTestProtocol).u8(number);
  Bytes frame = writer.take();
  frame.resize(100, 0x5a);
  return frame;
}

[[nodiscard]] inline bool is_test_frame(ByteView frame) {
  return frame.size() > 14 && datapath::load_u16(frame, 12) == kTestProtocol;
}

[[nodiscard]] inline Bytes arp_request(MacAddress sender, Ipv4Address from, Ipv4Address wanted) {
  ByteWriter writer;
  writer.raw(kEverybody.bytes()).raw(sender.bytes()).u16(0x0806);
  writer.u16(1).u16(0x0800).u8(6).u8(4).u16(1).raw(sender.bytes()).u32(from.value());
  writer.raw(MacAddress{}.bytes()).u32(wanted.value());
  return writer.take();
}

[[nodiscard]] inline bool is_arp_reply(ByteView frame) {
  return frame.size() >= 42 && datapath::load_u16(frame, 12) == 0x0806 && datapath::load_u16(frame, 20) == 2;
}

[[nodiscard]] inline std::uint16_t type_behind_tags(ByteView frame) {
  std::size_t place = 12;
  while (frame.size() >= place + 2) {
    auto const type = datapath::load_u16(frame, place);
    if (type != datapath::kTagOfDestination && type != datapath::kTagOfSource) return type;
    place += datapath::kVlanTagSize;
  }
  return 0;
}

/// Host number n: underlay 192.0.2.n, short id n * 0x101, a bridge, a container with the MAC 02:00:00:00:00:0n, a user
/// port, a fast path.
class FastPathHost {
 public:
  static constexpr std::uint16_t kUdpPort = 6784;
  static constexpr std::uint32_t kMtu = 1376;

  FastPathHost(int host_number, FastPathLoop& loop, FastPathCase const& implementation)
      : number{host_number},
        peer{static_cast<std::uint64_t>(host_number)},
        id{static_cast<std::uint16_t>(host_number * 0x101)},
        loop_{loop},
        case_{implementation} {}
  ~FastPathHost() {
    path.reset();
    if (net) (void)net->run([&] { return case_.reset(net->links()); });
  }
  FastPathHost(FastPathHost const&) = delete;
  FastPathHost& operator=(FastPathHost const&) = delete;

  /// All but the fast path. `underlay` has a bridge "switch".
  Result<void> build(ScratchNamespace& underlay) {
    std::string reason;
    net = ScratchNamespace::create(reason);
    container = ScratchNamespace::create(reason);
    if (!net || !container) return failure(ErrorKind::unavailable, reason);
    // Containers would say hello by themselves, and teach addresses that tests have just made forgotten.
    (void)container->shell(
        "for f in all default; do echo 1 >/proc/sys/net/ipv6/conf/$f/disable_ipv6; done 2>/dev/null");
    if (auto joined = join_switch(underlay, *net, number, underlay_address(), 1500); !joined) return joined;
    auto made = net->run([&]() -> Result<void> {
      auto const bridge = datapath::OverlayBridge{net->links()}.ensure(
          {.name = "weave", .mac = datapath::bridge_mac(PeerName{0x0200'0000'ff00ULL + peer.value()}), .mtu = kMtu});
      if (!bridge) return failure_of(bridge);
      return make_container();
    });
    if (made) inside.emplace(*container, "ethwe");
    return made;
  }

  /// Opens the fast path and plugs the user port in, as a process does when it starts.
  Result<void> open() {
    return net->run([&]() -> Result<void> {
      auto opened = case_.open({.scheduler = loop_.scheduler(),
                                .watcher = loop_.watcher(),
                                .logger = Logger{log},
                                .links = net->links(),
                                .self = peer,
                                .bridge = "weave",
                                .mtu = kMtu,
                                .udp_port = kUdpPort});
      if (!opened) return failure_of(opened);
      path = std::move(*opened);
      path->start({.on_heartbeat = [this](auto const& arrival) { heartbeats.push_back(arrival); },
                   .on_failed = [this](Error error) { failed = std::move(error); }});
      if (auto port = path->open_tunnel_port(kUdpPort); !port) return port;
      return open_user_port();
    });
  }
  Result<void> open_user_port() {
    auto port = datapath::UserPort::open(net->links(), {.place = datapath::UserPortPlace::free_standing});
    if (!port) return failure_of(port);
    user.emplace(std::move(*port));
    return path->attach_user_port("vethwe-user");
  }
  /// What is left when the process dies.
  void crash() {
    path.reset();
    user.reset();
  }
  void apply(datapath::ForwardingState const& wanted) {
    state = wanted;
    (void)net->run([&]() -> Result<void> {
      path->apply(std::make_shared<datapath::ForwardingState const>(wanted));
      return {};
    });
  }
  Result<void> send_heartbeat(FastPathHost const& to, ByteView frame) {
    return net->run([&] { return path->send_heartbeat(endpoints(to), {.source = id, .destination = to.id}, frame); });
  }

  [[nodiscard]] MacAddress mac() const { return MacAddress{{2, 0, 0, 0, 0, static_cast<std::uint8_t>(number)}}; }
  [[nodiscard]] Ipv4Address underlay_address() const {
    return Ipv4Address{0xc0000200U + static_cast<std::uint32_t>(number)};
  }
  [[nodiscard]] datapath::TunnelEndpoints endpoints(FastPathHost const& to) const {
    return {.local = underlay_address(), .remote = to.underlay_address(), .udp_port = kUdpPort};
  }
  [[nodiscard]] datapath::Neighbour neighbour(FastPathHost const& to,
                                              datapath::Carrier carrier = datapath::Carrier::tunnel) const {
    return {.name = to.peer, .carrier = carrier, .endpoints = endpoints(to)};
  }
  /// The container sends a frame from its own or another address.
  void send(MacAddress destination, std::uint8_t count = 0) const { send_from(mac(), destination, count); }
  void send_from(MacAddress source, MacAddress destination, std::uint8_t count = 0) const {
    EXPECT_TRUE(inside->send(test_frame(destination, source, count)));
  }
  /// The next frame into the container that `matches`; others are thrown away.
  [[nodiscard]] std::optional<PacketSocket::Frame> next(std::function<bool(ByteView)> const& matches) const {
    return loop_.next(*inside, matches, std::chrono::seconds{1});
  }
  /// How many test frames come into the container: waits for `expected` of them, then a moment for more.
  [[nodiscard]] int received(int expected) const { return static_cast<int>(frames(expected).size()); }
  [[nodiscard]] std::vector<Bytes> frames(int expected) const {
    std::vector<Bytes> all;
    auto const limit = [&] { return std::chrono::milliseconds{static_cast<int>(all.size()) < expected ? 2000 : 30}; };
    while (auto frame = loop_.next(*inside, is_test_frame, limit())) all.push_back(std::move(frame->bytes));
    return all;
  }
  /// The next frame out of the user port that is of `protocol`, with its offload header; none within the time.
  [[nodiscard]] std::optional<PacketSocket::Frame> from_user_port(int milliseconds = 2000,
                                                                  std::uint16_t protocol = kTestProtocol) {
    Bytes buffer(datapath::UserPort::kFrameMax);
    std::optional<PacketSocket::Frame> found;
    auto const arrived = [&] {
      // Containers say hello by IPv6.
      for (auto frame = user->read(buffer); frame && !frame->bytes.empty(); frame = user->read(buffer)) {
        if (type_behind_tags(frame->bytes) != protocol) continue;
        found = PacketSocket::Frame{frame->header, Bytes{frame->bytes.begin(), frame->bytes.end()}};
        return true;
      }
      return false;
    };
    (void)loop_.run_until(arrived, std::chrono::milliseconds{milliseconds});
    return found;
  }
  [[nodiscard]] std::optional<PeerName> place_of(MacAddress address) const { return path->macs().find(address); }

  int number;
  PeerName peer;
  ShortId id;
  std::shared_ptr<LogRecorder> log = std::make_shared<LogRecorder>();
  std::unique_ptr<ScratchNamespace> net;
  std::unique_ptr<ScratchNamespace> container;
  std::optional<PacketSocket> inside;
  std::optional<datapath::UserPort> user;
  std::unique_ptr<datapath::FastPath> path;
  datapath::ForwardingState state;
  std::vector<datapath::HeartbeatArrival> heartbeats;
  std::optional<Error> failed;

 private:
  Result<void> make_container() {
    datapath::SandboxInterfaces sandboxes{net->links()};
    auto const made =
        sandboxes.create_endpoint({.host_name = "vethwlguest", .guest_name = "vethwgguest", .mac = mac()});
    if (!made) return failure_of(made);
    auto moved = net->links().change("vethwgguest", {.namespace_fd = container->handle().fd()});
    if (!moved) return moved;
    auto renamed = container->links().change("vethwgguest", {.up = true, .name = "ethwe"});
    if (!renamed) return renamed;
    auto const link = container->links().find("ethwe");
    if (!link) return failure_of(link);
    Ipv4Address const address{0x0a200000U + static_cast<std::uint32_t>(number)};
    return container->addresses().add({.link = link->index, .address = {.address = address, .prefix = 12}});
  }

  FastPathLoop& loop_;
  FastPathCase const& case_;
};

/// Some hosts on one underlay.
class FastPathLab {
 public:
  /// Empty on success, else the reason to skip: this kernel or this user cannot have the path.
  std::string build(int count, FastPathCase const& implementation) {
    std::string reason;
    underlay = ScratchNamespace::create(reason);
    if (!underlay) return reason;
    auto const made = underlay->links().create_bridge(
        {.name = "switch", .mac = *MacAddress::parse("02:00:00:00:01:00"), .mtu = 1500});
    if (!made) return made.error().text();
    if (auto up = underlay->links().change("switch", {.up = true}); !up) return up.error().text();
    for (int number = 1; number <= count; ++number) {
      hosts.push_back(std::make_unique<FastPathHost>(number, loop, implementation));
      if (auto built = hosts.back()->build(*underlay); !built) return built.error().text();
      if (auto opened = hosts.back()->open(); !opened) return opened.error().text();
    }
    return {};
  }
  FastPathHost& host(std::size_t number) { return *hosts[number - 1]; }

  /// A state in which `host` knows everybody and has these neighbours by tunnel.
  [[nodiscard]] datapath::ForwardingState state_of(FastPathHost const& host,
                                                   std::vector<FastPathHost const*> const& neighbours) const {
    datapath::ForwardingState state;
    state.self = host.peer;
    state.self_id = host.id;
    for (auto const& other : hosts) state.peers[other->id] = other->peer;
    for (auto const* other : neighbours) {
      state.neighbours[other->id] = host.neighbour(*other);
      state.next_hops[other->id] = other->id;
      state.floods[host.id].push_back(other->id);
    }
    return state;
  }
  /// All are neighbours of all.
  void mesh() {
    for (auto const& host : hosts) {
      std::vector<FastPathHost const*> others;
      for (auto const& other : hosts) {
        if (other != host) others.push_back(other.get());
      }
      host->apply(state_of(*host, others));
    }
  }
  /// 1 - 2 - 3: one and three reach each other through two.
  void chain() {
    auto& a = host(1);
    auto& b = host(2);
    auto& c = host(3);
    auto left = state_of(a, {&b});
    left.next_hops[c.id] = b.id;
    a.apply(left);
    auto middle = state_of(b, {&a, &c});
    middle.floods[a.id] = {c.id};
    middle.floods[c.id] = {a.id};
    b.apply(middle);
    auto right = state_of(c, {&b});
    right.next_hops[a.id] = b.id;
    c.apply(right);
  }
  /// Every container is known everywhere.
  void introduce() {
    for (auto const& host : hosts) {
      host->send(kEverybody);
      for (auto const& other : hosts) {
        if (other == host) continue;
        EXPECT_EQ(other->received(1), 1) << host->number << " to " << other->number;
      }
    }
  }

  FastPathLoop loop;
  std::unique_ptr<ScratchNamespace> underlay;
  std::vector<std::unique_ptr<FastPathHost>> hosts;
};

} // namespace weave::test
