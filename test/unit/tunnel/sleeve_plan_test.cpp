#include "datapath/tunnel/sleeve_plan.hpp"

#include <gtest/gtest.h>

#include "datapath/tunnel/sleeve_layout.hpp"

namespace weave::datapath {
namespace {

SleevePath const kPath{.peer = PeerName{2}, .local = {}, .remote = Ipv4Endpoint{}, .mtu = 1438, .max_payload = 1472};

TEST(SleevePlan, NothingGoesToAnUnknownAddress) {
  auto path = kPath;
  path.remote.reset();
  for (auto const kind : {FrameKind::ipv4_df, FrameKind::ipv4, FrameKind::ipv6, FrameKind::other}) {
    EXPECT_EQ(plan_sleeve(path, kind, 100, false), SleevePlan::drop_no_address);
  }
}

TEST(SleevePlan, DontFragmentIsKeptToTheByte) {
  EXPECT_EQ(plan_sleeve(kPath, FrameKind::ipv4_df, 1438 + 14, false), SleevePlan::send_df);
  EXPECT_EQ(plan_sleeve(kPath, FrameKind::ipv4_df, 1438 + 15, false), SleevePlan::answer_too_big);
  EXPECT_EQ(plan_sleeve(kPath, FrameKind::ipv4_df, 1438 + 15, true), SleevePlan::drop_too_big);
}

TEST(SleevePlan, WhileThePathIsDoubtfulOnlyWhatMayNotBeCutIsSentLong) {
  auto path = kPath;
  path.max_payload = 548;
  EXPECT_EQ(plan_sleeve(path, FrameKind::ipv4_df, 1452, false), SleevePlan::send_df);
  EXPECT_EQ(plan_sleeve(path, FrameKind::ipv4_df, 1453, false), SleevePlan::answer_too_big);
  EXPECT_EQ(plan_sleeve(path, FrameKind::ipv4, 528, false), SleevePlan::send_df);
  EXPECT_EQ(plan_sleeve(path, FrameKind::ipv4, 529, false), SleevePlan::fragment);
  EXPECT_EQ(fragment_mtu(path), 514U);
}

TEST(SleevePlan, Ipv4IsFragmentedByUsUntilOuterFragmentsAreTrusted) {
  auto path = kPath;
  EXPECT_EQ(plan_sleeve(path, FrameKind::ipv4, 1452, false), SleevePlan::send_df);
  EXPECT_EQ(plan_sleeve(path, FrameKind::ipv4, 1453, true), SleevePlan::fragment);
  path.fragmentation_trusted = true;
  EXPECT_EQ(plan_sleeve(path, FrameKind::ipv4, 1452, false), SleevePlan::send_fragmentable);
  EXPECT_EQ(plan_sleeve(path, FrameKind::ipv4, 9014, false), SleevePlan::send_fragmentable);
}

TEST(SleevePlan, OtherFramesAreLeftToTheKernel) {
  EXPECT_EQ(plan_sleeve(kPath, FrameKind::other, 60, true), SleevePlan::send_fragmentable);
  EXPECT_EQ(plan_sleeve(kPath, FrameKind::other, 9000, true), SleevePlan::send_fragmentable);
  EXPECT_EQ(plan_sleeve(kPath, FrameKind::other, kMaxUdpPayload - 20, false), SleevePlan::send_fragmentable);
  EXPECT_EQ(plan_sleeve(kPath, FrameKind::other, kMaxUdpPayload - 19, false), SleevePlan::drop_oversize);
}

TEST(SleevePlan, TheSenderOfIpv6IsToldWhatEveryLinkCarriesOrMore) {
  auto path = kPath;
  for (bool const trusted : {false, true}) {
    path.fragmentation_trusted = trusted;
    EXPECT_EQ(plan_sleeve(path, FrameKind::ipv6, 1452, false), SleevePlan::send_fragmentable);
    EXPECT_EQ(plan_sleeve(path, FrameKind::ipv6, 1453, false), SleevePlan::answer_too_big);
    EXPECT_EQ(plan_sleeve(path, FrameKind::ipv6, 1453, true), SleevePlan::send_fragmentable);
  }
  path.mtu = 1279;
  EXPECT_EQ(plan_sleeve(path, FrameKind::ipv6, 1294, false), SleevePlan::send_fragmentable);
  path.mtu = 1280;
  EXPECT_EQ(plan_sleeve(path, FrameKind::ipv6, 1295, false), SleevePlan::answer_too_big);
}

TEST(SleevePlan, BeforeDiscoveryOnlyUdpLimits) {
  SleevePath path;
  path.remote = Ipv4Endpoint{};
  EXPECT_EQ(plan_sleeve(path, FrameKind::ipv4_df, kMaxUdpPayload - 20, false), SleevePlan::send_df);
  EXPECT_EQ(plan_sleeve(path, FrameKind::ipv4_df, kMaxUdpPayload - 19, false), SleevePlan::drop_oversize);
  EXPECT_EQ(plan_sleeve(path, FrameKind::ipv4, kMaxUdpPayload - 19, false), SleevePlan::fragment);
  EXPECT_EQ(fragment_mtu(path), kMaxUdpPayload - 20 - 14);
  EXPECT_EQ(fragment_mtu(kPath), 1438U);
}

} // namespace
} // namespace weave::datapath
