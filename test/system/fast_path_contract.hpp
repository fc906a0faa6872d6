#pragma once

#include "test/system/fast_path_cluster.hpp"
#include "test/system/user_port_contract.hpp"

/// What any FastPath does, on three hosts with a real kernel. An implementation is put to it by
/// `INSTANTIATE_TEST_SUITE_P(Name, FastPathContract, testing::Values(FastPathCase{…}));` in the namespace weave::test
/// of one source file of a binary.
namespace weave::test {

TEST_P(FastPathContract, ABroadcastReachesEveryOtherHostOnce) {
  lab.mesh();
  expect_broadcasts_once();
}

TEST_P(FastPathContract, TheHostItselfAnswersWhoAsksForItsAddress) {
  lab.mesh();
  auto const address = Ipv4Address{0x0a630001};
  auto const bridge = a().net->links().find("weave");
  ASSERT_TRUE(bridge);
  WEAVE_ASSERT_OK(a().net->addresses().add({.link = bridge->index, .address = {.address = address, .prefix = 24}}));
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(b().inside->send(arp_request(b().mac(), Ipv4Address{0x0a630002}, address)));
    auto const answer = b().next([](ByteView frame) { return is_arp_reply(frame); });
    ASSERT_TRUE(answer);
    EXPECT_EQ(to_hex(ByteView{answer->bytes}.subspan(22, 6)), to_hex(bridge->mac.bytes()));
  }
}

TEST_P(FastPathContract, MulticastAndUnknownAddressesAreFloodedOnce) {
  lab.mesh();
  for (std::string_view const address : {"33:33:00:00:00:01", "01:00:5e:00:00:fb", "02:00:00:00:00:77"}) {
    a().send(*MacAddress::parse(address));
    EXPECT_EQ(b().received(1), 1) << address;
    EXPECT_EQ(c().received(1), 1) << address;
  }
  a().send(*MacAddress::parse("01:80:c2:00:00:00"));
  EXPECT_EQ(b().received(0), 0) << "spanning tree stays on its host";
}

TEST_P(FastPathContract, AKnownAddressGoesToItsHostOnly) {
  lab.mesh();
  lab.introduce();
  EXPECT_EQ(a().place_of(b().mac()), b().peer);
  EXPECT_EQ(a().place_of(a().mac()), a().peer);
  for (int i = 0; i < 10; ++i) a().send(b().mac());
  EXPECT_EQ(b().received(10), 10);
  EXPECT_EQ(c().received(0), 0);
  b().send(a().mac());
  EXPECT_EQ(a().received(1), 1);
}

TEST_P(FastPathContract, FramesArriveUnchangedAtFullSize) {
  lab.mesh();
  lab.introduce();
  auto frame = test_frame(b().mac(), a().mac());
  frame.resize(14 + FastPathHost::kMtu);
  for (std::size_t i = 15; i < frame.size(); ++i) frame[i] = static_cast<std::uint8_t>(i * 7);
  ASSERT_TRUE(a().inside->send(frame));
  auto const frames = b().frames(1);
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0], frame);
}

TEST_P(FastPathContract, ARelayPassesBroadcastsOnExactlyOnce) {
  lab.chain();
  expect_broadcasts_once();
}

TEST_P(FastPathContract, ARelayPassesUnknownAddressesOn) {
  lab.chain();
  a().send(*MacAddress::parse("02:00:00:00:00:77"));
  EXPECT_EQ(b().received(1), 1);
  EXPECT_EQ(c().received(1), 1);
}

TEST_P(FastPathContract, ARelayNeedsNoAddresses) {
  lab.chain();
  lab.introduce();
  (void)b().path->macs().forget_peer(a().peer);
  (void)b().path->macs().forget_peer(c().peer);
  EXPECT_EQ(b().place_of(a().mac()), std::nullopt);
  for (int i = 0; i < 10; ++i) a().send(c().mac());
  EXPECT_EQ(c().received(10), 10);
  EXPECT_EQ(b().received(0), 0);
  c().send(a().mac());
  EXPECT_EQ(a().received(1), 1);
  EXPECT_EQ(b().place_of(c().mac()), std::nullopt) << "a relay does not learn";
}

