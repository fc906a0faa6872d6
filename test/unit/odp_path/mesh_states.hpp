#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "datapath/fastpath/forwarding_state.hpp"
#include "datapath/odp/plan.hpp"
#include "datapath/odp/types.hpp"
#include "datapath/tunnel/tunnel_id.hpp"

/// Small meshes for the tests of the Open vSwitch path. Peer n has name n, short id 0x100 + n and address 10.9.0.n; we
/// are peer 1.
namespace weave::test {

inline constexpr std::uint16_t kTunnelPort = 6784;

constexpr ShortId id_of(int peer) { return ShortId{static_cast<std::uint16_t>(0x100 + peer)}; }
constexpr PeerName name_of(int peer) { return PeerName{static_cast<std::uint64_t>(peer)}; }
constexpr Ipv4Address address_of(int peer) { return Ipv4Address{0x0a090000U + static_cast<std::uint32_t>(peer)}; }
constexpr datapath::TunnelId ids(int source, int destination) { return {id_of(source), id_of(destination)}; }

/// A container address of peer n.
constexpr MacAddress mac_of(int peer, int container = 0) {
  return MacAddress{
      {2, 0, 0, static_cast<std::uint8_t>(container), static_cast<std::uint8_t>(peer), static_cast<std::uint8_t>(1)}};
}
inline constexpr MacAddress kBroadcast{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

inline datapath::Neighbour neighbour(int peer, datapath::Carrier carrier) {
  return {name_of(peer), carrier, {address_of(1), address_of(peer), kTunnelPort}};
}

/// We know nobody but ourself.
inline datapath::ForwardingState alone() {
  datapath::ForwardingState state;
  state.self = name_of(1);
  state.self_id = id_of(1);
  state.peers[id_of(1)] = name_of(1);
  return state;
}

/// Adds a peer that we have a direct connection to.
inline void join(datapath::ForwardingState& state, int peer, datapath::Carrier carrier = datapath::Carrier::tunnel) {
  state.peers[id_of(peer)] = name_of(peer);
  state.neighbours[id_of(peer)] = neighbour(peer, carrier);
  state.next_hops[id_of(peer)] = id_of(peer);
  state.floods[id_of(1)].push_back(id_of(peer));
}

/// Everybody is connected with everybody by VXLAN; peers 1 to `count`.
inline datapath::ForwardingState full_mesh(int count) {
  auto state = alone();
  for (int peer = 2; peer <= count; ++peer) join(state, peer);
  return state;
}

/// 2 - 1 - 3 - 4: we relay between 2 and the others.
inline datapath::ForwardingState chain(datapath::Carrier to_2 = datapath::Carrier::tunnel,
                                       datapath::Carrier to_3 = datapath::Carrier::tunnel) {
  auto state = alone();
  join(state, 2, to_2);
  join(state, 3, to_3);
  state.peers[id_of(4)] = name_of(4);
  state.next_hops[id_of(4)] = id_of(3);
  state.floods[id_of(2)] = {id_of(3)};
  state.floods[id_of(3)] = {id_of(2)};
  state.floods[id_of(4)] = {id_of(2)};
  return state;
}

inline std::shared_ptr<datapath::ForwardingState const> shared(datapath::ForwardingState state) {
  return std::make_shared<datapath::ForwardingState const>(std::move(state));
}

inline Bytes frame(MacAddress source, MacAddress destination, std::vector<std::uint16_t> const& tags = {}) {
  ByteWriter writer;
  writer.raw(destination.bytes()).raw(source.bytes());
  for (auto const half : tags) writer.u16(half);
  writer.u16(0x88b5).u32(0xfeed'f00d);
  auto bytes = writer.take();
  bytes.resize(60 + 2 * tags.size());
  return bytes;
}

/// As the tunnel of a packet that peer `via` sent to us.
inline datapath::odp::TunnelKey from_tunnel(int via, datapath::TunnelId tunnel) {
  return {.id = tunnel.vni(), .source = address_of(via), .destination = address_of(1), .ttl = 64};
}
inline datapath::odp::TunnelMatch tunnel_match(int via, datapath::TunnelId tunnel) {
  return {.id = tunnel.vni(), .source = address_of(via), .destination = address_of(1)};
}
/// As what we write for peer `to`.
inline datapath::odp::TunnelKey to_tunnel(int to, datapath::TunnelId tunnel) {
  return datapath::odp::tunnel_key(tunnel, address_of(1), address_of(to));
}

} // namespace weave::test
