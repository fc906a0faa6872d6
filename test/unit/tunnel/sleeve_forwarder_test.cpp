#include "datapath/tunnel/sleeve_forwarder.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "datapath/tunnel/sleeve_special.hpp"
#include "test/unit/tunnel/sleeve_network.hpp"

namespace weave::datapath {
namespace {

using namespace std::chrono_literals;
using test::SleeveNetwork;

constexpr PeerName kFirst{1};
constexpr PeerName kSecond{2};
constexpr ConnectionUid kUid{0x1122'3344'5566'7788};

class SleeveForwarderTest : public testing::Test {
 protected:
  void establish() {
    net_.connect();
    net_.confirm(0);
    net_.confirm(1);
    net_.run(1s);
    ASSERT_TRUE(net_.both_established());
  }
  std::size_t heartbeats(int host) const { return count(host, kHeartbeatSize); }
  std::size_t count(int host, std::size_t size) const {
    return static_cast<std::size_t>(
        std::ranges::count(net_.hosts[host].sent, size, [](auto const& special) { return special.frame.size(); }));
  }
  SleevePath const& path(int host) { return net_.hosts[host].paths.at(host == 0 ? kSecond : kFirst); }
  /// A special frame as the workers of `host` would report it.
  void inject(int host, Bytes frame, Ipv4Endpoint from) {
    net_.hosts[host].events.on_special(host == 0 ? kSecond : kFirst, from, SleeveChannel::df, std::move(frame),
                                       net_.scheduler.now());
  }

  SleeveNetwork net_;
  SleeveNetwork::Host& dialler_ = net_.hosts[0];
  SleeveNetwork::Host& accepter_ = net_.hosts[1];
};

TEST_F(SleeveForwarderTest, EstablishesWhicheverEndConfirmsFirst) {
  for (int const first : {0, 1}) {
    for (Duration const gap : {0ms, 10ms, 700ms, 30'000ms}) {
      SleeveNetwork net;
      net.connect();
      net.confirm(first);
      net.run(gap);
      net.confirm(1 - first);
      net.run(2s);
      EXPECT_TRUE(net.both_established()) << first << ' ' << gap.count();
      EXPECT_EQ(net.hosts[0].mtu(), "1438");
      EXPECT_EQ(net.hosts[1].mtu(), "1438");
    }
  }
}

TEST_F(SleeveForwarderTest, TheAccepterLearnsTheAddressFromTheFirstHeartbeat) {
  net_.connect();
  net_.confirm(1);
  net_.run(5s);
  EXPECT_FALSE(path(1).remote);
  EXPECT_TRUE(accepter_.sent.empty());
  net_.confirm(0);
  net_.run(1ms);
  EXPECT_EQ(path(1).remote, dialler_.address);
  EXPECT_EQ(heartbeats(1), 1U); // at once, not half a second later
}

TEST_F(SleeveForwarderTest, EachMessageOfTheEstablishedStateIsSentOnce) {
  establish();
  for (auto const& host : net_.hosts) {
    EXPECT_EQ(std::ranges::count(host.controls_sent, std::pair{7, Bytes{0, 1}}), 1);
    EXPECT_EQ(std::ranges::count(host.controls_sent, std::pair{7, Bytes{0, 2}}), 1);
    EXPECT_EQ(std::ranges::count(host.controls_sent, std::pair{7, Bytes{0, 3, 0x05, 0x9e}}), 1);
  }
  EXPECT_EQ(count(0, kFragmentationTestSize), 1U);
  EXPECT_EQ(count(0, kDiscoverySize), 1U);
  EXPECT_TRUE(path(0).fragmentation_trusted);
}

TEST_F(SleeveForwarderTest, ChannelsAreThoseOfTheProtocol) {
  establish();
  for (auto const& special : dialler_.sent) {
    bool const fragmentable = special.frame.size() == kFragmentationTestSize;
    EXPECT_EQ(special.channel, fragmentable ? SleeveChannel::fragmentable : SleeveChannel::df);
    EXPECT_EQ(special.peer, kSecond);
    EXPECT_EQ(special.connection, kUid);
  }
}

TEST_F(SleeveForwarderTest, HeartbeatsAreFastUntilConfirmedThenSlow) {
  net_.udp_blocked = true;
  net_.connect();
  net_.confirm(0);
  net_.confirm(1);
  net_.run(10s);
  EXPECT_EQ(heartbeats(0), 21U);
  net_.udp_blocked = false;
  net_.run(1s);
  ASSERT_TRUE(net_.both_established());
  auto const before = heartbeats(0);
  net_.run(60s);
  EXPECT_EQ(heartbeats(0) - before, 6U);
}

TEST_F(SleeveForwarderTest, SpeaksBareTagsWithAPeerWithoutTheFeature) {
  net_.connect(7, std::nullopt);
  net_.confirm(0);
  net_.confirm(1);
  net_.run(1s);
  ASSERT_TRUE(net_.both_established());
  for (auto const& host : net_.hosts) {
    EXPECT_EQ(host.controls_sent.front(), (std::pair{1, Bytes{}}));
    EXPECT_EQ(std::ranges::count(host.controls_sent, std::pair{3, Bytes{0x05, 0x9e}}), 1);
  }
}

TEST_F(SleeveForwarderTest, FollowsAPeerWhoseTranslatedAddressChanges) {
  establish();
  Ipv4Endpoint const moved{Ipv4Address{0xcb007107}, 31000};
  dialler_.address = moved;
  net_.run(11s);
  EXPECT_EQ(path(1).remote, moved);
  EXPECT_EQ(net_.log->count("remote address changed from 192.168.50.1:6783 to 203.0.113.7:31000"), 1U);
  net_.run(10min);
  EXPECT_TRUE(accepter_.errors.empty());
  EXPECT_TRUE(dialler_.errors.empty());
}

TEST_F(SleeveForwarderTest, ForeignHeartbeatsTeachNothing) {
  establish();
  auto const before = path(1);
  Ipv4Endpoint const attacker{Ipv4Address{0x01020304}, 5};
  inject(1, make_heartbeat(ConnectionUid{99}), attacker);
  Bytes not_zero = make_heartbeat(kUid);
  not_zero[0] = 1;
  inject(1, not_zero, attacker);
  EXPECT_EQ(path(1), before);
}

TEST_F(SleeveForwarderTest, SixtySecondsOfSilenceEndIt) {
  establish();
  net_.run(9500ms); // just after the heartbeat that was sent ten seconds after the start
  net_.udp_blocked = true;
  net_.run(59s);
  EXPECT_TRUE(dialler_.errors.empty());
  net_.run(3s);
  EXPECT_EQ(dialler_.errors, std::vector<std::string>{"no working forwarders to 00:00:00:00:00:02(host)"});
  EXPECT_EQ(net_.log->count("sleeve has failed: timed out waiting for UDP heartbeat"), 2U);
  EXPECT_TRUE(dialler_.paths.empty());
  EXPECT_EQ(net_.scheduler.pending(), 0U); // no timer is left behind
}

TEST_F(SleeveForwarderTest, SilenceFromTheStartEndsItToo) {
  net_.udp_blocked = true;
  net_.connect();
  net_.confirm(0);
  net_.confirm(1);
  net_.run(61s);
  EXPECT_EQ(dialler_.errors.size(), 1U);
  EXPECT_EQ(accepter_.errors.size(), 1U);
  EXPECT_EQ(dialler_.established, 0);
}

TEST_F(SleeveForwarderTest, FindsThePathMtuBothWays) {
  struct Case {
    std::uint32_t link;
    std::uint32_t path;
    std::string mtu;
  };
  for (auto const& [link, path, mtu] :
       {Case{1500, 1500, "1438"}, Case{1400, 1400, "1338"}, Case{576, 576, "514"}, Case{9000, 9000, "8938"},
        Case{1500, 1400, "1338"}, Case{9000, 1500, "1438"}, Case{1500, 576, "514"}}) {
    SleeveNetwork net;
    for (auto& host : net.hosts) host.link_mtu = link;
    net.path_mtu = path;
    net.connect();
    net.confirm(0);
    net.confirm(1);
    net.run(2s);
    ASSERT_TRUE(net.both_established());
    net.run(60s);
    for (auto const& host : net.hosts) {
      EXPECT_EQ(host.mtu(), mtu) << link << ' ' << path;
      EXPECT_EQ(std::to_string(host.paths.begin()->second.mtu), mtu);
      EXPECT_EQ(host.paths.begin()->second.max_payload, std::stoul(mtu) + 34);
    }
  }
}

TEST_F(SleeveForwarderTest, ALossyNetworkOnlyTakesLonger) {
  for (unsigned const loss : {10U, 30U, 60U}) {
    SleeveNetwork net;
    net.loss_percent = loss;
    net.path_mtu = 1400;
    net.connect();
    net.confirm(0);
    net.confirm(1);
    net.run(59s);
    EXPECT_TRUE(net.both_established()) << loss;
    for (auto const& host : net.hosts) EXPECT_LE(std::stoi(host.mtu()), 1338) << loss;
  }
}

TEST_F(SleeveForwarderTest, FollowsAPathThatNarrowsAndWidensInUse) {
  for (bool const icmp : {false, true}) {
    SleeveNetwork net;
    net.icmp = icmp;
    net.connect();
    for (int host : {0, 1}) net.confirm(host);
    net.run(10s);
    auto const use = [&net](Duration time) {
      for (Duration passed{}; passed < time; passed += 100ms) {
        for (auto& host : net.hosts) host.paths.begin()->second.large->sent(1000);
        net.run(100ms);
      }
    };
    use(1s);
    net.path_mtu = 1300;
    net.fragments_blocked = true;
    use(1500ms);
    for (auto const& host : net.hosts) {
      EXPECT_EQ(host.mtu(), "1238") << icmp;
      EXPECT_EQ(host.paths.begin()->second.max_payload, 1272U);
      EXPECT_FALSE(host.paths.begin()->second.fragmentation_trusted);
      EXPECT_EQ(host.forgotten, 0);
    }
    net.path_mtu = 1500;
    net.fragments_blocked = false;
    use(7s);
    for (auto const& host : net.hosts) {
      EXPECT_EQ(host.mtu(), "1438") << icmp;
      EXPECT_EQ(host.forgotten, icmp ? 1 : 0);
    }
  }
}

TEST_F(SleeveForwarderTest, WhatIsDoubtfulIsNotFilledAndItsFragmentsAreNotTrusted) {
  establish();
  net_.run(2s);
  ASSERT_TRUE(path(0).fragmentation_trusted);
  net_.path_mtu = 1300;
  net_.fragments_blocked = true;
  path(0).large->sent(1000);
  for (int i = 0; i < 100 && path(0).max_payload == 1472; ++i) net_.run(10ms);
  EXPECT_EQ(path(0).max_payload, 548U);
  EXPECT_EQ(path(0).mtu, 1438U) << "nobody is told yet";
  EXPECT_FALSE(path(0).fragmentation_trusted);
  net_.run(1s);
  EXPECT_EQ(dialler_.mtu(), "1238");
  EXPECT_EQ(path(0).max_payload, 1272U);
  EXPECT_EQ(accepter_.mtu(), "1438") << "each direction is its own sender's";
}

TEST_F(SleeveForwarderTest, AnswersTestsOfAnySizeAtAnyTime) {
  establish();
  net_.run(2s);
  for (std::size_t const size : {14U, 21U, 23U, 512U, 1452U, 60000U, 65487U}) {
    auto const before = accepter_.controls_sent.size();
    inject(1, Bytes(size), dialler_.address);
    net_.run(0s);
    ASSERT_EQ(accepter_.controls_sent.size(), before + 1) << size;
    auto const mtu = size - 14;
    EXPECT_EQ(accepter_.controls_sent.back(),
              (std::pair{7, Bytes{0, 3, static_cast<std::uint8_t>(mtu >> 8), static_cast<std::uint8_t>(mtu & 0xff)}}));
  }
}

TEST_F(SleeveForwarderTest, TrustsFragmentsOnlyWhileTheyArrive) {
  net_.fragments_blocked = true;
  establish();
  EXPECT_FALSE(path(0).fragmentation_trusted);
  net_.fragments_blocked = false;
  net_.run(5min);
  EXPECT_TRUE(path(0).fragmentation_trusted);
  net_.fragments_blocked = true;
  net_.run(5min);
  EXPECT_FALSE(path(0).fragmentation_trusted);
}

TEST_F(SleeveForwarderTest, ErrorsOfSendingAreSurvived) {
  establish();
  for (int i = 0; i < 100; ++i) {
    dialler_.events.on_send_error(kSecond, kUid, Error{ErrorKind::system, "Network is unreachable"});
  }
  net_.run(1s);
  EXPECT_TRUE(dialler_.errors.empty());
  EXPECT_EQ(net_.log->count("Network is unreachable"), 1U);
}

TEST_F(SleeveForwarderTest, ANewerConnectionReplacesTheOlder) {
  establish();
  auto older = std::move(dialler_.tunnel);
  auto older_accepted = std::move(accepter_.tunnel);
  dialler_.established = accepter_.established = 0;
  net_.connect(99);
  net_.confirm(0);
  net_.confirm(1);
  older.reset();
  older_accepted.reset();
  net_.run(1s);
  EXPECT_TRUE(net_.both_established());
  EXPECT_EQ(path(0).connection, ConnectionUid{99});
  EXPECT_EQ(path(1).connection, ConnectionUid{99});
}

TEST_F(SleeveForwarderTest, StoppingLeavesNothingBehind) {
  establish();
  for (auto& host : net_.hosts) {
    host.tunnel.reset();
    EXPECT_TRUE(host.paths.empty());
  }
  inject(0, make_heartbeat(kUid), accepter_.address);
  net_.run(1s);
  EXPECT_EQ(net_.scheduler.pending(), 0U);
}

TEST_F(SleeveForwarderTest, HostileControlMessagesChangeNothing) {
  establish();
  auto const before = path(0);
  auto const sent = dialler_.sent.size();
  for (int round = 0; round < 3; ++round) {
    for (int tag = 0; tag < 256; ++tag) {
      if (tag == 2) continue;
      Bytes body{0, static_cast<std::uint8_t>(tag)};
      body.resize(static_cast<std::size_t>(2 + round), 0xff);
      dialler_.tunnel->on_control(7, body);
    }
  }
  net_.run(0s);
  EXPECT_EQ(path(0), before);
  EXPECT_EQ(dialler_.sent.size(), sent); // a repeated sleeve/1 starts no tests
  EXPECT_EQ(dialler_.established, 1);
}

TEST_F(SleeveForwarderTest, AFloodOfTestsIsAnsweredInModeration) {
  establish();
  net_.run(2s);
  auto const before = accepter_.controls_sent.size();
  for (int i = 0; i < 10000; ++i) inject(1, Bytes(14), {});
  auto almost = make_fragmentation_test();
  almost.back() = 1;
  inject(1, almost, {});
  inject(1, Bytes(3), {});
  net_.run(0s);
  EXPECT_EQ(accepter_.controls_sent.size() - before, 400U);
  EXPECT_EQ(accepter_.controls_sent.back().second, (Bytes{0, 3, 0, 0}));
}

TEST_F(SleeveForwarderTest, RefusesWhatItCannotServe) {
  TunnelPeer peer{.remote = kSecond, .nickname = "x", .short_id = {}, .local = {}, .endpoint = {}, .session_key = {}};
  EXPECT_FALSE(dialler_.kind->prepare(peer, {}));
}

TEST(SleeveEncryption, APathOfAConnectionWithAKeyHasACipherAndRoomForIt) {
  test::SleeveNetwork net;
  net.session_key = std::make_shared<Secret const>(Bytes(32));
  net.connect();
  for (int host : {0, 1}) net.confirm(host);
  net.run(10s);
  ASSERT_TRUE(net.both_established());
  for (auto const& host : net.hosts) {
    EXPECT_EQ(host.mtu(), "1414");
    EXPECT_EQ(host.tunnel->attributes().at("cipher"), "secretbox");
    EXPECT_NE(host.paths.begin()->second.cipher, nullptr);
    EXPECT_EQ(host.paths.begin()->second.max_payload, 1472U);
  }
}

TEST(SleeveEncryption, TheSuiteThatBothHaveIsShownAndTakesNoMoreRoom) {
  test::SleeveNetwork net;
  net.session_key = std::make_shared<Secret const>(Bytes(32));
  net.suites = "aes-256-gcm chacha20-poly1305";
  net.connect();
  for (int host : {0, 1}) net.confirm(host);
  net.run(10s);
  ASSERT_TRUE(net.both_established());
  for (auto const& host : net.hosts) {
    EXPECT_EQ(host.mtu(), "1414");
    EXPECT_EQ(host.tunnel->attributes().at("cipher"), "aes-256-gcm");
  }
  net.session_key.reset();
  net.connect(2);
  EXPECT_FALSE(net.hosts[0].tunnel->attributes().contains("cipher")) << "clear";
}

TEST(SleeveEncryption, EachConnectionHasACipherOfItsOwn) {
  test::SleeveNetwork net;
  net.session_key = std::make_shared<Secret const>(Bytes(32));
  net.connect(1);
  for (int host : {0, 1}) net.confirm(host);
  auto const first = net.hosts[0].paths.begin()->second.cipher;
  net.connect(2);
  for (int host : {0, 1}) net.confirm(host);
  EXPECT_NE(net.hosts[0].paths.begin()->second.cipher, first) << "its counters start again with another key";
}

TEST_F(SleeveForwarderTest, BetweenPeersThatKnowProbesTheyAreTheHeartbeats) {
  net_.probes = true;
  net_.latency = 7ms;
  establish();
  auto const before = heartbeats(0);
  net_.run(60s);
  EXPECT_EQ(heartbeats(0), before) << "no more of the original's";
  EXPECT_NEAR(static_cast<double>(count(0, kSleeveProbeSize)), 120, 2) << "two a second where it is in use";
  EXPECT_TRUE(net_.both_established());
  for (auto const& host : net_.hosts) {
    auto const quality = host.tunnel->qualities().at("sleeve");
    EXPECT_EQ(quality.round_trip, 14ms);
    EXPECT_EQ(quality.lost_in, 0.0);
    EXPECT_EQ(quality.lost_out, 0.0);
    EXPECT_EQ(host.tunnel->attributes().at("rtt"), "14ms");
    EXPECT_EQ(host.tunnel->attributes().at("loss"), "0%");
  }
  net_.loss_percent = 50;
  net_.run(30s);
  EXPECT_NEAR(*net_.hosts[0].tunnel->qualities().at("sleeve").lost_in, 0.5, 0.3);
  net_.loss_percent = 0;
  net_.run(25s);
  EXPECT_EQ(net_.hosts[0].tunnel->attributes().at("loss"), "0%");
}

TEST_F(SleeveForwarderTest, ProbesKeepAnEncryptedConnectionAlive) {
  net_.probes = true;
  net_.session_key = std::make_shared<Secret const>(Bytes(32, 7));
  establish();
  net_.run(300s);
  EXPECT_TRUE(net_.hosts[0].errors.empty());
  EXPECT_TRUE(net_.hosts[0].tunnel->qualities().at("sleeve").round_trip);
}

TEST_F(SleeveForwarderTest, WithAnOriginalPeerNothingIsMeasured) {
  establish();
  net_.run(60s);
  EXPECT_EQ(count(0, kSleeveProbeSize), 0U);
  EXPECT_TRUE(net_.hosts[0].tunnel->qualities().empty());
  EXPECT_FALSE(net_.hosts[0].tunnel->attributes().contains("rtt"));
  inject(0, make_probe({.uid = kUid}), net_.hosts[1].address);
  EXPECT_TRUE(net_.hosts[0].tunnel->qualities().empty());
}

} // namespace
} // namespace weave::datapath
