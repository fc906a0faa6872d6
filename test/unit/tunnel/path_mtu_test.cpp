#include "datapath/tunnel/path_mtu.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "test/fakes/virtual_scheduler.hpp"
#include "test/unit/tunnel/vector_list.hpp"

namespace weave::datapath {
namespace {

using namespace std::chrono_literals;
using test::number;

/// A path of which the sender's kernel knows only its own link.
class Path {
 public:
  explicit Path(PathMtuSearch::Config config, std::uint32_t carries = 0)
      : carries_{SleeveMtu{config.encrypted}.mtu(carries)},
        search_{scheduler_,
                {.probe = [this](std::uint32_t mtu) { probe(mtu); },
                 .changed = [this] { ++changes_; },
                 .verified = [this] { ++verified_; }},
                config} {}

  PathMtuSearch& search() { return search_; }
  test::VirtualScheduler& scheduler() { return scheduler_; }
  std::vector<std::uint32_t> const& probes() const { return probes_; }
  int verified() const { return verified_; }
  int changes() const { return changes_; }
  bool answers = true;

 private:
  void probe(std::uint32_t mtu) {
    probes_.push_back(mtu);
    if (answers && mtu <= carries_) scheduler_.post([this, mtu] { search_.acknowledged(mtu); });
  }