TEST_P(FastPathContract, AMovedAddressIsFoundAtOnce) {
  lab.mesh();
  auto const moving = *MacAddress::parse("02:00:00:00:00:aa");
  // From host to host and back to where it was.
  for (auto* host : {&a(), &b(), &c(), &a()}) {
    host->send_from(moving, kEverybody);
    for (auto const& other : lab.hosts) {
      if (other.get() == host) continue;
      EXPECT_EQ(other->received(1), 1);
    }
    for (auto const& other : lab.hosts) {
      EXPECT_EQ(other->place_of(moving), host->peer) << "at " << other->number << ", moved to " << host->number;
      if (other.get() == host) continue;
      other->send(moving);
      EXPECT_EQ(host->received(1), 1) << other->number << " to " << host->number;
    }
    for (auto const& other : lab.hosts) EXPECT_EQ(other->received(0), 0);
  }
}

TEST_P(FastPathContract, AnAddressOfThisHostDoesNotLeaveIt) {
  lab.mesh();
  lab.introduce();
  a().send_from(*MacAddress::parse("02:00:00:00:00:bb"), a().mac());
  EXPECT_EQ(b().received(0), 0);
  EXPECT_EQ(c().received(0), 0);
}

TEST_P(FastPathContract, HeartbeatsGoByTheTunnelWhateverTheCarrier) {
  lab.mesh();
  for (auto const carrier : {datapath::Carrier::tunnel, datapath::Carrier::none, datapath::Carrier::user}) {
    auto state = a().state;
    state.neighbours[b().id] = a().neighbour(b(), carrier);
    a().apply(state);
    for (std::size_t const size : {std::size_t{14} + FastPathHost::kMtu, std::size_t{64}, std::size_t{24}}) {
      b().heartbeats.clear();
      auto const frame = heartbeat_frame(size, 9);
      WEAVE_ASSERT_OK(a().send_heartbeat(b(), frame));
      ASSERT_TRUE(lab.loop.run_until([&] { return !b().heartbeats.empty(); }));
      auto const& arrival = b().heartbeats.front();
      EXPECT_EQ(arrival.ids, (datapath::TunnelId{.source = a().id, .destination = b().id}));
      EXPECT_EQ(arrival.remote, a().underlay_address());
      EXPECT_EQ(arrival.udp_port, FastPathHost::kUdpPort);
      EXPECT_EQ(arrival.length, size);
      auto const head = std::min(size, datapath::kHeartbeatHead);
      EXPECT_EQ(arrival.head, Bytes(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(head)));
      EXPECT_EQ(b().heartbeats.size(), 1U);
    }
  }
  a().heartbeats.clear();
  WEAVE_ASSERT_OK(b().send_heartbeat(a(), heartbeat_frame(1390, 1)));
  ASSERT_TRUE(lab.loop.run_until([&] { return !a().heartbeats.empty(); }));
  EXPECT_EQ(a().heartbeats.front().ids.source, b().id);
  EXPECT_EQ(a().heartbeats.front().remote, b().underlay_address());
  EXPECT_EQ(b().received(0) + c().received(0), 0) << "nothing enters the bridge";
}

TEST_P(FastPathContract, AChangeOfCarrierMovesFramesAtOnce) {
  lab.mesh();
  lab.introduce();
  for (int round = 0; round < 2; ++round) {
    auto state = a().state;
    state.neighbours[b().id].carrier = datapath::Carrier::user;
    a().apply(state);
    a().send(b().mac());
    auto frame = a().from_user_port();
    EXPECT_EQ(tag_of(frame), tag_for(b().id));
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->bytes, test_frame(b().mac(), a().mac()));
    EXPECT_EQ(b().received(0), 0);

    state.neighbours[b().id].carrier = datapath::Carrier::none;
    a().apply(state);
    a().send(b().mac());
    EXPECT_EQ(b().received(0), 0);
    EXPECT_FALSE(a().from_user_port(30));

    state.neighbours[b().id].carrier = datapath::Carrier::tunnel;
    a().apply(state);
    a().send(b().mac());
    EXPECT_EQ(b().received(1), 1);
    EXPECT_FALSE(a().from_user_port(30));
  }
}

