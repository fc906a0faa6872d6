#include "datapath/tunnel/path_mtu.hpp"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "test/fakes/virtual_scheduler.hpp"
#include "test/unit/tunnel/vector_list.hpp"

namespace weave::datapath {
namespace {

using namespace std::chrono_literals;
using test::number;

/// A path with latency and loss, between a device whose MTU the kernel knows and a remote that acknowledges by TCP.
class Path {
 public:
  explicit Path(std::uint32_t path_mtu, bool encrypted = false, std::uint64_t seed = 1)
      : carries{path_mtu},
        random_{seed},
        sizes_{encrypted},
        found_{scheduler_,
               {.test = [this](std::uint32_t mtu, bool past_kernel) { transmit(mtu, past_kernel); },
                .changed =
                    [this] {
                      lowest_ = std::min(lowest_, found_.mtu());
                      ++changes_;
                    },
                .verified = [this] { ++verified_; },
                .forget =
                    [this] {
                      ++forgotten_;
                      if (may_forget) remembered = device;
                    },
                .large_packets = [this] { return large_; }},
               encrypted} {}

  /// As the packet that is sent first, longer than any device carries.
  void discover() { found_.too_big(std::min(device, remembered)); }
  /// For some time, sending a full packet each 10 ms if `busy`.
  void run(Duration time, bool busy = false) {
    for (Duration passed{}; passed < time; passed += 10ms) {
      if (busy) send_full();
      scheduler_.advance(10ms);
    }
  }
  /// How long until it is `mtu`, in use; at most 60 s.
  Duration until(std::uint32_t mtu) {
    auto const from = scheduler_.now();
    while (found_.mtu() != mtu && scheduler_.now() - from < 60s) run(10ms, true);
    return scheduler_.now() - from;
  }
  [[nodiscard]] std::uint32_t right() const { return sizes_.mtu(std::min(carries, device)); }

  PathMtu& found() { return found_; }
  test::VirtualScheduler& scheduler() { return scheduler_; }
  std::vector<std::uint32_t> const& tests() const { return tests_; }
  int verified() const { return verified_; }
  int changes() const { return changes_; }
  int forgotten() const { return forgotten_; }
  std::uint32_t lowest() const { return lowest_; }
  void watch_lowest() { lowest_ = found_.mtu(); }

  std::uint32_t carries;
  std::uint32_t device = 1500;
  std::uint32_t remembered = 65535;
  bool icmp = false;
  bool may_forget = true;
  bool cut = false;
  Duration round_trip = 2ms;
  unsigned loss_percent = 0;

 private:
  void send_full() {
    auto const size = std::min(found_.mtu() + sizes_.total_overhead(), kMaxIpPacket);
    ++large_;
    if (size > std::min(device, remembered))
      found_.too_big(std::min(device, remembered));
    else if (size > carries && icmp)
      remembered = std::min(remembered, carries);
  }
  void transmit(std::uint32_t mtu, bool past_kernel) {
    tests_.push_back(mtu);
    auto const size = mtu + sizes_.total_overhead();
    auto const known = std::min(device, remembered);
    EXPECT_LE(size, kMaxIpPacket);
    if (size > (past_kernel ? device : known)) return scheduler_.post([this, known] { found_.too_big(known); });
    if (size > carries && icmp) remembered = std::min(remembered, carries);
    if (size > carries || cut || random_.below(100) < loss_percent) return;
    flying_.push_back(scheduler_.after(round_trip, [this, mtu] { found_.acknowledged(mtu); }));
  }

