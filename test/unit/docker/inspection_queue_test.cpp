#include "controller/docker/inspection_queue.hpp"

#include <gtest/gtest.h>

#include "test/fakes/virtual_scheduler.hpp"
#include "test/unit/docker/scripted_engine.hpp"

namespace weave::controller::docker {
namespace {

using namespace std::chrono_literals;

struct InspectionQueueTest : ::testing::Test {
  test::VirtualScheduler scheduler;
  ScriptedEngine engine{scheduler};
  std::vector<std::string> answers;
  InspectionQueue queue{scheduler, engine, 2, [this](std::string const& id, Result<ContainerInfo> const& answer) {
                          answers.push_back(id + (answer ? "" : "!") + (answer && answer->up() ? "+" : ""));
                        }};
};

TEST_F(InspectionQueueTest, AsksOnceForManyWishes) {
  engine.start("a");
  queue.want("a", 100ms);
  scheduler.advance(60ms);
  queue.want("a", 100ms);
  scheduler.advance(41ms);
  EXPECT_EQ(answers, (std::vector<std::string>{"a+"}));
  scheduler.advance(1s);
  EXPECT_EQ(engine.asked.size(), 1U);
  EXPECT_TRUE(queue.empty());
  queue.want("a", 10s);
  queue.want("a", 10ms);
  scheduler.advance(11ms);
  EXPECT_EQ(answers.size(), 2U);
  scheduler.advance(20s);
  EXPECT_EQ(answers.size(), 2U);
}

TEST_F(InspectionQueueTest, ThrowsOldAnswersAway) {
  engine.delay = 100ms;
  engine.start("a");
  queue.want("a", 0ms);
  scheduler.advance(50ms);
  engine.halt("a");
  queue.want("a", 10ms);
  scheduler.advance(60ms);
  EXPECT_TRUE(answers.empty());
  scheduler.advance(100ms);
  EXPECT_EQ(answers, (std::vector<std::string>{"a"}));
  queue.want("a", 0ms);
  scheduler.advance(50ms);
  queue.want("a", 200ms);
  scheduler.advance(1s);
  EXPECT_EQ(answers.size(), 2U);
  EXPECT_EQ(engine.asked.size(), 4U);
}

TEST_F(InspectionQueueTest, ForgetsWhatWasDropped) {
  engine.delay = 100ms;
  queue.want("a", 0ms);
  queue.want("b", 50ms);
  scheduler.advance(10ms);
  queue.drop("a");
  queue.drop("b");
  queue.want("a", 20ms);
  scheduler.advance(1s);
  EXPECT_EQ(answers, (std::vector<std::string>{"a!"}));
  queue.want("a", 0ms);
  scheduler.advance(10ms);
  queue.clear();
  scheduler.advance(1s);
  EXPECT_EQ(answers.size(), 1U);
}

TEST_F(InspectionQueueTest, AsksForAFewAtATime) {
  engine.delay = 100ms;
  for (auto const* id : {"a", "b", "c", "d", "e"}) queue.want(id, 0ms);
  scheduler.advance(1ms);
  queue.drop("d");
  queue.drop("c");
  queue.want("c", 0ms);
  scheduler.advance(1s);
  EXPECT_EQ(engine.most_under_way, 2U);
  EXPECT_EQ(answers, (std::vector<std::string>{"a!", "b!", "c!", "e!"}));
}

} // namespace
} // namespace weave::controller::docker
