#include "datapath/ipsec/protection.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "datapath/ipsec/secured_link.hpp"
#include "test/fakes/fake_xfrm.hpp"
#include "test/fakes/log_recorder.hpp"
#include "test/fakes/virtual_scheduler.hpp"

namespace weave::datapath::ipsec {
namespace {

using namespace std::chrono_literals;

constexpr Ipv4Address kUs{0x0a000001};
constexpr Ipv4Address kPeer{0x0a000002};
constexpr std::uint16_t kPort = 6784;
constexpr TunnelEndpoints kEnds{.local = kUs, .remote = kPeer, .udp_port = kPort};

class ProtectionTest : public testing::Test {
 protected:
  Treatment sent_to(Ipv4Address peer) { return kernel_.decision(Direction::out, kUs, peer, kPort)->treatment; }
  std::ptrdiff_t position(std::string_view call) {
    return std::ranges::find(kernel_.calls, call) - kernel_.calls.begin();
  }

  test::FakeXfrm kernel_;
  test::VirtualScheduler scheduler_;
  SeededRandom random_{1};
  std::shared_ptr<test::LogRecorder> log_ = std::make_shared<test::LogRecorder>();
  Protection protection_{
      {.kernel = kernel_, .scheduler = scheduler_, .random = random_, .logger = Logger{log_}, .self = PeerName{1}}};
};

TEST_F(ProtectionTest, StartingClosesEverything) {
  ASSERT_TRUE(protection_.start({kUs}, kPort));
  EXPECT_EQ(sent_to(kPeer), Treatment::block);
  EXPECT_EQ(kernel_.decision(Direction::in, kPeer, kUs, kPort)->treatment, Treatment::encrypted);
}

TEST_F(ProtectionTest, WhatAnEarlierProcessLeftGoesBehindABlock) {
  AssociationId const old{kUs, kPeer, Spi{0x99}};
  Policy const open{.id = {.direction = Direction::out, .source = kUs, .destination = kPeer, .port = kPort},
                    .treatment = Treatment::encrypted,
                    .spi = Spi{0x99}};
  kernel_.keys[old] = Bytes(36);
  kernel_.policies[open.id] = open;
  ASSERT_TRUE(protection_.start({kUs}, kPort));
  EXPECT_TRUE(kernel_.keys.empty());
  EXPECT_EQ(sent_to(kPeer), Treatment::block);
  EXPECT_LT(position("block"), position("remove policy"));
  EXPECT_LT(position("remove policy"), position("remove association"));
}

TEST_F(ProtectionTest, BlocksOfAnEarlierProcessStay) {
  constexpr Ipv4Address kFormer{0x0a000009};
  Policy const block{.id = {.direction = Direction::out, .source = kFormer, .destination = {}, .port = 7001},
                     .treatment = Treatment::block,
                     .priority = 1};
  kernel_.policies[block.id] = block;
  ASSERT_TRUE(protection_.start({kUs}, kPort));
  EXPECT_TRUE(kernel_.policies.contains(block.id));
}

TEST_F(ProtectionTest, AnErrorOfTheKernelIsAnErrorOfTheStart) {
  kernel_.refusal = Error{ErrorKind::refused, "no"};
  EXPECT_FALSE(protection_.start({kUs}, kPort));
}

TEST_F(ProtectionTest, PoliciesThatSomebodyTakesAwayComeBackAtOnce) {
  ASSERT_TRUE(protection_.start({kUs}, kPort));
  auto const before = kernel_.policies;
  kernel_.policies.clear();
  protection_.on_change();
  scheduler_.advance(0s);
  EXPECT_EQ(kernel_.policies, before);
  EXPECT_EQ(log_->count("somebody has changed the IPsec policies"), 1U);
}

TEST_F(ProtectionTest, ChangesWithoutEndAreLookedAtNowAndThen) {
  ASSERT_TRUE(protection_.start({kUs}, kPort));
  auto const before = kernel_.listed;
  for (int i = 0; i < 1000; ++i) {
    protection_.on_change();
    scheduler_.advance(1ms);
  }
  EXPECT_GE(kernel_.listed - before, 9U);
  EXPECT_LE(kernel_.listed - before, 12U);
}

TEST_F(ProtectionTest, WhatNobodyHasToldOfIsFoundWithinAMinute) {
  ASSERT_TRUE(protection_.start({kUs}, kPort));
  auto const before = kernel_.policies;
  kernel_.policies.clear();
  kernel_.keys[{kPeer, kUs, Spi{0x77}}] = Bytes(36);
  scheduler_.advance(Protection::kAudit);
  EXPECT_EQ(kernel_.policies, before);
  EXPECT_TRUE(kernel_.keys.empty());
}

TEST_F(ProtectionTest, ARefusalIsTriedAgainAndSaidOnce) {
  ASSERT_TRUE(protection_.start({kUs}, kPort));
  kernel_.refusal = Error{ErrorKind::system, "out of memory"};
  EXPECT_FALSE(protection_.cover({.local = kUs, .remote = kPeer, .udp_port = 7001}));
  kernel_.refusal.reset();
  scheduler_.advance(Protection::kAudit);
  EXPECT_EQ(kernel_.decision(Direction::out, kUs, kPeer, 7001)->treatment, Treatment::block);
  EXPECT_EQ(log_->count("not complete"), 1U);
}

TEST_F(ProtectionTest, APortThatTheKernelRefusedIsNotCoveredTheNextTimeEither) {
  ASSERT_TRUE(protection_.start({kUs}, kPort));
  TunnelEndpoints const ends{.local = kUs, .remote = kPeer, .udp_port = 7001};
  kernel_.refusal = Error{ErrorKind::unavailable, "no memory"};
  EXPECT_FALSE(protection_.cover(ends));
  EXPECT_FALSE(protection_.cover(ends));
  kernel_.refusal.reset();
  EXPECT_TRUE(protection_.cover(ends));
  EXPECT_EQ(kernel_.decision(Direction::in, kPeer, kUs, 7001)->treatment, Treatment::encrypted);
}

TEST_F(ProtectionTest, StoppingLeavesNothing) {
  ASSERT_TRUE(protection_.start({kUs}, kPort));
  ClearLink const clear{protection_, kEnds};
  EXPECT_EQ(sent_to(kPeer), Treatment::may_be_clear);
  ASSERT_TRUE(protection_.stop());
  EXPECT_TRUE(kernel_.policies.empty());
  protection_.on_change();
  scheduler_.advance(2 * Protection::kAudit);
  EXPECT_TRUE(protection_.update());
  EXPECT_TRUE(kernel_.policies.empty());
}

TEST_F(ProtectionTest, TrustEndsWithItsConnection) {
  ASSERT_TRUE(protection_.start({kUs}, kPort));
  {
    ClearLink const clear{protection_, kEnds};
    EXPECT_EQ(sent_to(kPeer), Treatment::may_be_clear);
  }
  EXPECT_EQ(sent_to(kPeer), Treatment::block);
  EXPECT_EQ(kernel_.decision(Direction::in, kPeer, kUs, kPort)->treatment, Treatment::encrypted);
}

} // namespace
} // namespace weave::datapath::ipsec
