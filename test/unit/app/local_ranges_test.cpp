#include "controller/app/local_ranges.hpp"

#include <algorithm>
#include <optional>

#include <gtest/gtest.h>

#include "test/fakes/log_recorder.hpp"
#include "test/fakes/virtual_scheduler.hpp"

namespace weave::controller {
namespace {

using namespace std::chrono_literals;

Ipv4Cidr cidr(char const* text) { return Ipv4Cidr::parse(text).value(); }
Ipv4Range range(char const* text) { return cidr(text).range(); }

/// What a test may look at after the set has gone to its owner.
struct KernelState {
  std::vector<Ipv4Cidr> entries;
  std::vector<std::string> calls;
  std::optional<Error> failure;
};

class FakeSet final : public datapath::AddressSet {
 public:
  explicit FakeSet(KernelState& kernel) : kernel_{kernel} {}

  Result<std::vector<Ipv4Cidr>> entries() override {
    if (kernel_.failure) return std::unexpected{*kernel_.failure};
    return kernel_.entries;
  }
  Result<void> add(Ipv4Cidr cidr) override {
    kernel_.calls.push_back("+" + cidr.to_string());
    kernel_.entries.push_back(cidr);
    std::ranges::sort(kernel_.entries);
    return {};
  }
  Result<void> remove(Ipv4Cidr cidr) override {
    kernel_.calls.push_back("-" + cidr.to_string());
    std::erase(kernel_.entries, cidr);
    return {};
  }

 private:
  KernelState& kernel_;
};

class LocalRangesTest : public testing::Test {
 protected:
  std::shared_ptr<test::LogRecorder> log = std::make_shared<test::LogRecorder>();
  test::VirtualScheduler scheduler;
  KernelState kernel;
  std::vector<std::vector<Ipv4Cidr>> told;
  LocalRanges::Tell tell = [this](auto cidrs) { told.push_back(std::move(cidrs)); };
  LocalRanges ranges{std::make_unique<FakeSet>(kernel), tell, scheduler, Logger{log}};
};

TEST_F(LocalRangesTest, add_before_they_remove) {
  ranges.follow({range("10.32.0.0/12")});
  ranges.follow({range("10.32.0.0/13"), range("10.40.0.0/14")});
  EXPECT_EQ(kernel.calls,
            (std::vector<std::string>{"+10.32.0.0/12", "+10.32.0.0/13", "+10.40.0.0/14", "-10.32.0.0/12"}));
  ranges.follow({});
  EXPECT_TRUE(kernel.entries.empty());
}

TEST_F(LocalRangesTest, are_told_whether_or_not_there_is_a_set) {
  ranges.follow({range("10.32.0.0/13"), range("10.40.0.0/13")});
  LocalRanges setless{nullptr, tell, scheduler, Logger{log}};
  setless.follow({range("10.32.0.0/14")});
  EXPECT_EQ(told, (std::vector<std::vector<Ipv4Cidr>>{{cidr("10.32.0.0/12")}, {cidr("10.32.0.0/14")}}));
}

TEST_F(LocalRangesTest, correct_what_an_earlier_daemon_left) {
  kernel.entries = {cidr("10.32.0.0/14"), cidr("10.40.0.0/13")};
  ranges.follow({range("10.40.0.0/13"), range("10.36.0.0/14")});
  EXPECT_EQ(kernel.calls, (std::vector<std::string>{"+10.36.0.0/14", "-10.32.0.0/14"}));
}

TEST_F(LocalRangesTest, come_back_after_others_took_them_away) {
  ranges.follow({range("10.32.0.0/13")});
  kernel.entries.clear();
  scheduler.advance(10s);
  EXPECT_EQ(kernel.entries, std::vector{cidr("10.32.0.0/13")});
}

TEST_F(LocalRangesTest, report_a_failure_once_and_go_on_trying) {
  kernel.failure = Error{ErrorKind::system, "no"};
  ranges.follow({range("10.32.0.0/13")});
  scheduler.advance(60s);
  EXPECT_EQ(log->lines(), std::vector<std::string>{"no"});
  kernel.failure.reset();
  scheduler.advance(10s);
  EXPECT_EQ(kernel.entries, std::vector{cidr("10.32.0.0/13")});
  kernel.failure = Error{ErrorKind::system, "no"};
  scheduler.advance(10s);
  EXPECT_EQ(log->count("no"), 2U);
}

} // namespace
} // namespace weave::controller