  test::VirtualScheduler scheduler_;
  SeededRandom random_;
  SleeveMtu sizes_;
  std::vector<std::uint32_t> tests_;
  std::vector<Timer> flying_;
  std::uint64_t large_ = 0;
  std::uint32_t lowest_ = kUndiscoveredMtu;
  int verified_ = 0;
  int changes_ = 0;
  int forgotten_ = 0;
  PathMtu found_;
};

/// The original's own searches: ours tests other sizes, but has to find the same.
TEST(PathMtuVectors, Searches) {
  for (auto const* const vector : test::datapath_vectors("sleeve-pmtu-search")) {
    SCOPED_TRACE(test::text(*vector, "name"));
    auto const& first = vector->at("steps").as_array().front().as_object();
    bool const encrypted = vector->at("encrypted").as_bool();
    auto const final_mtu = number(*vector, "final_mtu");
    // It never asks below 552 and says that where nothing was acknowledged; ours then ends at what every host receives.
    bool const floor = final_mtu == 552;
    auto const real = final_mtu + SleeveMtu{encrypted}.total_overhead();
    Path path{floor ? 500 : real, encrypted};
    path.device = number(first, "kernel_pmtu");
    path.discover();
    EXPECT_EQ(path.found().mtu(), number(first, "mtu_in_use"));
    EXPECT_EQ(path.found().max_payload(), number(first, "max_payload"));
    path.run(4s);
    EXPECT_TRUE(path.found().settled());
    EXPECT_EQ(path.found().mtu(), floor ? kSmallestPathMtu - 62 : final_mtu);
    EXPECT_EQ(path.found().max_payload(),
              floor ? kSmallestPathMtu - kOuterHeaders : number(*vector, "final_max_payload"));
    EXPECT_EQ(path.verified(), 1);
    test::passed(*vector);
  }
}

TEST(PathMtu, NothingIsLimitedBeforeDiscovery) {
  Path path{65535};
  path.device = 65535;
  EXPECT_EQ(path.found().mtu(), 65535U);
  EXPECT_EQ(path.found().max_payload(), 65507U);
  path.found().acknowledged(59986); // the discovery frame arrived whole
  path.run(1min, true);
  EXPECT_EQ(path.found().mtu(), 65535U);
  EXPECT_EQ(path.changes(), 0);
  EXPECT_TRUE(path.tests().empty());
}

TEST(PathMtu, FindsTheExactValueOfAnyPath) {
  for (std::uint32_t carries = 576; carries <= 1500; carries += 7) {
    for (bool const encrypted : {false, true}) {
      Path path{carries, encrypted};
      path.discover();
      EXPECT_EQ(path.found().mtu(), SleeveMtu{encrypted}.mtu(1500));
      path.run(2s);
      EXPECT_EQ(path.found().mtu(), path.right()) << carries;
      EXPECT_EQ(path.found().max_payload(), carries - kOuterHeaders);
      EXPECT_TRUE(path.found().settled());
      EXPECT_EQ(path.verified(), 1);
    }
  }
}

TEST(PathMtu, AKernelThatKnowsThePathIsBelievedAtOnce) {
  for (std::uint32_t const carries : {576U, 1400U, 1500U, 9000U}) {
    Path path{carries};
    path.device = 9000;
    path.found().too_big(carries);
    path.run(10ms);
    EXPECT_EQ(path.found().mtu(), carries - 62);
    EXPECT_EQ(path.tests().size(), 1U);
    EXPECT_EQ(path.verified(), 1);
  }
}

TEST(PathMtu, ABlackHoleUnderTrafficIsLeftInTime) {
  for (Duration const round_trip : {1ms, 20ms, 100ms}) {
    for (std::uint32_t const carries : {576U, 900U, 1280U, 1300U, 1303U, 1400U, 1492U, 1499U}) {
      Path path{1500};
      path.round_trip = round_trip;
      path.discover();
      path.run(3s, true);
      path.carries = carries;
      auto const took = path.until(path.right());
      EXPECT_EQ(path.found().mtu(), path.right());
      // A TCP sender tries again after 0.2, 0.6, 1.4 and 3 s.
      EXPECT_LE(took, round_trip < 100ms ? 1400ms : 2000ms) << carries << ' ' << round_trip.count();
      EXPECT_EQ(path.lowest(), path.right()) << "nobody was told of less";
    }
  }
}

TEST(PathMtu, LateAnswersOfOneStepAreNotTakenForTheNext) {
  Path path{1500};
  path.round_trip = 400ms;
  path.discover();
  path.run(5s, true);
  path.carries = 1300;
  path.run(8s, true);
  EXPECT_EQ(path.found().mtu(), 1238U);
  EXPECT_EQ(path.lowest(), 1238U);
}

TEST(PathMtu, WhileASizeIsDoubtfulNothingLongIsFilled) {
  Path path{1500};
  path.discover();
  path.run(3s, true);
  path.carries = 1300;
  path.run(500ms, true);
  EXPECT_EQ(path.found().mtu(), 1438U);
  EXPECT_EQ(path.found().max_payload(), kSmallestPathMtu - kOuterHeaders);
  path.carries = 1500;
  path.run(500ms, true);
  EXPECT_EQ(path.found().mtu(), 1438U);
  EXPECT_EQ(path.found().max_payload(), 1472U);
}

TEST(PathMtu, ABlackHoleThatNobodyMeetsIsFoundToo) {
  Path path{1500};
  path.discover();
  path.run(20s);
  path.carries = 1400;
  path.run(12s);
  EXPECT_EQ(path.found().mtu(), 1338U);
}

TEST(PathMtu, AnIdlePathCostsLittle) {
  Path path{1500};
  path.discover();
  path.run(1min);
  auto const before = path.tests().size();
  path.run(10min);
  EXPECT_LE(path.tests().size() - before, 60U + 2 * 20U);
}

TEST(PathMtu, LossAloneNeverLowersIt) {
  for (unsigned const loss : {1U, 10U, 30U, 50U}) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      Path path{1500, false, seed};
      path.discover();
      path.run(1s, true);
      path.loss_percent = loss;
      path.watch_lowest();
      path.run(5min, true);
      EXPECT_EQ(path.lowest(), 1438U) << loss << "% seed " << seed;
    }
  }
}

TEST(PathMtu, ABlackHoleIsFoundInALossyNetwork) {
  for (unsigned const loss : {5U, 20U, 40U}) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      Path path{1500, false, seed};
      path.discover();
      path.run(1s, true);
      path.loss_percent = loss;
      path.carries = 1300;
      path.run(5s, true);
      EXPECT_LE(path.found().mtu(), 1238U) << loss << "% seed " << seed;
      path.run(1min, true);
      EXPECT_EQ(path.found().mtu(), 1238U) << loss << "% seed " << seed;
    }
  }
}

