#include <gtest/gtest.h>

#include "datapath/tunnel/io/snapshot.hpp"
#include "datapath/tunnel/io/special_queue.hpp"

namespace weave::datapath {
namespace {

TEST(Snapshot, GivesTheNewestValueOnce) {
  Snapshot<int> snapshot;
  Snapshot<int>::Value mine;
  std::uint64_t version = 0;
  EXPECT_FALSE(snapshot.refresh(mine, version));
  snapshot.publish(std::make_shared<int>(1));
  snapshot.publish(std::make_shared<int>(2));
  EXPECT_TRUE(snapshot.refresh(mine, version));
  EXPECT_EQ(*mine, 2);
  EXPECT_FALSE(snapshot.refresh(mine, version));
}

TEST(Snapshot, TheReaderKeepsItsValueAlive) {
  Snapshot<int> snapshot;
  Snapshot<int>::Value mine;
  std::uint64_t version = 0;
  auto value = std::make_shared<int>(1);
  std::weak_ptr<int> const watch = value;
  snapshot.publish(std::move(value));
  EXPECT_TRUE(snapshot.refresh(mine, version));
  snapshot.publish(std::make_shared<int>(2));
  EXPECT_FALSE(watch.expired());
  EXPECT_TRUE(snapshot.refresh(mine, version));
  EXPECT_TRUE(watch.expired());
}

TEST(SpecialQueue, IsBoundedAndKeepsOrder) {
  SpecialQueue queue;
  for (std::size_t i = 0; i < SpecialQueue::kCapacity; ++i) {
    EXPECT_TRUE(queue.push({.peer = PeerName{i + 1}, .connection = {}, .channel = {}, .frame = {}}));
  }
  EXPECT_FALSE(queue.push({}));
  std::vector<SleeveSpecial> taken(3);
  queue.take(taken);
  ASSERT_EQ(taken.size(), SpecialQueue::kCapacity);
  EXPECT_EQ(taken.front().peer, PeerName{1});
  EXPECT_EQ(taken.back().peer, PeerName{SpecialQueue::kCapacity});
  EXPECT_TRUE(queue.push({}));
  queue.take(taken);
  EXPECT_EQ(taken.size(), 1U);
}

} // namespace
} // namespace weave::datapath
