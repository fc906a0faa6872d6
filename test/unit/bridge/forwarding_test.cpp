#include "datapath/bridge/forwarding.hpp"

#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "datapath/bridge/mac_table.hpp"

namespace weave::datapath {
namespace {

using namespace std::chrono_literals;

constexpr PeerName kUs{1};
constexpr PeerName kNear{2};
constexpr PeerName kFar{3};  // behind kNear
constexpr PeerName kSide{4}; // another neighbour
constexpr PeerName kLost{9}; // unreachable
constexpr TimePoint kStart{std::chrono::hours{1}};

constexpr std::uint64_t kOurMac = 0x0200'0000'0001;
constexpr std::uint64_t kOurSecondMac = 0x0200'0000'0002;
constexpr std::uint64_t kNearMac = 0x0200'0000'0003;
constexpr std::uint64_t kFarMac = 0x0200'0000'0004;
constexpr std::uint64_t kBroadcast = 0xffff'ffff'ffff;
constexpr std::uint64_t kMulticast = 0x0100'5e00'0001;

class FixedRoutes final : public RouteLookup {
 public:
  std::map<PeerName, PeerName> next{{kNear, kNear}, {kFar, kNear}, {kSide, kSide}};
  std::map<PeerName, std::vector<PeerName>> hops{{kUs, {kNear, kSide}}, {kNear, {kSide}}};

  [[nodiscard]] PeerName next_hop(PeerName destination) const override {
    auto const found = next.find(destination);
    return found == next.end() ? kUnknownPeer : found->second;
  }
  [[nodiscard]] std::vector<PeerName> const& broadcast_hops(PeerName source) const override {
    static std::vector<PeerName> const none;
    auto const found = hops.find(source);
    return found == hops.end() ? none : found->second;
  }
};

Bytes frame(std::uint64_t destination, std::uint64_t source, std::uint16_t type = 0x0806) {
  return ByteWriter{}.u48(destination).u48(source).u16(type).raw(Bytes(46)).take();
}

class ForwardingTest : public testing::Test {
 protected:
  ForwardingDecision captured(std::uint64_t destination, std::uint64_t source = kOurMac, Duration after = 0s) {
    bytes_ = frame(destination, source);
    return forwarding_.captured(bytes_, routes_, kStart + after);
  }
  ForwardingDecision received(PeerName source, PeerName destination, PeerName via, std::uint64_t to,
                              std::uint64_t from = kNearMac) {
    bytes_ = frame(to, from);
    return forwarding_.received(source, destination, via, bytes_, routes_, kStart);
  }
  static std::vector<ForwardHop> hops(ForwardingDecision const& decision) {
    std::vector<ForwardHop> hops;
    decision.for_each_hop([&hops](ForwardHop const& hop) { hops.push_back(hop); });
    return hops;
  }
  static MacAddress mac(std::uint64_t value) {
    auto const bytes = PeerName{value}.bytes();
    return MacAddress{bytes};
  }