TEST(PathMtu, WhereNothingPassesNothingIsConcluded) {
  Path path{1500};
  path.discover();
  path.run(1s, true);
  path.cut = true;
  path.run(1min, true);
  EXPECT_EQ(path.found().mtu(), 1438U);
  EXPECT_EQ(path.found().max_payload(), 1472U);
  path.cut = false;
  path.run(1s, true);
  EXPECT_EQ(path.found().mtu(), 1438U);
  EXPECT_EQ(path.verified(), 1);
}

TEST(PathMtu, AWiderPathIsUsedAfterAWhile) {
  for (bool const icmp : {false, true}) {
    for (std::uint32_t const wide : {1301U, 1310U, 1400U, 1500U}) {
      Path path{1300};
      path.icmp = icmp;
      path.discover();
      path.run(2s, true);
      ASSERT_EQ(path.found().mtu(), 1238U);
      path.carries = wide;
      path.run(32s, true);
      EXPECT_EQ(path.found().mtu(), path.right()) << icmp << ' ' << wide;
      EXPECT_EQ(path.forgotten(), icmp ? 1 : 0);
      EXPECT_EQ(path.lowest(), 1238U);
      path.run(1min, true);
      EXPECT_EQ(path.found().mtu(), path.right());
    }
  }
}

TEST(PathMtu, SoonAfterAChangeOrAHint) {
  Path path{1300};
  path.discover();
  path.run(2s, true);
  path.carries = 1400;
  path.run(4500ms, true);
  EXPECT_EQ(path.found().mtu(), 1338U);
  path.run(2min, true);
  path.carries = 1500;
  path.found().ask_for_more();
  path.run(1s, true);
  EXPECT_EQ(path.found().mtu(), 1438U);
}

TEST(PathMtu, AWiderDeviceIsNoticed) {
  Path path{9000};
  path.device = 1400;
  path.discover();
  path.run(2s, true);
  ASSERT_EQ(path.found().mtu(), 1338U);
  path.device = 9000;
  path.run(35s, true);
  EXPECT_EQ(path.found().mtu(), 8938U);
}

TEST(PathMtu, AKernelThatDoesNotForgetHasTheLastWord) {
  Path path{1300};
  path.icmp = true;
  path.may_forget = false;
  path.discover();
  path.run(2s, true);
  path.carries = 1500;
  path.run(1min, true);
  EXPECT_EQ(path.found().mtu(), 1238U);
}

TEST(PathMtu, MessagesOfTheKernelThatAreOlderThanWhatIsKnownChangeNothing) {
  Path path{1300};
  path.discover();
  path.run(2s);
  path.found().too_big(1450); // of a packet sent before
  path.found().too_big(1300);
  EXPECT_TRUE(path.found().settled());
  EXPECT_EQ(path.found().mtu(), 1238U);
  path.carries = 1280;
  path.found().too_big(1280);
  path.run(1s);
  EXPECT_EQ(path.found().mtu(), 1280U - 62);
  EXPECT_EQ(path.verified(), 2);
}

TEST(PathMtu, AbsurdValuesOfTheKernelDoNotUnderflowAndDoNotLast) {
  for (std::uint32_t const absurd : {0U, 1U, 68U, 70U}) {
    Path path{1500};
    path.discover();
    path.run(1s);
    path.found().too_big(absurd);
    EXPECT_GE(path.found().mtu(), 8U);
    EXPECT_LT(path.found().mtu(), 100U);
    path.run(1min);
    EXPECT_TRUE(path.found().settled());
    EXPECT_EQ(path.found().mtu(), 1438U);
  }
}

TEST(PathMtu, NoTestMeansSomethingElse) {
  for (std::uint32_t const carries : {60048U, 60049U, 60050U, 60051U, 65535U}) {
    Path path{carries};
    path.device = 65535;
    path.discover();
    path.run(2min);
    for (std::uint32_t const forbidden : {8U, 59987U}) EXPECT_EQ(std::ranges::count(path.tests(), forbidden), 0);
    EXPECT_NEAR(path.found().mtu(), path.right(), 1) << carries;
  }
}

TEST(PathMtu, UnaskedAcknowledgementsAreIgnored) {
  Path path{1400};
  path.discover();
  path.cut = true;
  for (std::uint32_t const value : {0U, 552U, 1437U, 1439U, 65535U}) path.found().acknowledged(value);
  EXPECT_FALSE(path.found().settled());
  path.run(10s);
  path.cut = false;
  path.run(2s, true);
  EXPECT_EQ(path.found().mtu(), 1338U);
}

TEST(PathMtu, AfterTheEndNothingIsPending) {
  Path path{1400};
  path.discover();
  path.run(10ms);
  path.found().stop();
  path.scheduler().advance(10ms);
  EXPECT_EQ(path.scheduler().pending(), 0U);
}

} // namespace
} // namespace weave::datapath
