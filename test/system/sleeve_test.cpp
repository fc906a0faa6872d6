#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include "base/async/asio_scheduler.hpp"
#include "datapath/tunnel/sleeve_forwarder.hpp"
#include "datapath/tunnel/sleeve_registry.hpp"
#include "test/system/container_traffic.hpp"

namespace weave::datapath {
namespace {

/// The control part of sleeve on one host with one connection, its control messages carried by hand.
struct SleeveEnd {
  SleeveEnd(boost::asio::io_context& context, Scheduler& time, test::WorkerHost& on)
      : io{context}, scheduler{time}, host{on} {}

  Result<void> start(SleeveEnd& other, bool outbound) {
    if (auto started = host.start(registry.events()); !started) return started;
    host.use_mesh({&other.host});
    TunnelPeer peer;
    peer.remote = other.host.peer;
    peer.connection = ConnectionUid{77};
    peer.outbound = outbound;
    peer.local = Ipv4Endpoint{.address = address, .port = outbound ? std::uint16_t{40000} : test::WorkerHost::kPort};
    peer.endpoint = Ipv4Endpoint{.address = other.address, .port = test::WorkerHost::kPort};
    ForwarderEvents events;
    events.send_control = [this, &other](std::uint8_t tag, Bytes payload) {
      boost::asio::post(io, [&other, tag, payload = std::move(payload)] { other.sleeve->on_control(tag, payload); });
    };
    events.established = [this] { established = true; };
    events.failed = [this](Error) { failed = true; };
    events.health = [](bool) {};
    sleeve = std::make_unique<SleeveForwarder>(
        SleeveForwarder::Dependencies{.scheduler = scheduler, .io = *host.worker, .registry = registry, .logger = {}},
        peer, std::move(events));
    return {};
  }

  boost::asio::io_context& io;
  Scheduler& scheduler;
  test::WorkerHost& host;
  Ipv4Address address = host.underlay();
  SleeveRegistry registry;
  std::unique_ptr<SleeveForwarder> sleeve;
  bool established = false;
  bool failed = false;
};

/// Two hosts whose containers are joined by nothing but sleeve.
struct SleevePair {
  explicit SleevePair(test::WorkerLab& on) : lab{on} {
    for (auto& host : lab.hosts)
      host->post = [this](std::function<void()> call) { boost::asio::post(io, std::move(call)); };
  }
  ~SleevePair() {
    // The order that the daemon keeps: forwarders, workers, registry.
    one.sleeve.reset();
    two.sleeve.reset();
    for (auto& host : lab.hosts) host->worker->stop();
  }
  bool run_until(std::function<bool()> const& done, std::chrono::seconds limit = std::chrono::seconds{10}) {
    auto const end = std::chrono::steady_clock::now() + limit;
    while (!done() && std::chrono::steady_clock::now() < end) io.run_one_for(std::chrono::milliseconds{5});
    return done();
  }
  void connect() {
    WEAVE_ASSERT_OK(one.start(two, true));
    WEAVE_ASSERT_OK(two.start(one, false));
    one.sleeve->confirm();
    two.sleeve->confirm();
  }
  [[nodiscard]] std::string mtu(SleeveEnd const& end) const { return end.sleeve->attributes().at("mtu"); }
  bool settle_at(std::string const& value) {
    return run_until([&] { return one.established && two.established && mtu(one) == value && mtu(two) == value; });
  }

  test::WorkerLab& lab;
  boost::asio::io_context io{1};
  AsioScheduler scheduler{io.get_executor()};
  SleeveEnd one{io, scheduler, lab.host(1)};
  SleeveEnd two{io, scheduler, lab.host(2)};
};

TEST(SleeveSystem, AConnectionIsEstablishedAndFindsItsMtu) {
  WEAVE_WORKER_LAB(lab, 2);
  SleevePair pair{lab};
  pair.connect();
  EXPECT_TRUE(pair.settle_at("1438")) << pair.mtu(pair.one) << " " << pair.mtu(pair.two);
  EXPECT_TRUE(pair.run_until([&] { return pair.one.sleeve->path().fragmentation_trusted; }));
  EXPECT_FALSE(pair.one.failed);
  EXPECT_EQ(test::transfer(lab.host(1), lab.host(2), 2'000'000), 2'000'000U);
}

TEST(SleeveSystem, ASmallUnderlayIsFoundAtOnce) {
  WEAVE_WORKER_LAB(lab, 2, 1400);
  SleevePair pair{lab};
  pair.connect();
  EXPECT_TRUE(pair.settle_at("1338")) << pair.mtu(pair.one) << " " << pair.mtu(pair.two);
}

TEST(SleeveSystem, ASmallLinkBehindARouterIsFoundByIcmp) {
  WEAVE_WORKER_LAB(lab, 2);
  ASSERT_EQ(lab.underlay->shell("ip link set port2 nomaster mtu 1300; ip addr add 198.51.100.254/24 dev port2; "
                                "ip addr add 192.0.2.254/24 dev switch; echo 1 >/proc/sys/net/ipv4/ip_forward"),
            0);
  ASSERT_EQ(lab.host(1).net->shell("ip route add 198.51.100.0/24 via 192.0.2.254"), 0);
  ASSERT_EQ(lab.host(2).net->shell("ip addr flush dev eth0; ip link set eth0 mtu 1300; "
                                   "ip addr add 198.51.100.2/24 dev eth0; ip route add default via 198.51.100.254"),
            0);
  SleevePair pair{lab};
  pair.two.address = *Ipv4Address::parse("198.51.100.2");
  pair.connect();
  EXPECT_TRUE(pair.settle_at("1238")) << pair.mtu(pair.one) << " " << pair.mtu(pair.two);
  EXPECT_EQ(test::transfer(lab.host(1), lab.host(2), 2'000'000), 2'000'000U);
}

} // namespace
} // namespace weave::datapath