  MacTable macs_{kUs};
  FixedRoutes routes_;
  Forwarding forwarding_{macs_};
  Bytes bytes_;
};

using Hops = std::vector<ForwardHop>;

TEST_F(ForwardingTest, CapturedForUnknownAndGroupsIsFloodedWithTheHopAsDestination) {
  for (auto const destination : {kNearMac, kBroadcast, kMulticast}) {
    auto const decision = captured(destination);
    EXPECT_TRUE(decision.flooded());
    EXPECT_FALSE(decision.deliver_locally());
    EXPECT_EQ(hops(decision), (Hops{{kNear, kUs, kNear}, {kSide, kUs, kSide}}));
  }
  EXPECT_EQ(macs_.find(mac(kOurMac)), kUs);
}

TEST_F(ForwardingTest, CapturedForAKnownPeerIsRelayedTowardsIt) {
  macs_.record_remote(mac(kFarMac), kFar, kStart);
  auto const decision = captured(kFarMac);
  EXPECT_FALSE(decision.flooded());
  EXPECT_EQ(hops(decision), (Hops{{kNear, kUs, kFar}}));
}

TEST_F(ForwardingTest, CapturedForALocalAddressIsDropped) {
  macs_.record_local(mac(kOurSecondMac), kStart);
  EXPECT_EQ(captured(kOurSecondMac).drop(), DropReason::local_destination);
}

TEST_F(ForwardingTest, CapturedForAnUnreachablePeerIsDropped) {
  macs_.record_remote(mac(kFarMac), kLost, kStart);
  EXPECT_EQ(captured(kFarMac).drop(), DropReason::no_route);
}

TEST_F(ForwardingTest, BridgeControlStaysButItsSourceIsLearned) {
  EXPECT_EQ(captured(0x0180'c200'0000).drop(), DropReason::bridge_control);
  EXPECT_EQ(macs_.find(mac(kOurMac)), kUs);
}

TEST_F(ForwardingTest, RuntsInvalidSourcesAndForgedSpecialFramesAreDropped) {
  EXPECT_EQ(forwarding_.captured(Bytes(13), routes_, kStart).drop(), DropReason::runt);
  EXPECT_EQ(forwarding_.captured({}, routes_, kStart).drop(), DropReason::runt);
  EXPECT_EQ(forwarding_.captured(Bytes(22), routes_, kStart).drop(), DropReason::special_frame);
  EXPECT_EQ(captured(kNearMac, kMulticast).drop(), DropReason::invalid_source);
  EXPECT_EQ(captured(kNearMac, 0).drop(), DropReason::invalid_source);
  EXPECT_TRUE(macs_.entries().empty());
}

TEST_F(ForwardingTest, AnInjectedFrameThatComesBackDoesNotStealTheAddress) {
  EXPECT_TRUE(received(kNear, kUs, kNear, kBroadcast).deliver_locally());
  EXPECT_EQ(captured(kBroadcast, kNearMac, 20ms).drop(), DropReason::held_down);
  EXPECT_EQ(macs_.find(mac(kNearMac)), kNear);
}

TEST_F(ForwardingTest, AContainerThatMovedHereIsForwardedAfterTheHoldDown) {
  (void)received(kNear, kUs, kNear, kBroadcast);
  auto const decision = captured(kBroadcast, kNearMac, 1s);
  EXPECT_EQ(decision.drop(), DropReason::none);
  EXPECT_EQ(macs_.find(mac(kNearMac)), kUs);
}

TEST_F(ForwardingTest, ReceivedForALocalAddressIsOnlyDelivered) {
  macs_.record_local(mac(kOurMac), kStart);
  auto const decision = received(kFar, kUs, kNear, kOurMac, kFarMac);
  EXPECT_TRUE(decision.deliver_locally());
  EXPECT_TRUE(hops(decision).empty());
  EXPECT_EQ(macs_.find(mac(kFarMac)), kFar);
}

/// Addresses of which nobody may ask.
class SilentMacs final : public MacLearning {
 public:
  MacChange record_local(MacAddress, TimePoint) override { return MacChange::added; }
  MacChange record_remote(MacAddress, PeerName, TimePoint) override { return MacChange::added; }
  [[nodiscard]] std::optional<PeerName> find(MacAddress) const override {
    ADD_FAILURE() << "asked";
    return std::nullopt;
  }
  std::size_t sweep(TimePoint) override { return 0; }
  std::size_t forget_peer(PeerName) override { return 0; }
  [[nodiscard]] std::vector<MacEntry> entries() const override { return {}; }
  [[nodiscard]] PeerName self() const override { return kUs; }
};

TEST_F(ForwardingTest, AddressesAreAskedForOnlyIfSomebodyElseCouldGetACopy) {
  SilentMacs silent;
  Forwarding const forwarding{silent};
  auto const decide = [&](std::uint64_t to, PeerName source, PeerName via) {
    return forwarding.received(source, kUs, via, frame(to, kNearMac), routes_, kStart);
  };
  EXPECT_TRUE(decide(kOurMac, kSide, kSide).deliver_locally());
  routes_.hops[kNear] = {kNear};
  EXPECT_TRUE(hops(decide(kOurMac, kNear, kNear)).empty());
  routes_.hops[kNear] = {kSide};
  EXPECT_EQ(hops(decide(kBroadcast, kNear, kNear)).size(), 1U);
}

TEST_F(ForwardingTest, ReceivedBroadcastGoesOnWithItsSourceAndANewDestination) {
  auto const decision = received(kNear, kUs, kNear, kBroadcast);
  EXPECT_TRUE(decision.deliver_locally());
  EXPECT_TRUE(decision.flooded());
  EXPECT_EQ(hops(decision), (Hops{{kSide, kNear, kSide}}));
}

TEST_F(ForwardingTest, ABroadcastNeverGoesBackWhereItCameFrom) {
  routes_.hops[kFar] = {kNear, kSide};
  EXPECT_EQ(hops(received(kFar, kUs, kNear, kBroadcast, kFarMac)), (Hops{{kSide, kFar, kSide}}));
}

TEST_F(ForwardingTest, RelaysWithoutLookingAtTheFrame) {
  bytes_ = Bytes(3);
  auto const decision = forwarding_.received(kSide, kFar, kSide, bytes_, routes_, kStart);
  EXPECT_FALSE(decision.deliver_locally());
  EXPECT_FALSE(decision.flooded());
  EXPECT_EQ(hops(decision), (Hops{{kNear, kSide, kFar}}));
  (void)received(kSide, kFar, kSide, kOurMac, kFarMac);
  EXPECT_TRUE(macs_.entries().empty());
}

TEST_F(ForwardingTest, FramesDoNotCircleWhileRoutesDisagree) {
  EXPECT_EQ(received(kUs, kFar, kNear, kFarMac, kOurMac).drop(), DropReason::returned);
  EXPECT_EQ(received(kUs, kUs, kNear, kFarMac, kOurMac).drop(), DropReason::returned);
  EXPECT_EQ(received(kSide, kFar, kNear, kFarMac).drop(), DropReason::backwards);
  EXPECT_EQ(received(kSide, kLost, kSide, kFarMac).drop(), DropReason::no_route);
}

TEST_F(ForwardingTest, AFrameMadeHereMayGoAnywhere) {
  // An ICMP error in the name of kFar for kNear, whose oversized frame we could not relay.
  EXPECT_EQ(hops(received(kFar, kNear, kUnknownPeer, kNearMac, kFarMac)), (Hops{{kNear, kFar, kNear}}));
}

TEST_F(ForwardingTest, ReceivedForUsButUnusableIsDropped) {
  bytes_ = Bytes(13);
  EXPECT_EQ(forwarding_.received(kNear, kUs, kNear, bytes_, routes_, kStart).drop(), DropReason::runt);
  EXPECT_EQ(received(kNear, kUs, kNear, kOurMac, kBroadcast).drop(), DropReason::invalid_source);
}

TEST_F(ForwardingTest, PrintsItself) {
  EXPECT_EQ(received(kNear, kUs, kNear, kBroadcast).to_string(),
            "local, via 00:00:00:00:00:04 (00:00:00:00:00:02 -> 00:00:00:00:00:04)");
  EXPECT_EQ(ForwardingDecision::dropped(DropReason::no_route).to_string(), "drop no_route");
  EXPECT_EQ(ForwardingDecision{}.to_string(), "nowhere");
}

TEST(DropCounters, CountByReason) {
  DropCounters drops;
  drops.add(DropReason::runt);
  drops.add(DropReason::runt);
  drops.add(DropReason::backwards);
  EXPECT_EQ(drops.count(DropReason::runt), 2U);
  EXPECT_EQ(drops.count(DropReason::backwards), 1U);
  EXPECT_EQ(drops.count(DropReason::no_route), 0U);
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    EXPECT_NE(to_string(static_cast<DropReason>(i)), "unknown");
  }
}

} // namespace
} // namespace weave::datapath
