#include "datapath/ipsec/policy_plan.hpp"

#include <gtest/gtest.h>

#include "test/fakes/fake_xfrm.hpp"

namespace weave::datapath::ipsec {
namespace {

constexpr Ipv4Address kUs{0x0a000001};
constexpr Ipv4Address kPeer{0x0a000002};
constexpr Ipv4Address kOther{0x0a000003};
constexpr std::uint16_t kPort = 6784;
constexpr TunnelEndpoints kEnds{.local = kUs, .remote = kPeer, .udp_port = kPort};

class PolicyPlanTest : public testing::Test {
 protected:
  void decide(std::vector<TunnelClaim> claims) {
    kernel_.policies = wanted_policies({.ports = {kPort}, .sources = {kUs}, .claims = std::move(claims)});
  }
  Treatment sent_to(Ipv4Address peer) { return kernel_.decision(Direction::out, kUs, peer, kPort)->treatment; }
  Treatment received_from(Ipv4Address peer) { return kernel_.decision(Direction::in, peer, kUs, kPort)->treatment; }

  test::FakeXfrm kernel_;
};

TEST_F(PolicyPlanTest, WithoutConnectionsNothingLeavesAndOnlyEncryptedComesIn) {
  decide({});
  EXPECT_EQ(sent_to(kPeer), Treatment::block);
  EXPECT_EQ(received_from(kPeer), Treatment::encrypted);
  EXPECT_FALSE(kernel_.decision(Direction::out, kUs, kPeer, 6783)) << "sleeve is none of its business";
}

TEST_F(PolicyPlanTest, AnAssociationOpensTheWayToItsPeerOnly) {
  decide({{.ends = kEnds, .sending = Spi{0x1234}}});
  auto const out = kernel_.decision(Direction::out, kUs, kPeer, kPort);
  EXPECT_EQ(out->treatment, Treatment::encrypted);
  EXPECT_EQ(out->spi, Spi{0x1234});
  EXPECT_EQ(received_from(kPeer), Treatment::encrypted);
  EXPECT_EQ(sent_to(kOther), Treatment::block);
}

TEST_F(PolicyPlanTest, BeforeThePeerHasOfferedTheWayIsBlocked) {
  decide({{.ends = kEnds}});
  EXPECT_EQ(sent_to(kPeer), Treatment::block);
}

TEST_F(PolicyPlanTest, TrustOpensBothWaysForThatPeerOnly) {
  decide({{.ends = kEnds, .may_be_clear = true}});
  EXPECT_EQ(sent_to(kPeer), Treatment::may_be_clear);
  EXPECT_EQ(received_from(kPeer), Treatment::may_be_clear);
  EXPECT_EQ(sent_to(kOther), Treatment::block);
  EXPECT_EQ(received_from(kOther), Treatment::encrypted);
}

TEST_F(PolicyPlanTest, OfTwoConnectionsTheLaterOneCounts) {
  decide({{.ends = kEnds, .sending = Spi{0x1111}}, {.ends = kEnds, .sending = Spi{0x2222}}});
  EXPECT_EQ(kernel_.decision(Direction::out, kUs, kPeer, kPort)->spi, Spi{0x2222});
  decide({{.ends = kEnds, .sending = Spi{0x1111}}, {.ends = kEnds}});
  EXPECT_EQ(kernel_.decision(Direction::out, kUs, kPeer, kPort)->spi, Spi{0x1111}) << "until the later one has keys";
}

TEST_F(PolicyPlanTest, OneConnectionThatMustEncryptIsEnough) {
  decide({{.ends = kEnds}, {.ends = kEnds, .may_be_clear = true}});
  EXPECT_EQ(sent_to(kPeer), Treatment::block);
  EXPECT_EQ(received_from(kPeer), Treatment::encrypted);
}

TEST(VxlanTellsPort, FromOneKernelOn) {
  for (auto const* const release : {"4.14.0", "4.18.0-553.el8_10.x86_64", "5.4.0-generic", "6.1", "10.0.1"}) {
    EXPECT_TRUE(vxlan_tells_port(release)) << release;
  }
  for (auto const* const release : {"4.9.140-tegra", "4.13.16", "3.18.140", "", "linux", "5", "6."}) {
    EXPECT_FALSE(vxlan_tells_port(release)) << release;
  }
}

} // namespace
} // namespace weave::datapath::ipsec
