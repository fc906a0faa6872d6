#pragma once

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <utility>

#include <gtest/gtest.h>

#include "datapath/fastpath/user_tag.hpp"
#include "datapath/packet/checksum.hpp"
#include "datapath/tunnel/io/vxlan_sender.hpp"
#include "test/system/tag_bridge.hpp"

/// A packet worker beside a kernel path that a test plays, and its neighbours.
namespace weave::datapath {

using test::WorkerHost;

inline constexpr std::uint16_t kTunnelPort = 6784;
inline constexpr PeerName kFar{4};       // behind host 2
inline constexpr PeerName kStranger{99}; // known to nobody
inline constexpr MacAddress kNearMac{{2, 0, 0, 0, 0, 2}};
inline constexpr MacAddress kOurMac{{2, 0, 0, 0, 0, 1}};
inline constexpr MacAddress kBroadcast{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

constexpr ShortId id_of(int number) { return ShortId{static_cast<std::uint16_t>(0x100 + number)}; }
constexpr std::uint16_t vid(int number) { return static_cast<std::uint16_t>(id_of(number)); }

inline ByteWriter addresses(MacAddress to, MacAddress from) {
  return std::move(ByteWriter{}.raw(to.bytes()).raw(from.bytes()));
}
/// `frame` with these tags, each type and control information.
inline Bytes tagged(ByteView frame, std::initializer_list<std::uint32_t> tags) {
  ByteWriter writer;
  writer.raw(frame.first(12));
  for (auto const tag : tags) writer.u32(tag);
  return writer.raw(frame.subspan(12)).take();
}
inline Bytes captured(ByteView frame, int destination) { return tagged(frame, {0x8100'0000U | vid(destination)}); }
inline Bytes relayed(ByteView frame, int source, int destination) {
  return tagged(frame, {0x88a8'0000U | vid(source), 0x8100'0000U | vid(destination)});
}
inline Bytes arp_frame(MacAddress to, MacAddress from) {
  return addresses(to, from).u16(kEtherTypeArp).raw(Bytes(46, 0x61)).take();
}

/// IPv4 of `size` bytes with this protocol, flags and payload after the header.
inline Bytes ipv4_frame(MacAddress to, MacAddress from, std::uint8_t protocol, std::uint16_t flags, ByteView payload) {
  auto const size = static_cast<std::uint16_t>(kIpv4HeaderSize + payload.size());
  auto header = ByteWriter{}
                    .u16(0x4500)
                    .u16(size)
                    .u16(1)
                    .u16(flags)
                    .u8(64)
                    .u8(protocol)
                    .u16(0)
                    .u32(0x0a200002)
                    .u32(0x0a200003)
                    .take();
  write_ipv4_checksum(header);
  return addresses(to, from).u16(kEtherTypeIpv4).raw(header).raw(payload).take();
}

/// Of `own`, which has `other` as its only neighbour, by sleeve.
inline ForwardingState small_state(WorkerHost const& own, WorkerHost const& other) {
  ForwardingState state;
  state.self = own.peer;
  state.self_id = id_of(own.number);
  state.peers = {{id_of(own.number), own.peer}, {id_of(other.number), other.peer}};
  state.neighbours = {{id_of(other.number), {.name = other.peer, .carrier = Carrier::user, .endpoints = {}}}};
  state.next_hops = {{id_of(other.number), id_of(other.number)}};
  return state;
}

struct Named {
  PeerName source;
  PeerName destination;
  Bytes frame;
  friend bool operator==(Named const&, Named const&) = default;
};
inline std::ostream& operator<<(std::ostream& out, Named const& named) {
  return out << named.source.to_string() << " -> " << named.destination.to_string() << " " << to_hex(named.frame);
}

/// A neighbour by sleeve, played by the test from inside `host`.
class SleeveNeighbour {
 public:
  SleeveNeighbour(WorkerHost& host, WorkerHost const& other) : peer_{host.peer}, other_{to_sockaddr(other.endpoint())} {
    host.worker.reset();
    socket_ = test::socket_in(*host.net, AF_INET, SOCK_DGRAM);
    auto const port = to_sockaddr({.address = {}, .port = WorkerHost::kPort});
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr const*>(&port), sizeof port), 0);
  }
  void send(PeerName source, PeerName destination, ByteView frame) const {
    Bytes buffer(kMaxUdpPayload);
    SleevePacketWriter writer{buffer, peer_, buffer.size()};
    EXPECT_TRUE(writer.append(source, destination, frame));
    auto const packet = writer.packet();
    EXPECT_EQ(::sendto(socket_.get(), packet.data(), packet.size(), 0, reinterpret_cast<sockaddr const*>(&other_),
                       sizeof other_),
              static_cast<ssize_t>(packet.size()));
  }
  /// The next frame; nothing if none comes.
  std::optional<Named> next() {
    while (waiting_.empty()) {
      pollfd ready{.fd = socket_.get(), .events = POLLIN, .revents = 0};
      if (::poll(&ready, 1, 3000) <= 0) return std::nullopt;
      Bytes packet(65536);
      auto const size = ::recv(socket_.get(), packet.data(), packet.size(), 0);
      if (size < 6) return std::nullopt;
      auto reader = SleeveFrameReader::of_clear_packet(ByteView{packet}.first(static_cast<std::size_t>(size)));
      while (auto const frame = reader.next()) {
        waiting_.push_back({frame->source, frame->destination, Bytes(frame->frame.begin(), frame->frame.end())});
      }
    }
    auto first = std::move(waiting_.front());
    waiting_.pop_front();
    return first;
  }

 private:
  PeerName peer_;
  sockaddr_in other_;
  UniqueFd socket_;
  std::deque<Named> waiting_;
};

/// What arrives at the tunnel port of `host`.
class TunnelNeighbour {
 public:
  explicit TunnelNeighbour(WorkerHost const& host) : wire_{*host.net, "eth0"} {}

  /// The next VXLAN packet, from its outer IPv4 header on.
  [[nodiscard]] std::optional<Bytes> next() const {
    auto const packet = wire_.next([](ByteView frame) {
      return frame.size() > 50 && load_u16(frame, 12) == kEtherTypeIpv4 && frame[23] == kProtocolUdp &&
             load_u16(frame, 36) == kTunnelPort;
    });
    if (!packet) return std::nullopt;
    return Bytes(packet->bytes.begin() + 14, packet->bytes.end());
  }
  /// As the control part sees it: ids and frame.
  [[nodiscard]] std::optional<std::pair<TunnelId, Bytes>> next_frame() const {
    auto const packet = next();
    if (!packet) return std::nullopt;
    return std::pair{TunnelId::of_vni(load_u32(*packet, 32) >> 8), Bytes(packet->begin() + 36, packet->end())};
  }

 private:
  test::PacketSocket wire_;
};

/// Host 1 is we, beside a kernel path that the test plays at `kernel`; host 2 a neighbour by sleeve, host 3 by tunnel.
struct FastPathWorker {
  explicit FastPathWorker(test::WorkerLab& on) : lab{on} {
    auto& own = lab.host(1);
    auto started = own.use_fast_path();
    EXPECT_TRUE(started) << started.error().text();
    started = own.start({});
    EXPECT_TRUE(started) << started.error().text();
    auto path = own.path_to(lab.host(2));
    path.mtu = 1438;
    path.max_payload = 1472;
    own.worker->set_path(path);
    own.worker->set_routes(routes());
    state.self = own.peer;
    state.self_id = id_of(1);
    for (int number = 1; number <= 4; ++number) {
      state.peers[id_of(number)] = PeerName{static_cast<std::uint64_t>(number)};
    }
    state.neighbours[id_of(2)] = {.name = lab.host(2).peer, .carrier = Carrier::user, .endpoints = {}};
    state.neighbours[id_of(3)] = {.name = lab.host(3).peer, .carrier = Carrier::tunnel, .endpoints = tunnel_to(3)};
    state.next_hops = {{id_of(2), id_of(2)}, {id_of(3), id_of(3)}, {id_of(4), id_of(2)}};
    publish();
    kernel.emplace(*own.net, "vethwe-user");
  }
  [[nodiscard]] TunnelEndpoints tunnel_to(std::size_t number) const {
    return {.local = lab.host(1).underlay(), .remote = lab.host(number).underlay(), .udp_port = kTunnelPort};
  }
  void publish() const { lab.host(1).worker->set_forwarding(std::make_shared<ForwardingState const>(state)); }
  [[nodiscard]] std::shared_ptr<test::FixedRoutes> routes() const {
    auto made = std::make_shared<test::FixedRoutes>();
    made->next_hops = {{near, near}, {side, side}, {kFar, near}};
    made->broadcasts = {{us, {near, side}}, {near, {side}}, {side, {near}}, {kFar, {side}}};
    return made;
  }
  [[nodiscard]] WorkerCounters const& counters() const { return lab.host(1).worker->counters(); }
  [[nodiscard]] bool dropped(DropReason reason, std::uint64_t count = 1) const {
    return lab.control.run_until([&] { return counters().decisions.count(reason) == count; });
  }

  test::WorkerLab& lab;
  ForwardingState state;
  PeerName us{1};
  PeerName near{2};
  PeerName side{3};
  SleeveNeighbour sleeve{lab.host(2), lab.host(1)};
  TunnelNeighbour tunnel{lab.host(3)};
  std::optional<test::PacketSocket> kernel;
};

} // namespace weave::datapath
