#include "datapath/fastpath/mutual_liveness.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "test/unit/fastpath/fastdp_network.hpp"

namespace weave::datapath {
namespace {

using namespace std::chrono_literals;
using test::FastdpNetwork;

class MutualLivenessTest : public testing::Test {
 protected:
  void establish() {
    net_.connect();
    net_.confirm();
    net_.run(3s);
    ASSERT_TRUE(both("fastdp"));
  }
  bool both(std::string const& best) const { return a_.best() == best && b_.best() == best; }
  /// How long until both hosts use it, in steps of 10 ms.
  Duration until_both(std::string const& best) {
    Duration waited{};
    while (!both(best) && waited < 1min) {
      net_.run(10ms);
      waited += 10ms;
    }
    return waited;
  }

  FastdpNetwork net_;
  FastdpNetwork::Host& a_ = net_.hosts[0];
  FastdpNetwork::Host& b_ = net_.hosts[1];
};

TEST_F(MutualLivenessTest, IsInUseAtOnce) {
  net_.connect();
  net_.confirm();
  net_.run(20ms);
  EXPECT_TRUE(both("fastdp"));
  EXPECT_EQ(a_.tunnel->explanation(), "");
  EXPECT_EQ(a_.established, 1);
  for (auto const* const host : {&a_, &b_}) {
    EXPECT_EQ(std::ranges::count(host->controls_sent, std::pair{7, Bytes{0, 0}}), 1); // once, as to anybody
  }
  auto const sent = a_.path.sent;
  net_.run(40s);
  EXPECT_EQ(a_.path.sent - sent, 100U); // every 400 ms
  EXPECT_EQ(a_.path.last->frame.size(), 1390U);
}

TEST_F(MutualLivenessTest, ABlockIsSeenInTimeWhateverItsDirections) {
  for (auto const& [a_blocked, b_blocked] : {std::pair{true, true}, {true, false}, {false, true}}) {
    for (Duration const phase : {0ms, 130ms, 399ms}) {
      FastdpNetwork net;
      net.connect();
      net.confirm();
      net.run(10s + phase);
      net.hosts[0].blocked = a_blocked;
      net.hosts[1].blocked = b_blocked;
      net.run(1500ms);
      EXPECT_EQ(net.hosts[0].best(), "sleeve");
      EXPECT_EQ(net.hosts[1].best(), "sleeve");
      net.run(1min);
      EXPECT_EQ(net.hosts[0].best(), "sleeve");
      net.hosts[0].blocked = net.hosts[1].blocked = false;
      net.run(1s);
      EXPECT_EQ(net.hosts[0].best(), "fastdp");
      EXPECT_EQ(net.hosts[1].best(), "fastdp");
    }
  }
}

TEST_F(MutualLivenessTest, SaysWhichDirectionIsLost) {
  establish();
  a_.blocked = true;
  net_.run(5s);
  EXPECT_TRUE(
      a_.tunnel->explanation().starts_with("fastdp: peer does not receive our vxlan heartbeats of 1390 bytes since "))
      << a_.tunnel->explanation();
  EXPECT_TRUE(b_.tunnel->explanation().starts_with("fastdp: no vxlan heartbeat from the peer since "));
  b_.blocked = true;
  net_.run(5s);
  EXPECT_TRUE(a_.tunnel->explanation().starts_with("fastdp: no vxlan heartbeat from the peer since "));
  EXPECT_EQ(net_.log->count("no vxlan heartbeat from the peer since"), 1U); // at the change only
  a_.blocked = b_.blocked = false;
  net_.run(450ms);
  EXPECT_TRUE(a_.tunnel->explanation().starts_with("fastdp: vxlan works again since "));
}

TEST_F(MutualLivenessTest, BlockedFromTheStartLeavesSleeveAlone) {
  for (auto const& [a_blocked, b_blocked] : {std::pair{true, true}, {true, false}, {false, true}}) {
    FastdpNetwork net;
    net.hosts[0].blocked = a_blocked;
    net.hosts[1].blocked = b_blocked;
    net.connect();
    net.confirm();
    net.run(10ms);
    for (auto const& host : net.hosts) EXPECT_EQ(host.best(), "sleeve");
    net.run(10s);
    for (auto const& host : net.hosts) {
      EXPECT_EQ(host.best(), "sleeve");
      EXPECT_FALSE(host.tunnel->explanation().empty());
      EXPECT_TRUE(host.errors.empty());
    }
    if (a_blocked && b_blocked) {
      EXPECT_TRUE(
          net.hosts[0].tunnel->explanation().starts_with("fastdp: vxlan heartbeat of 1390 bytes not answered since "));
    }
    net.hosts[0].blocked = net.hosts[1].blocked = false;
    net.run(410ms); // the first time needs no proof of stability
    for (auto const& host : net.hosts) EXPECT_EQ(host.best(), "fastdp");
  }
}

TEST_F(MutualLivenessTest, APathThatComesAndGoesIsTrustedLessAndLess) {
  establish();
  net_.run(1min);
  std::vector<Duration> back;
  for (int round = 0; round < 6; ++round) {
    a_.blocked = true;
    EXPECT_LE(until_both("sleeve"), 1500ms);
    a_.blocked = false;
    back.push_back(until_both("fastdp"));
    net_.run(3s);
  }
  EXPECT_LE(back[0], 1s);
  EXPECT_GE(back[5], 3s);
  for (auto const time : back) EXPECT_LE(time, 4s);
  net_.run(1min); // forgiven
  a_.blocked = true;
  EXPECT_LE(until_both("sleeve"), 1500ms);
  a_.blocked = false;
  EXPECT_LE(until_both("fastdp"), 1s);
}

TEST_F(MutualLivenessTest, ARestartedPeerStartsAnew) {
  establish();
  for (std::uint64_t uid = 100; uid < 103; ++uid) {
    // The connection is gone; late heartbeats of the old one mean nothing to the new.
    net_.connect(uid);
    net_.confirm();
    net_.run(30ms);
    EXPECT_TRUE(both("fastdp"));
    net_.run(2s);
    EXPECT_TRUE(both("fastdp"));
  }
}

TEST_F(MutualLivenessTest, TheSecondToConfirmFindsTheFirstWaiting) {
  net_.connect();
  a_.tunnel->confirm();
  net_.run(20s);
  EXPECT_EQ(a_.best(), "sleeve");
  b_.tunnel->confirm();
  net_.run(900ms);
  EXPECT_TRUE(both("fastdp"));
}

TEST_F(MutualLivenessTest, LossIsNoBlock) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    FastdpNetwork net{seed};
    for (auto& host : net.hosts) host.loss_percent = 5;
    net.connect();
    net.confirm();
    net.run(5s);
    auto const changes = net.hosts[0].bests.size();
    net.run(2min);
    EXPECT_LE(net.hosts[0].bests.size() - changes, 2U) << seed;
    EXPECT_TRUE(net.hosts[0].errors.empty());
  }
}

