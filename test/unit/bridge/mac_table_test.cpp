#include "datapath/bridge/mac_table.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace weave::datapath {
namespace {

using namespace std::chrono_literals;

constexpr PeerName kUs{1};
constexpr PeerName kOther{2};
constexpr PeerName kThird{3};
constexpr TimePoint kStart{std::chrono::hours{1}};

MacAddress mac(std::uint64_t number) {
  return MacAddress{{0x02, 0, static_cast<std::uint8_t>(number >> 24), static_cast<std::uint8_t>(number >> 16),
                     static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)}};
}

TEST(MacTable, RemembersWhereAnAddressWasSeen) {
  MacTable macs{kUs};
  EXPECT_FALSE(macs.find(mac(1)));
  EXPECT_EQ(macs.record_local(mac(1), kStart), MacChange::added);
  EXPECT_EQ(macs.record_remote(mac(2), kOther, kStart), MacChange::added);
  EXPECT_EQ(macs.find(mac(1)), kUs);
  EXPECT_EQ(macs.find(mac(2)), kOther);
  EXPECT_EQ(macs.record_local(mac(1), kStart + 1s), MacChange::refreshed);
}

TEST(MacTable, ARemoteSightingAlwaysWins) {
  MacTable macs{kUs};
  macs.record_local(mac(1), kStart);
  EXPECT_EQ(macs.record_remote(mac(1), kOther, kStart), MacChange::moved);
  EXPECT_EQ(macs.record_remote(mac(1), kThird, kStart), MacChange::moved);
  EXPECT_EQ(macs.find(mac(1)), kThird);
  EXPECT_EQ(macs.moves(), 2U);
}

TEST(MacTable, AMoveToUsWaitsForTheHoldDown) {
  MacTable macs{kUs};
  macs.record_remote(mac(1), kOther, kStart);
  EXPECT_EQ(macs.record_local(mac(1), kStart + kMacHoldDown - 1ms), MacChange::held_down);
  EXPECT_EQ(macs.find(mac(1)), kOther);
  EXPECT_EQ(macs.record_local(mac(1), kStart + kMacHoldDown), MacChange::moved);
  EXPECT_EQ(macs.find(mac(1)), kUs);
}

TEST(MacTable, TheHoldDownCountsFromTheLastRemoteFrame) {
  MacTable macs{kUs};
  for (auto at = kStart; at < kStart + 10s; at += 90ms) {
    macs.record_remote(mac(1), kOther, at);
    EXPECT_EQ(macs.record_local(mac(1), at + 1ms), MacChange::held_down);
  }
}

TEST(MacTable, SweepDropsWhatIsOlderThanTenMinutes) {
  MacTable macs{kUs};
  macs.record_remote(mac(1), kOther, kStart);
  macs.record_remote(mac(2), kOther, kStart);
  macs.record_remote(mac(2), kOther, kStart + 1s);
  EXPECT_EQ(macs.sweep(kStart + 10min), 0U);
  EXPECT_EQ(macs.sweep(kStart + 10min + 1ms), 1U);
  EXPECT_FALSE(macs.find(mac(1)));
  EXPECT_EQ(macs.find(mac(2)), kOther);
}

TEST(MacTable, ForgetsAPeer) {
  MacTable macs{kUs};
  macs.record_local(mac(1), kStart);
  macs.record_remote(mac(2), kOther, kStart);
  macs.record_remote(mac(3), kThird, kStart);
  EXPECT_EQ(macs.forget_peer(kOther), 1U);
  EXPECT_FALSE(macs.find(mac(2)));
  auto const entries = macs.entries();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].mac, mac(1));
  EXPECT_EQ(entries[1].peer, kThird);
}

TEST(MacTable, ForgedSourcesCannotFillTheMemory) {
  MacTable macs{kUs};
  std::size_t refused = 0;
  for (std::uint64_t i = 0; i < 2 * MacTable::kCapacity; ++i) {
    if (macs.record_local(mac(i), kStart) == MacChange::full) ++refused;
  }
  EXPECT_LE(macs.entries().size(), MacTable::kCapacity);
  EXPECT_EQ(refused + macs.entries().size(), 2 * MacTable::kCapacity);
  EXPECT_EQ(macs.overflows(), refused);
  macs.sweep(kStart + 11min);
  EXPECT_EQ(macs.record_local(mac(1), kStart + 11min), MacChange::added);
}

TEST(MacTable, IsSafeOnSeveralThreads) {
  MacTable macs{kUs};
  std::atomic<bool> stop{false};
  std::vector<std::thread> workers;
  for (std::uint64_t worker = 0; worker < 2; ++worker) {
    workers.emplace_back([&macs, &stop, worker] {
      for (std::uint64_t i = 0; i < 20000 && !stop; ++i) {
        macs.record_remote(mac(i % 500), PeerName{2 + worker}, kStart + std::chrono::milliseconds{i});
        if (auto const owner = macs.find(mac(i % 500))) {
          EXPECT_TRUE(*owner == PeerName{2} || *owner == PeerName{3});
        }
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    macs.sweep(kStart + 5min);
    macs.forget_peer(kThird);
    EXPECT_LE(macs.entries().size(), 500U);
  }
  for (auto& worker : workers) worker.join();
}

} // namespace
} // namespace weave::datapath