  test::VirtualScheduler scheduler_;
  std::uint32_t carries_;
  std::vector<std::uint32_t> probes_;
  int verified_ = 0;
  int changes_ = 0;
  PathMtuSearch search_;
};

void expect_state(boost::json::object const& step, PathMtuSearch const& search) {
  EXPECT_EQ(search.state().candidate, number(step, "candidate"));
  EXPECT_EQ(search.state().high_good, number(step, "high_good"));
  EXPECT_EQ(search.state().low_bad, number(step, "low_bad"));
  if (step.contains("mtu_in_use")) {
    EXPECT_EQ(search.mtu(), number(step, "mtu_in_use"));
    EXPECT_EQ(search.max_payload(), number(step, "max_payload"));
  }
}

/// Lets time pass until the candidate has been given up; returns how many probes it took.
std::size_t wait_for_failure(Path& path, std::uint32_t candidate) {
  auto const started = path.scheduler().now();
  while (path.search().state().candidate == candidate) {
    if (!path.scheduler().step()) break;
  }
  EXPECT_EQ(path.scheduler().now() - started, 2550ms);
  return static_cast<std::size_t>(std::ranges::count(path.probes(), candidate));
}

TEST(PathMtuVectors, Searches) {
  for (auto const* const vector : test::datapath_vectors("sleeve-pmtu-search")) {
    SCOPED_TRACE(test::text(*vector, "name"));
    // The original stops at its floor without asking.
    Path path{{.encrypted = vector->at("encrypted").as_bool(), .search_below_floor = false}};
    path.answers = false;
    for (auto const& item : vector->at("steps").as_array()) {
      auto const& step = item.as_object();
      auto const event = test::text(step, "event");
      if (event == "EMSGSIZE") {
        path.search().too_big(number(step, "kernel_pmtu"));
      } else if (event == "verified") {
        path.search().acknowledged(number(step, "acked"));
      } else {
        ASSERT_EQ(event, "failed");
        EXPECT_EQ(wait_for_failure(path, number(step, "failed_candidate")), number(step, "probes_sent"));
      }
      expect_state(step, path.search());
    }
    EXPECT_FALSE(path.search().searching());
    EXPECT_EQ(path.search().mtu(), number(*vector, "final_mtu"));
    EXPECT_EQ(path.search().max_payload(), number(*vector, "final_max_payload"));
    EXPECT_EQ(path.verified(), 1);
    EXPECT_EQ(path.scheduler().pending(), 0U);
    test::passed(*vector);
  }
}

TEST(PathMtu, NothingIsLimitedBeforeDiscovery) {
  Path path{{}};
  EXPECT_EQ(path.search().mtu(), 65535U);
  EXPECT_EQ(path.search().max_payload(), 65507U);
  EXPECT_FALSE(path.search().searching());
  path.search().acknowledged(59986); // the discovery frame arrived whole
  EXPECT_EQ(path.search().mtu(), 65535U);
  EXPECT_EQ(path.changes(), 0);
}

TEST(PathMtu, FindsTheExactValueOfAnyPath) {
  for (std::uint32_t carries = 576; carries <= 1500; carries += 7) {
    for (bool const encrypted : {false, true}) {
      Path path{{.encrypted = encrypted}, carries};
      path.search().too_big(1500);
      EXPECT_EQ(path.search().mtu(), SleeveMtu{encrypted}.mtu(1500));
      path.scheduler().advance(1min);
      EXPECT_EQ(path.search().mtu(), SleeveMtu{encrypted}.mtu(carries)) << carries;
      EXPECT_FALSE(path.search().searching());
      EXPECT_EQ(path.verified(), 1);
    }
  }
}

TEST(PathMtu, AKernelThatKnowsThePathIsBelievedAtOnce) {
  for (std::uint32_t const carries : {576U, 1400U, 1500U, 9000U}) {
    Path path{{}, carries};
    path.search().too_big(carries);
    path.scheduler().settle();
    EXPECT_EQ(path.search().mtu(), carries - 62);
    EXPECT_EQ(path.probes().size(), 1U);
    EXPECT_EQ(path.verified(), 1);
  }
}

TEST(PathMtu, SearchesAgainWhenTheKernelLearnsOfANarrowerPath) {
  Path path{{}, 1300};
  path.search().too_big(1500);
  path.search().too_big(1450); // while searching, below the candidate
  EXPECT_EQ(path.search().mtu(), 1450U - 62);
  path.search().too_big(1500); // older knowledge
  EXPECT_EQ(path.search().mtu(), 1450U - 62);
  path.scheduler().advance(1min);
  EXPECT_EQ(path.search().mtu(), 1300U - 62);
  path.search().too_big(1450); // of a packet sent before
  EXPECT_FALSE(path.search().searching());
  path.search().too_big(1280);
  path.scheduler().advance(1min);
  EXPECT_EQ(path.search().mtu(), 1280U - 62);
  EXPECT_EQ(path.verified(), 2);
}

TEST(PathMtu, WithoutAnyAnswerItEndsWhereEveryHostCanReceive) {
  Path path{{}, 1500};
  path.answers = false;
  path.search().too_big(1500);
  path.scheduler().advance(2min);
  EXPECT_FALSE(path.search().searching());
  EXPECT_EQ(path.search().mtu(), 576U - 62);
}

TEST(PathMtu, AbsurdValuesOfTheKernelDoNotUnderflow) {
  for (std::uint32_t const absurd : {0U, 1U, 68U, 70U}) {
    Path path{{}};
    path.search().too_big(absurd);
    EXPECT_GE(path.search().mtu(), 8U);
    EXPECT_LT(path.search().mtu(), 100U);
    path.scheduler().advance(1min);
    EXPECT_FALSE(path.search().searching());
  }
}

TEST(PathMtu, UnaskedAcknowledgementsAreIgnored) {
  Path path{{}, 1400};
  path.search().too_big(1500);
  auto const before = path.search().state();
  for (std::uint32_t const value : {0U, 552U, 1437U, 1439U, 65535U}) path.search().acknowledged(value);
  EXPECT_EQ(path.search().state().candidate, before.candidate);
  EXPECT_EQ(path.search().state().high_good, before.high_good);
}

TEST(PathMtu, NoProbeIsLongerThanAnIpPacketCanBe) {
  for (std::uint32_t const claimed : {65535U, 65536U, 65577U, 0xffff'ffffU}) {
    Path path{{}, claimed};
    path.search().too_big(claimed);
    ASSERT_FALSE(path.probes().empty()) << claimed;
    EXPECT_LE(path.probes().front() + SleeveMtu{}.total_overhead(), kMaxIpPacket) << claimed;
  }
}

} // namespace
} // namespace weave::datapath