TEST_F(MutualLivenessTest, TowardsAPeerThatDoesNotAnnounceItThePlainOneIsUsed) {
  b_.announces_liveness = false;
  net_.connect();
  net_.confirm();
  net_.run(1s);
  EXPECT_TRUE(both("fastdp"));
  EXPECT_FALSE(decode_heartbeat(1390, a_.path.last->frame)->liveness);
  EXPECT_EQ(a_.path.sent, 1U);
}

/// Time that passes while this process does not run.
class StalledScheduler final : public Scheduler {
 public:
  [[nodiscard]] TimePoint now() const override { return inner.now() + stalled; }
  [[nodiscard]] WallTime wall_now() const override { return inner.wall_now(); }
  [[nodiscard]] Timer after(Duration delay, std::function<void()> call) override {
    return inner.after(delay, std::move(call));
  }
  void post(std::function<void()> call) override { inner.post(std::move(call)); }

  test::VirtualScheduler inner;
  Duration stalled{};
};

TEST(SilenceTimerTest, OwnAbsenceIsNotTheOthersSilence) {
  StalledScheduler scheduler;
  int calls = 0;
  SilenceTimer timer{scheduler, [&calls] { ++calls; }};
  timer.restart(1s);
  scheduler.stalled = 5s;
  scheduler.inner.advance(1s);
  EXPECT_EQ(calls, 0);
  timer.restart(1s); // what had waited has been read
  scheduler.inner.advance(999ms);
  EXPECT_EQ(calls, 0);
  scheduler.inner.advance(1ms);
  EXPECT_EQ(calls, 1);

  timer.restart(1s);
  scheduler.stalled = 10s;
  scheduler.inner.advance(1s + SilenceTimer::kExtension);
  EXPECT_EQ(calls, 2); // nothing had waited
}

/// One end, with heartbeats made by hand.
class HandmadePeer : public testing::Test {
 protected:
  HandmadePeer() { liveness_.start(); }
  void receive(std::uint32_t sequence, bool hears, std::uint16_t interval = 400, std::uint8_t multiplier = 3) {
    liveness_.on_heartbeat({ConnectionUid{1}, LivenessFields{sequence, interval, multiplier, hears}});
  }

  test::VirtualScheduler scheduler_;
  std::vector<LivenessFields> sent_;
  int established_ = 0;
  std::vector<bool> health_;
  int asked_ = 0;
  std::optional<std::uint32_t> answer_;
  std::vector<std::uint32_t> answered_;
  MutualLiveness liveness_{scheduler_,
                           1390,
                           {.transmit = [this](auto const& fields) { sent_.push_back(*fields); },
                            .established = [this] { ++established_; },
                            .health = [this](bool healthy) { health_.push_back(healthy); },
                            .ask =
                                [this] {
                                  ++asked_;
                                  if (answer_) liveness_.on_answer(*answer_);
                                },
                            .answer = [this](std::uint32_t last_sent) { answered_.push_back(last_sent); }}};
};

