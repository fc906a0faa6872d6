#include "controller/app/watchdog.hpp"

#include <cstdlib>
#include <string>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "test/fakes/virtual_scheduler.hpp"

namespace weave::controller {
namespace {

using namespace std::chrono_literals;

TEST(Watchdog, gives_several_signs_within_the_limit) {
  test::VirtualScheduler clock;
  std::vector<std::string> told;
  Watchdog watchdog{clock, 10s, [&](std::string_view word) { told.emplace_back(word); }, Logger{}};
  watchdog.start();
  EXPECT_EQ(told, std::vector<std::string>{"WATCHDOG=1"});
  clock.advance(10s);
  EXPECT_EQ(told.size(), 6U);
}

TEST(Watchdog, does_not_spin_for_a_limit_that_nobody_can_keep) {
  test::VirtualScheduler clock;
  int told = 0;
  Watchdog watchdog{clock, 1us, [&](std::string_view) { ++told; }, Logger{}};
  watchdog.start();
  clock.advance(1s);
  EXPECT_EQ(told, 101);
}

TEST(Watchdog, is_silent_where_nobody_waits) {
  test::VirtualScheduler clock;
  int told = 0;
  Watchdog watchdog{clock, std::nullopt, [&](std::string_view) { ++told; }, Logger{}};
  watchdog.start();
  clock.advance(60s);
  EXPECT_EQ(told, 0);
}

TEST(Watchdog, takes_its_limit_from_the_service_manager) {
  auto const limit = [](char const* microseconds, char const* pid) {
    ::setenv("WATCHDOG_USEC", microseconds, 1);
    pid != nullptr ? ::setenv("WATCHDOG_PID", pid, 1) : ::unsetenv("WATCHDOG_PID");
    auto const found = Watchdog::limit_of_process();
    ::unsetenv("WATCHDOG_USEC");
    ::unsetenv("WATCHDOG_PID");
    return found;
  };
  EXPECT_EQ(limit("10000000", nullptr), Duration{10s});
  EXPECT_EQ(limit("10000000", std::to_string(::getpid()).c_str()), Duration{10s});
  EXPECT_EQ(limit("10000000", "1"), std::nullopt) << "meant for another process";
  EXPECT_EQ(limit("0", nullptr), std::nullopt);
  EXPECT_EQ(limit("soon", nullptr), std::nullopt);
  EXPECT_EQ(limit("9223372036854775807", nullptr), Duration{24h}) << "as good as never";
  EXPECT_EQ(Watchdog::limit_of_process(), std::nullopt);
}

} // namespace
} // namespace weave::controller
