#include "datapath/tunnel/io/packet_worker.hpp"

#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include "datapath/tunnel/io/socket_address.hpp"
#include "datapath/tunnel/sleeve_special.hpp"
#include "test/system/worker_host.hpp"

namespace weave::datapath {
namespace {

using test::WorkerHost;

std::string ping(WorkerHost const& to, int size, std::string const& more = {}) {
  return fmt::format("ping -n -q -c 3 -i 0.05 -W 2 -s {} {} {} >/dev/null 2>&1", size, more, to.overlay().to_string());
}

/// A UDP packet from inside `host`, from any port, to the sleeve port of `to`.
void send_udp(WorkerHost const& host, WorkerHost const& to, ByteView payload) {
  (void)host.net->run([&]() -> Result<void> {
    UniqueFd const socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    auto const address = to_sockaddr(to.endpoint());
    EXPECT_EQ(::sendto(socket.get(), payload.data(), payload.size(), 0, reinterpret_cast<sockaddr const*>(&address),
                       sizeof address),
              static_cast<ssize_t>(payload.size()));
    return {};
  });
}

TEST(PacketWorkerSystem, ContainersPingWithSmallFullAndFragmentedPackets) {
  WEAVE_WORKER_LAB(lab, 2);
  lab.connect_all();
  for (int const size : {56, 1400, 10000}) {
    EXPECT_EQ(lab.host(1).container->shell(ping(lab.host(2), size)), 0) << size;
    EXPECT_EQ(lab.host(2).container->shell(ping(lab.host(1), size)), 0) << size;
  }
  auto const& counters = lab.host(1).worker->counters();
  EXPECT_GT(counters.sent_frames.value(), 0U);
  EXPECT_EQ(counters.send_failures.value(), 0U);
  EXPECT_EQ(counters.too_big_packets.value(), 0U);
  EXPECT_EQ(counters.malformed_packets.value(), 0U);
  EXPECT_EQ(counters.injection_failures.value(), 0U);
}

TEST(PacketWorkerSystem, AFrameBeyondThePathIsFragmentedHereUnlessTheKernelMay) {
  WEAVE_WORKER_LAB(lab, 2);
  lab.connect_all(700, 734);
  // 1376-byte pieces without DF: two fragments each, on the df channel.
  EXPECT_EQ(lab.host(1).container->shell(ping(lab.host(2), 10000)), 0);
  auto const fragments = lab.host(1).worker->counters().fragments.value();
  EXPECT_GT(fragments, 15U);
  for (auto* host : {&lab.host(1), &lab.host(2)}) {
    auto path = host->path_to(lab.host(host->number == 1 ? 2 : 1));
    path.mtu = 700;
    path.max_payload = 734;
    path.fragmentation_trusted = true;
    host->worker->set_path(path);
  }
  EXPECT_EQ(lab.host(1).container->shell(ping(lab.host(2), 10000)), 0);
  EXPECT_EQ(lab.host(1).worker->counters().fragments.value(), fragments);
}

TEST(PacketWorkerSystem, TheSenderOfADfPacketThatIsTooBigIsTold) {
  WEAVE_WORKER_LAB(lab, 2);
  lab.connect_all(1000, 1034);
  EXPECT_EQ(lab.host(1).container->shell(ping(lab.host(2), 900, "-M do")), 0);
  EXPECT_NE(lab.host(1).container->shell(ping(lab.host(2), 1200, "-M do")), 0);
  EXPECT_EQ(lab.host(1).container->shell(
                fmt::format("ip route get {} | grep -q 'mtu 1000'", lab.host(2).overlay().to_string())),
            0);
  EXPECT_GT(lab.host(1).worker->counters().too_big_answers.value(), 0U);
}

TEST(PacketWorkerSystem, TheKernelsPathMtuIsReported) {
  WEAVE_WORKER_LAB(lab, 2, 1400, 1500);
  std::uint32_t reported = 0;
  PeerName about;
  auto& host = lab.host(1);
  ASSERT_TRUE(host.start({.on_special = {},
                          .on_too_big =
                              [&](PeerName peer, ConnectionUid connection, std::uint32_t path_mtu) {
                                EXPECT_EQ(connection, ConnectionUid{7});
                                about = peer;
                                reported = path_mtu;
                              },
                          .on_send_error = {}}));
  host.use_mesh({&lab.host(2)});
  host.worker->set_path(host.path_to(lab.host(2)));
  host.worker->send_special({.peer = lab.host(2).peer,
                             .connection = ConnectionUid{7},
                             .channel = SleeveChannel::df,
                             .frame = make_discovery()});
  EXPECT_TRUE(lab.control.run_until([&] { return reported != 0; }));
  EXPECT_EQ(reported, 1400U);
  EXPECT_EQ(about, lab.host(2).peer);

  // A container's frame that is too long for the underlay does the same.
  reported = 0;
  ASSERT_TRUE(lab.host(2).start({}));
  lab.host(2).use_mesh({&host});
  lab.host(2).worker->set_path(lab.host(2).path_to(host));
  ASSERT_EQ(host.container->shell(ping(lab.host(2), 56)), 0);
  (void)host.container->shell(ping(lab.host(2), 1450, "-M do"));
  EXPECT_TRUE(lab.control.run_until([&] { return reported != 0; }));
  EXPECT_EQ(reported, 1400U);
}

TEST(PacketWorkerSystem, SpecialFramesComeFromTheRouterPortAndTheConnectionsAddress) {
  WEAVE_WORKER_LAB(lab, 2);
  ASSERT_EQ(lab.host(1).net->shell("ip addr add 192.0.2.101/24 dev eth0"), 0);
  std::vector<std::pair<Ipv4Endpoint, std::size_t>> seen;
  ASSERT_TRUE(
      lab.host(2).start({.on_special =
                             [&](PeerName peer, Ipv4Endpoint from, SleeveChannel channel, Bytes frame, TimePoint) {
                               EXPECT_EQ(peer, lab.host(1).peer);
                               EXPECT_EQ(channel, frame.size() == kFragmentationTestSize ? SleeveChannel::fragmentable
                                                                                         : SleeveChannel::df);
                               seen.emplace_back(from, frame.size());
                             },
                         .on_too_big = {},
                         .on_send_error = {}}));
  lab.host(2).worker->set_path(lab.host(2).path_to(lab.host(1)));
  ASSERT_TRUE(lab.host(1).start({}));
  auto path = lab.host(1).path_to(lab.host(2));
  path.local = *Ipv4Address::parse("192.0.2.101");
  lab.host(1).worker->set_path(path);
  auto const special = [&](SleeveChannel channel, Bytes frame) {
    lab.host(1).worker->send_special(
        {.peer = lab.host(2).peer, .connection = ConnectionUid{7}, .channel = channel, .frame = std::move(frame)});
  };
  special(SleeveChannel::df, make_heartbeat(ConnectionUid{7}));
  special(SleeveChannel::df, make_path_mtu_test(1400));
  special(SleeveChannel::fragmentable, make_fragmentation_test());
  EXPECT_TRUE(lab.control.run_until([&] { return seen.size() == 3; }));
  Ipv4Endpoint const from{.address = path.local, .port = WorkerHost::kPort};
  EXPECT_EQ(seen, (std::vector<std::pair<Ipv4Endpoint, std::size_t>>{
                      {from, kHeartbeatSize}, {from, 1414}, {from, kFragmentationTestSize}}));
}

TEST(PacketWorkerSystem, PacketsFromStrangersAreDroppedAndCounted) {
  WEAVE_WORKER_LAB(lab, 2);
  int specials = 0;
  auto& host = lab.host(2);
  ASSERT_TRUE(host.start({.on_special = [&](auto&&...) { ++specials; }, .on_too_big = {}, .on_send_error = {}}));
  host.use_mesh({&lab.host(1)});
  host.worker->set_path(host.path_to(lab.host(1)));
  auto const packet = [](PeerName sender, PeerName source, PeerName destination, ByteView frame) {
    ByteWriter writer;
    writer.u48(sender.value()).u48(source.value()).u48(destination.value());
    return writer.u16(static_cast<std::uint16_t>(frame.size())).raw(frame).take();
  };
  auto const heartbeat = make_heartbeat(ConnectionUid{7});
  Bytes broadcast(60, 0xff);
  broadcast[6] = 2;
  auto const self = host.peer;
  auto const friendly = lab.host(1).peer;
  PeerName const stranger{99};
  auto const& counters = host.worker->counters();
  auto const after = [&](Counter const& counter, std::uint64_t count) {
    return lab.control.run_until([&] { return counter.value() == count; });
  };

  send_udp(lab.host(1), host, packet(stranger, stranger, self, broadcast));
  EXPECT_TRUE(after(counters.unknown_sender, 1));
  send_udp(lab.host(1), host, Bytes{1, 2, 3});
  EXPECT_TRUE(after(counters.malformed_packets, 1));
  auto cut = packet(friendly, friendly, self, broadcast);
  cut.pop_back();
  send_udp(lab.host(1), host, cut);
  EXPECT_TRUE(after(counters.malformed_packets, 2));
  send_udp(lab.host(1), host, packet(friendly, stranger, self, heartbeat));
  send_udp(lab.host(1), host, packet(friendly, friendly, stranger, heartbeat));
  EXPECT_TRUE(after(counters.foreign_specials, 2));
  send_udp(lab.host(1), host, packet(friendly, friendly, stranger, broadcast));
  EXPECT_TRUE(lab.control.run_until([&] { return counters.decisions.count(DropReason::no_route) == 1; }));
  EXPECT_EQ(counters.injected_frames.value(), 0U);
  EXPECT_EQ(specials, 0);

  send_udp(lab.host(1), host, packet(friendly, friendly, self, heartbeat));
  EXPECT_TRUE(lab.control.run_until([&] { return specials == 1; }));
  send_udp(lab.host(1), host, packet(friendly, friendly, self, broadcast));
  EXPECT_TRUE(after(counters.injected_frames, 1));

  host.worker->remove_path(friendly, ConnectionUid{8});
  host.worker->remove_path(friendly, ConnectionUid{7});
  send_udp(lab.host(1), host, packet(friendly, friendly, self, heartbeat));
  EXPECT_TRUE(after(counters.unknown_sender, 2));
}

TEST(PacketWorkerSystem, AFullQueueDoesNotHoldTheControlThread) {
  WEAVE_WORKER_LAB(lab, 1);
  auto& worker = *lab.host(1).worker;
  for (std::size_t i = 0; i < SpecialQueue::kCapacity + 44; ++i) {
    worker.send_special({.peer = PeerName{2},
                         .connection = ConnectionUid{7},
                         .channel = SleeveChannel::df,
                         .frame = make_heartbeat(ConnectionUid{7})});
  }
  EXPECT_EQ(worker.counters().commands_lost.value(), 44U);
  ASSERT_TRUE(lab.host(1).start({}));
  EXPECT_TRUE(lab.control.run_until([&] { return worker.counters().commands_lost.value() == 44 + 256; }))
      << "without a path they are lost";
  EXPECT_FALSE(lab.host(1).start({}));
  worker.stop();
  worker.stop();
}

TEST(PacketWorkerSystem, AnUnreachablePeerIsReportedOnceASecond) {
  WEAVE_WORKER_LAB(lab, 1);
  auto& host = lab.host(1);
  std::vector<std::string> errors;
  ASSERT_TRUE(host.start(
      {.on_special = {}, .on_too_big = {}, .on_send_error = [&](PeerName, ConnectionUid, Error const& error) {
         errors.push_back(error.text());
       }}));
  SleevePath path{.peer = PeerName{2},
                  .connection = ConnectionUid{7},
                  .local = host.underlay(),
                  .remote = Ipv4Endpoint{.address = *Ipv4Address::parse("198.51.100.1"), .port = 6783}};
  host.worker->set_path(path);
  auto routes = std::make_shared<test::FixedRoutes>();
  routes->broadcasts[host.peer] = {PeerName{2}};
  host.worker->set_routes(routes);
  (void)host.container->shell("ping -q -c 3 -i 0.01 -W 1 10.32.0.77 >/dev/null 2>&1");
  EXPECT_TRUE(lab.control.run_until([&] { return host.worker->counters().send_failures.value() >= 3; }));
  EXPECT_GE(errors.size(), 1U);
  EXPECT_LT(errors.size(), 5U);
  EXPECT_EQ(errors.empty() ? "" : errors[0], "send: Network is unreachable");
}

TEST(PacketWorkerSystem, TheMiddleOfAChainRelaysAndPassesBroadcastsOn) {
  WEAVE_WORKER_LAB(lab, 3);
  auto const names = std::vector{lab.host(1).peer, lab.host(2).peer, lab.host(3).peer};
  for (auto& host : lab.hosts) {
    ASSERT_TRUE(host->start({}));
    auto routes = std::make_shared<test::FixedRoutes>();
    bool const middle = host->number == 2;
    for (auto const peer : names) {
      if (peer != host->peer) routes->next_hops[peer] = middle ? peer : names[1];
    }
    routes->broadcasts[host->peer] = middle ? std::vector{names[0], names[2]} : std::vector{names[1]};
    if (middle) routes->broadcasts[names[0]] = {names[2]};
    if (middle) routes->broadcasts[names[2]] = {names[0]};
    host->worker->set_routes(routes);
    for (auto& other : lab.hosts) {
      bool const linked = middle || other->number == 2;
      if (other == host || !linked) continue;
      auto path = host->path_to(*other);
      path.mtu = 1438;
      path.max_payload = 1472;
      host->worker->set_path(path);
    }
  }
  EXPECT_EQ(lab.host(1).container->shell(ping(lab.host(3), 1000)), 0);
  EXPECT_EQ(lab.host(3).container->shell(ping(lab.host(2), 1000)), 0);
  // The pings needed ARP requests to pass the middle.
  EXPECT_TRUE(lab.host(3).macs.find(lab.host(1).container->links().find("ethwe")->mac) == lab.host(1).peer);
  EXPECT_EQ(lab.host(2).worker->counters().no_path.value(), 0U);
}

TEST(PacketWorkerSystem, ADeletedDeviceIsReported) {
  WEAVE_WORKER_LAB(lab, 1);
  ASSERT_TRUE(lab.host(1).start({}));
  WEAVE_ASSERT_OK(lab.host(1).net->links().remove("vethwe-user"));
  EXPECT_TRUE(lab.control.run_until([&] { return lab.host(1).port_failed; }));
}

TEST(PacketWorkerSystem, ThePortIsOurs) {
  WEAVE_SCRATCH_NAMESPACE(host);
  (void)host->run([&]() -> Result<void> {
    auto const first = SleeveSockets::open({.address = {}, .port = 6783});
    EXPECT_TRUE(first);
    auto const second = SleeveSockets::open({.address = {}, .port = 6783});
    EXPECT_FALSE(second);
    EXPECT_EQ(second.error().kind(), ErrorKind::already_exists);
    EXPECT_EQ(second.error().text(), "listen on UDP 0.0.0.0:6783: Address already in use");
    EXPECT_EQ(SleeveSockets::path_mtu({}, {.address = *Ipv4Address::parse("127.0.0.1"), .port = 1}), 65535U);
    return {};
  });
}

} // namespace
} // namespace weave::datapath
