#include "datapath/tunnel/path_quality.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "datapath/tunnel/sleeve_special.hpp"
#include "test/fakes/virtual_scheduler.hpp"

namespace weave::datapath {
namespace {

using namespace std::chrono_literals;

TEST(RoundTripEstimator, FollowsTheFormulasOfRfc6298) {
  RoundTripEstimator estimator;
  EXPECT_FALSE(estimator.smoothed());
  estimator.sample(100ms);
  EXPECT_EQ(estimator.smoothed(), 100ms);
  EXPECT_EQ(estimator.variation(), 50ms);
  estimator.sample(180ms);
  EXPECT_EQ(estimator.variation(), 57500us); // 3/4 * 50 + 1/4 * 80
  EXPECT_EQ(estimator.smoothed(), 110ms);    // 7/8 * 100 + 1/8 * 180
  for (int i = 0; i < 100; ++i) estimator.sample(20ms);
  EXPECT_NEAR(std::chrono::duration<double>{*estimator.smoothed()}.count(), 0.020, 1e-5);
  EXPECT_LT(estimator.variation(), 100us);
}

void arrive(LossWindow& window, std::vector<std::uint32_t> const& sequences) {
  for (auto const sequence : sequences) window.arrived(sequence);
}

TEST(LossWindow, CountsGaps) {
  LossWindow window{10};
  EXPECT_FALSE(window.ratio());
  arrive(window, {7});
  EXPECT_EQ(window.ratio(), 0.0);
  arrive(window, {9, 10, 11});
  EXPECT_EQ(window.ratio(), 0.2);
  EXPECT_EQ(window.lost(), 1U) << "three later ones have come in";
  EXPECT_EQ(window.received(), 4U);
  arrive(window, {12, 13, 14, 15, 16, 17, 18});
  EXPECT_EQ(window.ratio(), 0.0) << "only the last ten count";
  EXPECT_EQ(window.lost(), 1U);
  arrive(window, {1018});
  EXPECT_EQ(window.ratio(), 7.0 / 8);
  EXPECT_EQ(window.lost(), 998U) << "two may still be late";
  arrive(window, {1019, 1020, 1021});
  EXPECT_EQ(window.lost(), 1000U);
}

TEST(LossWindow, IsNotDeceivedByOrderAndDoubles) {
  LossWindow window{10};
  arrive(window, {1, 3, 2, 2, 3, 4, 6, 7, 5});
  EXPECT_EQ(window.ratio(), 0.0);
  EXPECT_EQ(window.lost(), 0U);
  EXPECT_EQ(window.received(), 7U);
  arrive(window, {0}); // before the first one we know
  EXPECT_EQ(window.received(), 7U);
  arrive(window, {9});
  EXPECT_EQ(window.ratio(), 0.0);
  arrive(window, {10, 11});
  EXPECT_EQ(window.ratio(), 0.1);
  arrive(window, {8}); // too late to be in time, but here
  EXPECT_EQ(window.ratio(), 0.0);
  EXPECT_EQ(window.lost(), 1U);
  EXPECT_EQ(window.received(), 10U);
}

TEST(LossWindow, WrapsAroundAndStartsAnew) {
  LossWindow window{10};
  arrive(window, {0xffff'fffe, 0xffff'ffff, 1, 2, 3});
  EXPECT_EQ(window.lost(), 1U);
  EXPECT_EQ(window.ratio(), 1.0 / 6);
  arrive(window, {0x4000'0000});
  EXPECT_EQ(window.ratio(), 0.0);
  EXPECT_EQ(window.lost(), 1U);
  arrive(window, {1});
  EXPECT_EQ(window.ratio(), 0.0);
  EXPECT_EQ(window.lost(), 1U);
}

TEST(LossWindow, WhatIsOverdueIsLostUntilItComes) {
  LossWindow window{8};
  arrive(window, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  EXPECT_EQ(window.ratio(3), 0.0) << "these may only be late";
  EXPECT_EQ(window.ratio(4), 1.0 / 5);
  EXPECT_EQ(window.ratio(7), 4.0 / 5);
  EXPECT_EQ(window.ratio(8), 1.0);
  EXPECT_EQ(window.ratio(4'000'000'000), 1.0);
  EXPECT_EQ(window.ratio(), 0.0);
  LossWindow largest{LossWindow::kLargest};
  for (std::uint32_t sequence = 1; sequence <= 200; ++sequence) largest.arrived(sequence);
  EXPECT_EQ(largest.ratio(), 0.0);
  EXPECT_EQ(largest.ratio(33), 30.0 / 61);
}

TEST(PathEchoCodec, KeepsAllAndTellsNothingFromZero) {
  Bytes bytes(kPathEchoSize, 0xaa);
  PathEcho const echo{.sequence = 0x1234'5678, .held = 399'000, .lost = 2000};
  encode_path_echo(bytes, echo);
  EXPECT_EQ(decode_path_echo(bytes), echo);
  EXPECT_FALSE(decode_path_echo(ByteView{bytes}.first(kPathEchoSize - 1)));
  encode_path_echo(bytes, std::nullopt);
  EXPECT_FALSE(decode_path_echo(bytes));
  encode_path_echo(bytes, PathEcho{.lost = 10'001});
  EXPECT_FALSE(decode_path_echo(bytes));
}

TEST(SleeveProbeCodec, KeepsAllAndRefusesOthers) {
  SleeveProbe const probe{.uid = ConnectionUid{77}, .sequence = 9, .interval_ms = 10'000, .echo = PathEcho{.held = 5}};
  auto frame = make_probe(probe);
  EXPECT_EQ(frame.size(), kSleeveProbeSize);
  EXPECT_EQ(special_kind(frame.size()), SpecialKind::path_mtu_test) << "for peers that do not know probes";
  EXPECT_EQ(read_probe(frame), probe);
  frame.resize(kLongestSleeveProbe);
  EXPECT_EQ(read_probe(frame), probe) << "a later version appends";
  frame.resize(kLongestSleeveProbe + 1);
  EXPECT_FALSE(read_probe(frame));
  EXPECT_FALSE(read_probe(Bytes(kSleeveProbeSize)));
  EXPECT_FALSE(read_probe(ByteView{make_probe(probe)}.first(kSleeveProbeSize - 1)));
  EXPECT_FALSE(read_probe(make_heartbeat(probe.uid)));
}

/// Two ends that send probes at their own times over a path with latency, jitter (so that probes overtake each other)
/// and loss, different for each direction.
class Simulation {
 public:
  struct Direction {
    Duration latency = 5ms;
    Duration jitter{};
    int loss_percent = 0;
  };
  static constexpr Duration kInterval = 400ms;

  explicit Simulation(unsigned seed, std::uint32_t first = 1) : random_{seed} {
    for (auto& end : ends_) end.next = first;
  }
  void run(Duration time) {
    if (!started_) {
      started_ = true;
      send(0);
      // Probes of the two ends do not leave at the same time.
      starts_ = scheduler_.after(137ms, [this] { send(1); });
    }
    scheduler_.advance(time);
  }
  void restart(int which) {
    ends_[which].probes = PathProbes{40};
    ends_[which].next = 1;
  }
  PathQuality quality(int which) const { return ends_[which].probes.quality(scheduler_.now()); }

  Direction directions[2]; ///< from end 0, from end 1
  bool silent[2] = {};

 private:
  struct End {
    PathProbes probes{40};
    std::uint32_t next = 1;
    Timer timer;
  };
  int below(int bound) { return std::uniform_int_distribution{0, bound - 1}(random_); }

  void send(int from) {
    auto& end = ends_[from];
    end.timer = scheduler_.after(kInterval, [this, from] { send(from); });
    if (silent[from]) return;
    auto const sequence = end.next++;
    auto const echo = end.probes.echo(scheduler_.now());
    end.probes.sent(sequence, scheduler_.now());
    auto const& way = directions[from];
    if (below(100) < way.loss_percent) return;
    auto const jitter = way.jitter * below(1000) / 1000;
    flying_.push_back(scheduler_.after(way.latency + jitter, [this, from, sequence, echo] {
      ends_[1 - from].probes.received(sequence, echo, kInterval, scheduler_.now());
    }));
  }

  std::minstd_rand random_;
  test::VirtualScheduler scheduler_;
  End ends_[2];
  bool started_ = false;
  Timer starts_;
  std::vector<Timer> flying_;
};

double milliseconds(std::optional<Duration> duration) {
  return duration ? std::chrono::duration<double, std::milli>{*duration}.count() : -1;
}

TEST(PathProbes, TheTimeThatAProbeIsHeldIsNoPartOfTheRoundTrip) {
  Simulation path{1};
  path.directions[0].latency = 30ms;
  path.directions[1].latency = 12ms;
  EXPECT_FALSE(path.quality(0).round_trip);
  path.run(20s);
  for (int const end : {0, 1}) {
    EXPECT_NEAR(milliseconds(path.quality(end).round_trip), 42, 0.01);
    EXPECT_LT(milliseconds(path.quality(end).variation), 0.1);
    EXPECT_EQ(path.quality(end).lost_in, 0.0);
    EXPECT_EQ(path.quality(end).lost_out, 0.0);
    EXPECT_EQ(path.quality(end).lost, 0U);
  }
  EXPECT_EQ(path.quality(0).sent, 51U);
}

TEST(PathProbes, EachEndKnowsTheLossOfBothDirections) {
  double found = 0;
  constexpr int kSeeds = 40;
  for (unsigned seed = 1; seed <= kSeeds; ++seed) {
    Simulation path{seed, 0xffff'ff80};
    path.directions[0] = {.latency = 20ms, .jitter = 10ms, .loss_percent = 20};
    path.directions[1] = {.latency = 20ms, .jitter = 900ms}; // up to two overtake
    path.run(120s);
    auto const sender = path.quality(0);
    auto const receiver = path.quality(1);
    EXPECT_EQ(receiver.lost_out, 0.0) << seed;
    EXPECT_EQ(sender.lost, 0U) << seed;
    EXPECT_NEAR(*sender.lost_out, *receiver.lost_in, 0.15) << seed;
    EXPECT_GE(milliseconds(sender.round_trip), 40) << seed;
    EXPECT_LE(milliseconds(sender.round_trip), 960) << seed;
    EXPECT_LE(receiver.received + receiver.lost, 301U) << seed;
    EXPECT_GE(receiver.received + receiver.lost, 290U) << seed;
    found += static_cast<double>(receiver.lost) / static_cast<double>(receiver.received + receiver.lost);

    path.directions[0].loss_percent = 0;
    path.run(Simulation::kInterval * 42);
    EXPECT_EQ(path.quality(1).lost_in, 0.0) << seed;
    path.run(2s);
    EXPECT_EQ(path.quality(0).lost_out, 0.0) << seed;
  }
  EXPECT_NEAR(found / kSeeds, 0.2, 0.01);
}

TEST(PathProbes, SilenceIsLoss) {
  Simulation path{3};
  path.run(20s);
  path.silent[1] = true;
  path.run(Simulation::kInterval - 100ms);
  EXPECT_EQ(path.quality(0).lost_in, 0.0) << "it may be late";
  path.run(8s + 3 * Simulation::kInterval);
  EXPECT_NEAR(*path.quality(0).lost_in, 0.5, 0.05);
  path.run(60s);
  EXPECT_EQ(path.quality(0).lost_in, 1.0);
  EXPECT_EQ(path.quality(0).lost, 0U) << "nothing tells that any was sent";
}

TEST(PathProbes, AnEndThatStartsAnewIsNoLoss) {
  Simulation path{4, 3'000'000};
  path.run(20s);
  path.restart(1);
  path.run(1s);
  EXPECT_EQ(path.quality(0).lost_in, 0.0);
  EXPECT_EQ(path.quality(0).lost, 0U);
  path.run(20s);
  EXPECT_EQ(path.quality(0).lost_in, 0.0);
  EXPECT_NEAR(milliseconds(path.quality(1).round_trip), 10, 0.01);
}

TEST(PathProbes, WhatCannotBeIsIgnored) {
  PathProbes probes{40};
  TimePoint const start{};
  probes.sent(5, start);
  probes.received(1, PathEcho{.sequence = 4}, 400ms, start + 10ms);                 // never sent
  probes.received(2, PathEcho{.sequence = 5, .held = 50'000}, 400ms, start + 20ms); // held for longer than it took
  EXPECT_FALSE(probes.quality(start).round_trip);
  probes.sent(6, start + 30ms);
  probes.received(3, PathEcho{.sequence = 6, .held = 1000}, 0ms, start + 41ms);
  EXPECT_EQ(probes.quality(start + 10s).round_trip, 10ms);
  EXPECT_EQ(probes.quality(start + 10s).lost_in, 0.0) << "no interval: nothing is overdue";
  probes.received(4, PathEcho{.sequence = 6, .held = 1000}, 0ms, start + 99ms);
  EXPECT_EQ(probes.quality(start + 10s).round_trip, 10ms) << "a probe counts once";
}

} // namespace
} // namespace weave::datapath
