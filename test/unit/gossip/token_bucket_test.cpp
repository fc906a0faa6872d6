#include "gossip/token_bucket.hpp"

#include <gtest/gtest.h>

namespace weave::gossip {
namespace {

using namespace std::chrono_literals;

TEST(TokenBucket, TwentyAtOnceThenOneEachInterval) {
  TokenBucket bucket{20, 50ms};
  TimePoint const now{1h};
  for (int i = 0; i < 20; ++i) EXPECT_EQ(bucket.take(now), Duration::zero()) << i;
  EXPECT_EQ(bucket.take(now), 50ms);
  EXPECT_EQ(bucket.take(now + 50ms), 50ms);
  EXPECT_EQ(bucket.take(now + 200ms), Duration::zero());
}

TEST(TokenBucket, NeverHoldsMoreThanItsCapacity) {
  TokenBucket bucket{2, 1s};
  TimePoint const now{1h};
  EXPECT_EQ(bucket.take(now), Duration::zero());
  TimePoint const later = now + 1h;
  EXPECT_EQ(bucket.take(later), Duration::zero());
  EXPECT_EQ(bucket.take(later), Duration::zero());
  EXPECT_EQ(bucket.take(later), 1s);
}

} // namespace
} // namespace weave::gossip
