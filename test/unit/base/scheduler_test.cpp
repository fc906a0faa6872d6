#include <vector>

#include <gtest/gtest.h>

#include "test/fakes/virtual_scheduler.hpp"

namespace weave {
namespace {

using namespace std::chrono_literals;

TEST(VirtualScheduler, runs_calls_in_time_order_and_forgets_cancelled_ones) {
  test::VirtualScheduler scheduler;
  std::vector<int> order;
  auto const late = scheduler.after(2s, [&] { order.push_back(2); });
  auto const early = scheduler.after(1s, [&] { order.push_back(1); });
  auto gone = scheduler.after(1s, [&] { order.push_back(9); });
  gone.reset();
  scheduler.post([&] { order.push_back(0); });
  scheduler.advance(1500ms);
  EXPECT_EQ(order, (std::vector{0, 1}));
  scheduler.advance(1s);
  EXPECT_EQ(order, (std::vector{0, 1, 2}));
}

} // namespace
} // namespace weave
