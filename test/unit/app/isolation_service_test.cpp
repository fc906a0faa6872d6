#include "controller/app/isolation_service.hpp"

#include <gtest/gtest.h>

#include "test/fakes/poll_watcher.hpp"
#include "test/fakes/virtual_scheduler.hpp"

namespace weave::controller {
namespace {

TEST(IsolationService, TouchesNothingWhileItIsNotKnownWhatRulesOfBeforeAreFor) {
  test::VirtualScheduler scheduler;
  test::PollWatcher watcher;
  // The second obstacle, so that the kernel of this machine is not asked.
  IsolationService isolation{{.scheduler = scheduler, .watcher = watcher, .logger = {}}, "no bridge"};
  plugin::IsolationPlan const plan{{Ipv4Cidr::parse("10.40.0.0/16").value(), {"vethwl1"}}};
  isolation.hold();
  for (auto const& wanted : {plan, plugin::IsolationPlan{}}) {
    auto const held = isolation.apply(wanted);
    ASSERT_FALSE(held);
    EXPECT_EQ(held.error().kind(), ErrorKind::unavailable);
    EXPECT_TRUE(held.error().text().ends_with("try again in a moment")) << held.error().text();
  }
  isolation.release();
  EXPECT_EQ(isolation.apply(plan).error().text(), "no bridge");
}

} // namespace
} // namespace weave::controller
