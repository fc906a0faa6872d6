#include "test/system/fast_path_worker.hpp"

#include <array>
#include <functional>
#include <optional>
#include <span>

#include <gtest/gtest.h>

#include "datapath/packet/checksum.hpp"
#include "datapath/packet/icmp.hpp"

namespace weave::datapath {
namespace {

TEST(FastPathWorkerSystem, CapturedFramesLeaveBySleeveUnderTheNamesOfTheirTags) {
  WEAVE_WORKER_LAB(lab, 3);
  FastPathWorker fixture{lab};
  auto const frame = arp_frame(kNearMac, kOurMac);
  auto const own_tag = tagged(frame, {0x8100'0064});
  struct Case {
    Bytes given;
    Named expected;
  };
  for (auto const& [given, expected] :
       {Case{captured(frame, 2), {fixture.us, fixture.near, frame}},
        Case{captured(frame, 4), {fixture.us, kFar, frame}},
        Case{relayed(frame, 3, 2), {fixture.side, fixture.near, frame}},
        Case{relayed(frame, 3, 4), {fixture.side, kFar, frame}},
        Case{captured(own_tag, 2), {fixture.us, fixture.near, own_tag}},
        Case{relayed(own_tag, 3, 2), {fixture.side, fixture.near, own_tag}},
        Case{tagged(frame, {0x8100'2000U | vid(2)}), {fixture.us, fixture.near, frame}}}) {
    ASSERT_TRUE(fixture.kernel->send(given));
    EXPECT_EQ(fixture.sleeve.next(), expected);
  }
  EXPECT_TRUE(lab.host(1).macs.entries().empty()) << "the kernel learns";
  EXPECT_EQ(fixture.counters().captured_frames.value(), 7U);
}

TEST(FastPathWorkerSystem, FramesThatTheTagsSendNowhereAreCounted) {
  WEAVE_WORKER_LAB(lab, 3);
  FastPathWorker fixture{lab};
  auto const frame = arp_frame(kNearMac, kOurMac);
  auto const drops = [&](Bytes const& given, DropReason reason, std::uint64_t count) {
    ASSERT_TRUE(fixture.kernel->send(given));
    EXPECT_TRUE(fixture.dropped(reason, count)) << to_string(reason);
  };
  drops(frame, DropReason::untagged, 1);
  drops(tagged(frame, {0x88a8'0000U | vid(3)}), DropReason::untagged, 2);
  drops(captured(frame, 77), DropReason::unknown_peer, 1);
  drops(relayed(frame, 77, 2), DropReason::unknown_peer, 2);
  drops(relayed(frame, 1, 2), DropReason::returned, 1);
  drops(captured(frame, 1), DropReason::local_destination, 1);
  drops(captured(Bytes(60), 2), DropReason::special_frame, 1);
  fixture.state.next_hops.clear();
  fixture.publish();
  drops(captured(frame, 4), DropReason::no_route, 1);
  ASSERT_TRUE(fixture.kernel->send(captured(frame, 2)));
  EXPECT_EQ(fixture.sleeve.next(), (Named{fixture.us, fixture.near, frame})) << "a neighbour without a route";
}

TEST(FastPathWorkerSystem, ReceivedFramesAreDeliveredWithTheTagOfTheirSource) {
  WEAVE_WORKER_LAB(lab, 3);
  FastPathWorker fixture{lab};
  auto const frame = arp_frame(kOurMac, kNearMac);
  lab.host(1).macs.record_local(kOurMac, std::chrono::steady_clock::now());
  for (auto const& [source, number] : {std::pair{fixture.near, 2}, {kFar, 4}}) {
    fixture.sleeve.send(source, fixture.us, frame);
    auto const delivered = fixture.kernel->next();
    ASSERT_TRUE(delivered);
    EXPECT_EQ(to_hex(delivered->bytes), to_hex(captured(frame, number)));
    EXPECT_EQ(lab.host(1).macs.find(kNearMac), source);
  }
  auto const own_tag = tagged(frame, {0x8100'0064});
  fixture.sleeve.send(fixture.near, fixture.us, own_tag);
  EXPECT_EQ(to_hex(fixture.kernel->next()->bytes), to_hex(captured(own_tag, 2)));

  fixture.sleeve.send(kStranger, fixture.us, frame);
  EXPECT_TRUE(fixture.dropped(DropReason::unknown_peer));
  EXPECT_EQ(fixture.counters().injected_frames.value(), 3U);
  EXPECT_EQ(fixture.counters().tunnel_packets.value(), 0U);
}

TEST(FastPathWorkerSystem, ReceivedFramesGoOnByTunnel) {
  WEAVE_WORKER_LAB(lab, 3);
  FastPathWorker fixture{lab};
  auto const frame = arp_frame(kOurMac, kNearMac);
  fixture.sleeve.send(kFar, fixture.side, frame);
  auto const packet = fixture.tunnel.next();
  ASSERT_TRUE(packet);
  auto const ip = Ipv4View::parse(*packet);
  ASSERT_TRUE(ip);
  EXPECT_EQ(ip->source(), lab.host(1).underlay());
  EXPECT_EQ(ip->destination(), lab.host(3).underlay());
  EXPECT_TRUE(ip->dont_fragment());
  EXPECT_EQ(ip->time_to_live(), 64);
  EXPECT_EQ(ip->type_of_service(), 0);
  auto const udp = UdpView::parse(ip->payload());
  EXPECT_EQ(udp->destination_port(), kTunnelPort);
  EXPECT_EQ(udp->checksum(), 0);
  auto const vni = TunnelId{.source = id_of(4), .destination = id_of(3)}.vni();
  EXPECT_EQ(to_hex(udp->payload()), fmt::format("08000000{:06x}00", vni) + to_hex(frame));
}

TEST(FastPathWorkerSystem, AKernelsTunnelTakesWhatTheWorkerSends) {
  WEAVE_WORKER_LAB(lab, 3);
  FastPathWorker fixture{lab};
  auto const vni = TunnelId{.source = id_of(2), .destination = id_of(3)}.vni();
  auto const device =
      fmt::format("ip link add vxlan-end type vxlan id {} dstport {} local {} && ip link set vxlan-end up", vni,
                  kTunnelPort, lab.host(3).underlay().to_string());
  if (lab.host(3).net->shell(device) != 0) GTEST_SKIP() << "no VXLAN devices in this kernel";
  test::PacketSocket const end{*lab.host(3).net, "vxlan-end"};
  auto const frame = arp_frame(kOurMac, kNearMac);
  fixture.sleeve.send(fixture.near, fixture.side, frame);
  auto const arrived = end.next([&](ByteView bytes) { return load_u16(bytes, 12) == kEtherTypeArp; });
  ASSERT_TRUE(arrived);
  EXPECT_EQ(to_hex(arrived->bytes), to_hex(frame));
}

TEST(FastPathWorkerSystem, BroadcastsAreDeliveredAndGoOnByTunnel) {
  WEAVE_WORKER_LAB(lab, 3);
  FastPathWorker fixture{lab};
  auto const frame = arp_frame(kBroadcast, kNearMac);
  fixture.sleeve.send(fixture.near, fixture.us, frame);
  EXPECT_EQ(to_hex(fixture.kernel->next()->bytes), to_hex(captured(frame, 2)));
  EXPECT_EQ(fixture.tunnel.next_frame(), (std::pair{TunnelId{.source = id_of(2), .destination = id_of(3)}, frame}));
  // To somebody here, and known as such: no copy goes on.
  lab.host(1).macs.record_local(kOurMac, std::chrono::steady_clock::now());
  fixture.sleeve.send(fixture.near, fixture.us, arp_frame(kOurMac, kNearMac));
  EXPECT_TRUE(fixture.kernel->next());
  EXPECT_EQ(fixture.counters().tunnel_packets.value(), 1U);
}

TEST(FastPathWorkerSystem, ATunnelsPathMtuIsLearned) {
  WEAVE_WORKER_LAB(lab, 3);
  FastPathWorker fixture{lab};
  ASSERT_EQ(lab.host(1).net->shell("ip route add 192.0.2.3 dev eth0 mtu 1000"), 0);
  auto const big = [](std::uint16_t flags, MacAddress to = kOurMac) {
    return ipv4_frame(to, kNearMac, kProtocolUdp, flags, Bytes(1200, 0x75));
  };
  auto const& counters = fixture.counters();
  fixture.sleeve.send(fixture.near, fixture.side, big(Ipv4View::kDontFragment));
  ASSERT_TRUE(lab.control.run_until([&] { return counters.too_big_packets.value() == 1; }));

  // From now on the sender is told, as if by the one that it wrote to.
  fixture.sleeve.send(fixture.near, fixture.side, big(Ipv4View::kDontFragment));
  auto const answer = fixture.sleeve.next();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->source, fixture.side);
  EXPECT_EQ(answer->destination, fixture.near);
  Bytes expected(kFragmentationNeededSize);
  expected.resize(write_fragmentation_needed(big(Ipv4View::kDontFragment), 950, expected));
  EXPECT_EQ(to_hex(answer->frame), to_hex(expected));

  // What may be fragmented is.
  fixture.sleeve.send(fixture.near, fixture.side, big(0));
  std::size_t payload = 0;
  for (int piece = 0; piece < 2; ++piece) {
    auto const sent = fixture.tunnel.next_frame();
    ASSERT_TRUE(sent);
    auto const ip = Ipv4View::parse(ByteView{sent->second}.subspan(14));
    ASSERT_TRUE(ip);
    EXPECT_EQ(ip->more_fragments(), piece == 0);
    EXPECT_LE(ip->size(), 950U);
    payload += ip->payload().size();
  }
  EXPECT_EQ(payload, 1200U);

  // Nobody is told of a flooded frame.
  fixture.sleeve.send(fixture.near, fixture.us, big(Ipv4View::kDontFragment, kBroadcast));
  EXPECT_TRUE(fixture.kernel->next());
  ASSERT_TRUE(lab.control.run_until([&] { return counters.too_big.value() == 1; }));
  EXPECT_EQ(counters.too_big_answers.value(), 1U);
  EXPECT_EQ(counters.too_big_packets.value(), 1U) << "asked once";
}

TEST(FastPathWorkerSystem, TheSenderOfACapturedFrameThatIsTooBigForSleeveIsTold) {
  WEAVE_WORKER_LAB(lab, 3);
  FastPathWorker fixture{lab};
  auto path = lab.host(1).path_to(lab.host(2));
  path.mtu = 1000;
  path.max_payload = 1034;
  lab.host(1).worker->set_path(path);
  auto const frame = ipv4_frame(kNearMac, kOurMac, kProtocolUdp, Ipv4View::kDontFragment, Bytes(1200, 0x75));
  Bytes expected(kFragmentationNeededSize);
  expected.resize(write_fragmentation_needed(frame, 1000, expected));
  ASSERT_TRUE(fixture.kernel->send(captured(frame, 4)));
  auto const answer = fixture.kernel->next();
  ASSERT_TRUE(answer);
  EXPECT_EQ(to_hex(answer->bytes), to_hex(captured(expected, 4))) << "in the name of the one that it was for";
  // A relayed one goes back by tunnel.
  ASSERT_TRUE(fixture.kernel->send(relayed(frame, 3, 4)));
  EXPECT_EQ(fixture.tunnel.next_frame(), (std::pair{TunnelId{.source = id_of(4), .destination = id_of(3)}, expected}));
  ASSERT_TRUE(fixture.kernel->send(tagged(frame, {0x8100'2000U | vid(2)})));
  EXPECT_TRUE(lab.control.run_until([&] { return fixture.counters().too_big.value() == 1; }));
  EXPECT_EQ(fixture.counters().too_big_answers.value(), 2U);
}

TEST(FastPathWorkerSystem, ChangesOfTheCarrierLoseNothing) {
  WEAVE_WORKER_LAB(lab, 3);
  FastPathWorker fixture{lab};
  auto const frame = arp_frame(kNearMac, kOurMac);
  auto& near = fixture.state.neighbours[id_of(2)];
  near.carrier = Carrier::tunnel;
  near.endpoints = fixture.tunnel_to(2);
  fixture.publish();
  ASSERT_TRUE(fixture.kernel->send(captured(frame, 2)));
  EXPECT_EQ(fixture.sleeve.next(), (Named{fixture.us, fixture.near, frame})) << "the kernel was not that far yet";

  TunnelNeighbour const other_end{lab.host(2)};
  lab.host(1).worker->remove_path(fixture.near, ConnectionUid{7});
  ASSERT_TRUE(fixture.kernel->send(captured(frame, 4)));
  EXPECT_EQ(other_end.next_frame(), (std::pair{TunnelId{.source = id_of(1), .destination = id_of(4)}, frame}));

  near.carrier = Carrier::none;
  fixture.publish();
  ASSERT_TRUE(fixture.kernel->send(captured(frame, 2)));
  EXPECT_TRUE(lab.control.run_until([&] { return fixture.counters().no_path.value() == 1; }));
}

TEST(FastPathWorkerSystem, AnUnusableTunnelIsCounted) {
  WEAVE_WORKER_LAB(lab, 3);
  FastPathWorker fixture{lab};
  fixture.state.neighbours[id_of(3)].endpoints.remote = *Ipv4Address::parse("198.51.100.1");
  fixture.publish();
  fixture.sleeve.send(fixture.near, fixture.side, arp_frame(kOurMac, kNearMac));
  EXPECT_TRUE(lab.control.run_until([&] { return fixture.counters().tunnel_failures.value() == 1; }));
}

TEST(FastPathWorkerSystem, TheWorkerChangesSidesWhileItRuns) {
  MacTable kernel_macs{PeerName{1}};
  WEAVE_WORKER_LAB(lab, 2);
  lab.connect_all();
  auto& own = lab.host(1);
  auto const ping = fmt::format("ping -n -q -c 3 -i 0.05 -W 2 {} >/dev/null", lab.host(2).overlay().to_string());
  EXPECT_EQ(own.container->shell(ping), 0);

  WEAVE_ASSERT_OK(UserPort::put(own.net->links(), {.place = UserPortPlace::free_standing}));
  EXPECT_FALSE(own.net->links().find("vethwe-user")->master);
  own.worker->set_mode(WorkerMode::fast_path, kernel_macs);
  auto state = small_state(own, lab.host(2));
  own.worker->set_forwarding(std::make_shared<ForwardingState const>(state));
  {
    test::TagBridge const kernel{own, id_of(2)};
    EXPECT_EQ(own.container->shell(ping), 0);
  }
  EXPECT_EQ(kernel_macs.entries().size(), 1U);
  EXPECT_NE(own.container->shell("ping -n -q -c 1 -W 1 10.32.0.2 >/dev/null"), 0);

  WEAVE_ASSERT_OK(UserPort::put(own.net->links(), {.place = UserPortPlace::bridge}));
  own.worker->set_mode(WorkerMode::bridge, own.macs);
  EXPECT_EQ(own.container->shell(ping), 0);
}

/// A TCP super-frame of 10 pieces as the kernel hands it out, and the header that says so.
struct SuperFrame {
  static constexpr std::size_t kPiece = 1000;
  Bytes payload;
  Bytes frame;
  OffloadHeader header{.flags = OffloadHeader::kNeedsChecksum,
                       .gso_type = OffloadHeader::kTcpV4,
                       .header_length = 54,
                       .gso_size = kPiece,
                       .checksum_start = 34,
                       .checksum_offset = 16};

  SuperFrame() : payload(10 * kPiece) {
    for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = test::stream_byte(i);
    auto const segment = ByteWriter{}.u16(1).u16(2).u32(100).u32(0).u16(0x5010).u16(1000).u32(0).raw(payload).take();
    frame = ipv4_frame(kNearMac, kOurMac, kProtocolTcp, Ipv4View::kDontFragment, segment);
    ChecksumSum sum;
    sum.add_pseudo_header(ByteView{frame}.subspan(26, 8), kProtocolTcp, static_cast<std::uint32_t>(segment.size()));
    store_u16(frame, 34 + 16, sum.folded());
  }
};

TEST(FastPathWorkerSystem, SuperFramesWithTagsAreCut) {
  WEAVE_WORKER_LAB(lab, 3);
  FastPathWorker fixture{lab};
  SuperFrame const super;
  for (int const tags : {1, 2}) {
    auto header = super.header;
    header.header_length = static_cast<std::uint16_t>(header.header_length + 4 * tags);
    header.checksum_start = static_cast<std::uint16_t>(header.checksum_start + 4 * tags);
    ASSERT_TRUE(fixture.kernel->send(tags == 1 ? captured(super.frame, 4) : relayed(super.frame, 3, 4), header));
    Bytes received;
    while (received.size() < super.payload.size()) {
      auto const sent = fixture.sleeve.next();
      ASSERT_TRUE(sent) << tags << " tags, after " << received.size() << " bytes";
      EXPECT_EQ(sent->source, tags == 1 ? fixture.us : fixture.side);
      EXPECT_EQ(sent->destination, kFar);
      EXPECT_EQ(sent->frame.size(), 54 + SuperFrame::kPiece);
      auto const ip = Ipv4View::parse(ByteView{sent->frame}.subspan(14));
      ASSERT_TRUE(ip);
      ChecksumSum sum;
      sum.add_pseudo_header(ip->header().subspan(12, 8), kProtocolTcp,
                            static_cast<std::uint32_t>(ip->payload().size()));
      EXPECT_EQ(sum.add(ip->payload()).folded(), 0xffff);
      auto const tcp = TcpView::parse(ip->payload());
      ASSERT_TRUE(tcp);
      EXPECT_EQ(tcp->sequence(), 100 + received.size());
      received.insert(received.end(), tcp->payload().begin(), tcp->payload().end());
    }
    EXPECT_TRUE(received == super.payload);
  }
  EXPECT_GE(fixture.counters().cut_frames.value(), 10U) << "the kernel has cut them before us";
  EXPECT_EQ(fixture.counters().capture_faults.value(), 0U);
}

TEST(FastPathWorkerSystem, ContainersTalkThroughTags) {
  WEAVE_WORKER_LAB(lab, 2);
  for (auto const& host : lab.hosts) WEAVE_ASSERT_OK(host->use_fast_path());
  lab.connect_all();
  std::vector<std::unique_ptr<test::TagBridge>> kernels;
  for (auto const& host : lab.hosts) {
    auto const& other = lab.host(host->number == 1 ? 2 : 1);
    host->worker->set_forwarding(std::make_shared<ForwardingState const>(small_state(*host, other)));
    kernels.push_back(std::make_unique<test::TagBridge>(*host, id_of(other.number)));
  }
  EXPECT_EQ(test::transfer(lab.host(1), lab.host(2), 5'000'000), 5'000'000U);
  EXPECT_EQ(test::transfer(lab.host(2), lab.host(1), 5'000'000), 5'000'000U);
  auto const& counters = lab.host(1).worker->counters();
  EXPECT_GT(counters.cut_frames.value(), 0U);
  EXPECT_EQ(counters.capture_faults.value(), 0U);
  EXPECT_EQ(counters.injection_failures.value(), 0U);
  EXPECT_EQ(kernels[0]->foreign() + kernels[1]->foreign(), 0U) << "tags of somebody else";
}

} // namespace
} // namespace weave::datapath