TEST_F(HandmadePeer, ADaemonThatDoesNotRunIsNoBlock) {
  receive(5, true);
  scheduler_.advance(999ms);
  EXPECT_EQ(asked_, 0);
  scheduler_.advance(1ms);
  EXPECT_EQ(asked_, 1);
  scheduler_.advance(2s); // it stalls
  EXPECT_TRUE(health_.empty());
  EXPECT_TRUE(sent_.back().hears_you);
  receive(6, true);
  answer_ = 6; // its heartbeats come late, but they come
  scheduler_.advance(3s);
  EXPECT_TRUE(health_.empty());
  answer_ = 7; // may be on its way
  scheduler_.advance(1s);
  EXPECT_TRUE(health_.empty());
  answer_ = 8;
  scheduler_.advance(400ms);
  EXPECT_EQ(health_, std::vector<bool>{false});
  auto const asked = asked_;
  scheduler_.advance(1min);
  EXPECT_EQ(asked_, asked);
}

TEST_F(HandmadePeer, SilenceOnAllWaysLastsFiveSeconds) {
  receive(5, true);
  scheduler_.advance(4999ms);
  EXPECT_TRUE(health_.empty());
  scheduler_.advance(1ms);
  EXPECT_EQ(health_, std::vector<bool>{false});
}

TEST_F(HandmadePeer, AnswersWithItsLast) {
  scheduler_.advance(2s);
  liveness_.on_asked();
  EXPECT_EQ(answered_, std::vector<std::uint32_t>{sent_.back().sequence});
  liveness_.on_answer(1000);                    // not asked, nothing heard yet
  EXPECT_EQ(health_, std::vector<bool>{false}); // since the start
}

TEST_F(HandmadePeer, ChangesOfWhatWeHearAreToldAtOnce) {
  EXPECT_FALSE(sent_.back().hears_you);
  receive(1, false);
  ASSERT_EQ(sent_.size(), 2U);
  EXPECT_TRUE(sent_.back().hears_you);
  EXPECT_EQ(sent_.back().sequence, 2U);
  EXPECT_EQ(established_, 0);
  receive(2, true);
  EXPECT_EQ(established_, 1);
  answer_ = 5;
  scheduler_.advance(1400ms);
  EXPECT_EQ(health_, std::vector<bool>{false});
  EXPECT_FALSE(sent_.back().hears_you);
}

TEST_F(HandmadePeer, TheConfirmationOverTcpProvesNothing) {
  liveness_.on_confirmed();
  receive(1, false);
  EXPECT_EQ(established_, 0);
  scheduler_.advance(1s);
  receive(2, false);
  scheduler_.advance(400ms);
  EXPECT_EQ(health_, std::vector<bool>{false}); // we hear it, it does not hear us
}

TEST_F(HandmadePeer, OvertakenAndRepeatedHeartbeatsAreIgnored) {
  receive(0xffff'fffe, true);
  receive(1, true); // across the wrap
  receive(0xffff'ffff, false);
  receive(1, false);
  EXPECT_TRUE(health_.empty());
  scheduler_.advance(1s);
  answer_ = 4;
  receive(1, true); // an echo does not count as life
  scheduler_.advance(400ms);
  EXPECT_EQ(health_, std::vector<bool>{false});
}

TEST_F(HandmadePeer, TheSenderSaysHowLongSilenceMayLast) {
  answer_ = 100;
  receive(1, true, 1000, 4);
  scheduler_.advance(4499ms);
  EXPECT_TRUE(health_.empty());
  scheduler_.advance(1ms);
  EXPECT_EQ(health_, std::vector<bool>{false});
  receive(2, true, 65535, 255); // within bounds
  scheduler_.advance(10s + 1ms);
  EXPECT_EQ(health_, (std::vector<bool>{false, true, false}));
  receive(3, true, 0, 0);
  scheduler_.advance(300ms);
  EXPECT_EQ(health_.size(), 3U); // down before it was trusted again
  EXPECT_EQ(established_, 1);
}

TEST_F(HandmadePeer, APlainHeartbeatIsASignOfLifeOnly) {
  receive(1, true);
  scheduler_.advance(1s);
  liveness_.on_heartbeat({ConnectionUid{1}, {}});
  scheduler_.advance(1s);
  EXPECT_TRUE(health_.empty());
}

TEST_F(HandmadePeer, AnInterruptionMustBeProvenOver) {
  receive(1, true);
  liveness_.interrupt();
  EXPECT_EQ(health_, std::vector<bool>{false});
  scheduler_.advance(10s);
  EXPECT_EQ(health_.size(), 1U);
  receive(2, true);
  scheduler_.advance(500ms);
  EXPECT_EQ(health_, (std::vector<bool>{false, true}));
}

} // namespace
} // namespace weave::datapath