TEST_P(FastPathContract, AFloodUsesTheCarrierOfEachNeighbour) {
  lab.mesh();
  auto state = a().state;
  state.neighbours[c().id].carrier = datapath::Carrier::user;
  a().apply(state);
  for (int i = 0; i < 3; ++i) {
    a().send(kEverybody);
    EXPECT_EQ(b().received(1), 1);
    auto frame = a().from_user_port();
    EXPECT_EQ(tag_of(frame), flooded(tag_for(c().id)));
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->bytes, test_frame(kEverybody, a().mac()));
    EXPECT_FALSE(a().from_user_port(30));
  }
  EXPECT_EQ(c().received(0), 0);
}

TEST_P(FastPathContract, SuperFramesPassTheTunnel) {
  lab.mesh();
  lab.introduce();
  auto const [header, frame] = super_frame(b().mac(), a().mac(), 30'000);
  ASSERT_TRUE(a().inside->send(frame, header));
  std::size_t bytes = 0;
  while (bytes < 30'000) {
    auto const part = lab.loop.next(*b().inside, [](ByteView seen) {
      return seen.size() > 54 && datapath::load_u16(seen, 12) == 0x0800 && seen[23] == 6;
    });
    ASSERT_TRUE(part) << bytes;
    bytes += part->bytes.size() - 54;
  }
  EXPECT_EQ(bytes, 30'000U);
}

TEST_P(FastPathContract, FramesOfStrangersAreDropped) {
  lab.mesh();
  lab.introduce();
  auto state = b().state;
  state.peers.erase(a().id);
  state.neighbours.erase(a().id);
  state.next_hops.erase(a().id);
  state.floods[b().id] = {c().id};
  b().apply(state);
  a().send(b().mac());
  a().send(kEverybody);
  EXPECT_EQ(b().received(0), 0);
  EXPECT_EQ(c().received(1), 1);
}

TEST_P(FastPathContract, WithoutRouteNothingIsSent) {
  lab.mesh();
  lab.introduce();
  auto state = a().state;
  state.next_hops.erase(b().id);
  a().apply(state);
  a().send(b().mac());
  EXPECT_EQ(b().received(0) + c().received(0), 0);
}

TEST_P(FastPathContract, TheOuterHeaderIsThatOfTheOriginal) {
  lab.mesh();
  lab.introduce();
  PacketSocket const wire{*b().net, "eth0"};
  auto const is_tunnel = [](ByteView seen) {
    return seen.size() > 50 && datapath::load_u16(seen, 12) == 0x0800 && seen[23] == 17 &&
           datapath::load_u16(seen, 36) == FastPathHost::kUdpPort;
  };
  // A flooded and a known address, and a heartbeat.
  for (int kind = 0; kind < 3; ++kind) {
    if (kind == 0) a().send(kEverybody);
    if (kind == 1) a().send(b().mac());
    if (kind == 2) WEAVE_ASSERT_OK(a().send_heartbeat(b(), heartbeat_frame(1390, 1)));
    auto const packet = lab.loop.next(wire, is_tunnel);
    ASSERT_TRUE(packet) << kind;
    auto const& bytes = packet->bytes;
    EXPECT_EQ(bytes[15], 0) << "type of service";
    EXPECT_EQ(datapath::load_u16(bytes, 20), 0x4000) << "don't fragment, no fragment";
    EXPECT_EQ(bytes[22], 64) << "time to live";
    EXPECT_EQ(datapath::load_u32(bytes, 26), a().underlay_address().value());
    EXPECT_EQ(datapath::load_u32(bytes, 30), b().underlay_address().value());
    EXPECT_EQ(datapath::load_u16(bytes, 40), 0) << "no UDP checksum";
    EXPECT_FALSE(packet->header.needs_checksum());
    EXPECT_EQ(datapath::load_u32(bytes, 42), 0x08000000U);
    auto const vni = datapath::TunnelId{.source = a().id, .destination = b().id}.vni();
    EXPECT_EQ(datapath::load_u32(bytes, 46), vni << 8);
  }
}

TEST_P(FastPathContract, TrafficGoesOnWithoutAProcessAndTheNextOneAdoptsIt) {
  lab.mesh();
  lab.introduce();
  for (auto* other : {&b(), &c()}) {
    a().send(other->mac());
    EXPECT_EQ(other->received(1), 1);
    other->send(a().mac());
    EXPECT_EQ(a().received(1), 1);
  }
  auto const state = a().state;
  a().crash();
  a().send(b().mac());
  EXPECT_EQ(b().received(1), 1);
  b().send(a().mac());
  EXPECT_EQ(a().received(1), 1);
  a().send(kEverybody);
  EXPECT_EQ(b().received(1) + c().received(1), 2);

  WEAVE_ASSERT_OK(a().open());
  a().send(b().mac());
  EXPECT_EQ(b().received(1), 1) << "before a state";
  // The first peer is there again, the other not yet.
  auto first = lab.state_of(a(), {&b()});
  first.peers.erase(c().id);
  first.settling = true;
  a().apply(first);
  EXPECT_EQ(a().place_of(b().mac()), b().peer);
  a().send(b().mac());
  a().send(c().mac());
  EXPECT_EQ(b().received(1) + c().received(1), 2);
  c().send(a().mac());
  EXPECT_EQ(a().received(1), 1);
  a().send(kEverybody);
  EXPECT_EQ(b().received(1) + c().received(1), 2);

  // It did not come back.
  first.settling = false;
  a().apply(first);
  a().send(c().mac());
  EXPECT_EQ(c().received(0), 0);
  (void)b().received(0); // An unknown address may be flooded.
  a().send(kEverybody);
  EXPECT_EQ(c().received(0), 0);
  EXPECT_EQ(b().received(1), 1);
  c().send(a().mac());
  EXPECT_EQ(a().received(0), 0);

  a().apply(state);
  a().send(kEverybody);
  EXPECT_EQ(b().received(1) + c().received(1), 2);
}

TEST_P(FastPathContract, SaysWhereAddressesAre) {
  lab.mesh();
  lab.introduce();
  auto& macs = a().path->macs();
  EXPECT_EQ(macs.self(), a().peer);
  auto const now = std::chrono::steady_clock::now();
  std::map<MacAddress, PeerName> places;
  for (auto const& entry : macs.entries()) {
    places[entry.mac] = entry.peer;
    EXPECT_LT(now - entry.last_seen, std::chrono::seconds{30});
    EXPECT_GT(now - entry.last_seen, -std::chrono::seconds{1});
  }
  EXPECT_EQ(places[a().mac()], a().peer);
  EXPECT_EQ(places[b().mac()], b().peer);
  EXPECT_EQ(places[c().mac()], c().peer);
  EXPECT_EQ(macs.sweep(now), 0U);
  EXPECT_GE(macs.forget_peer(b().peer), 1U);
  EXPECT_EQ(macs.find(b().mac()), std::nullopt);
  EXPECT_EQ(macs.find(c().mac()), c().peer);
  EXPECT_GE(macs.sweep(now + std::chrono::minutes{11}), 2U);
  EXPECT_TRUE(macs.entries().empty());
}

TEST_P(FastPathContract, ShowsFlowsAndCounts) {
  lab.mesh();
  lab.introduce();
  for (int i = 0; i < 5; ++i) {
    a().send(b().mac());
    EXPECT_EQ(b().received(1), 1);
  }
  auto const sent = fmt::format("set(tunnel(tun_id={:#x},src={},dst={}",
                                datapath::TunnelId{.source = a().id, .destination = b().id}.vni(),
                                a().underlay_address().to_string(), b().underlay_address().to_string());
  auto const counted = [&] {
    auto const flows = a().path->flows();
    if (!flows) return false;
    return std::ranges::any_of(*flows, [&](auto const& flow) {
      return flow.actions.find(sent) != std::string::npos && flow.packets >= 4 && flow.bytes >= 400;
    });
  };
  EXPECT_TRUE(lab.loop.run_until(counted, std::chrono::seconds{3}));
}

TEST_P(FastPathContract, ADeletedVxlanDeviceIsMadeAgain) {
  lab.mesh();
  lab.introduce();
  ASSERT_EQ(a().net->shell("ip link del vxlan-6784"), 0);
  EXPECT_TRUE(lab.loop.run_until([&] {
    a().send(b().mac());
    return b().received(0) > 0;
  }));
  a().send(kEverybody);
  EXPECT_GE(c().received(1), 1);
  b().send(a().mac());
  EXPECT_GE(a().received(1), 1);
  EXPECT_FALSE(a().failed);
  EXPECT_GE(a().log->lines().size(), 1U);
}

} // namespace weave::test
