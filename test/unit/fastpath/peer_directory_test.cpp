#include "datapath/fastpath/peer_directory.hpp"

#include <gtest/gtest.h>

namespace weave::datapath {
namespace {

constexpr PeerName kUs{0x11};
constexpr PeerName kNear{0x12};
constexpr PeerName kFar{0x13};  // behind kNear
constexpr PeerName kSide{0x14}; // a neighbour by tunnel
constexpr PeerName kLost{0x15}; // known, no route
constexpr PeerName kStranger{0x99};
constexpr ShortId kUsId{1};
constexpr ShortId kNearId{2};
constexpr ShortId kFarId{3};
constexpr ShortId kSideId{4};
constexpr ShortId kLostId{5};
constexpr TunnelEndpoints kEndpoints{
    .local = Ipv4Address{0xc0000201}, .remote = Ipv4Address{0xc0000204}, .udp_port = 6784};

ForwardingState small_mesh() {
  return {.self = kUs,
          .self_id = kUsId,
          .peers = {{kUsId, kUs}, {kNearId, kNear}, {kFarId, kFar}, {kSideId, kSide}, {kLostId, kLost}},
          .neighbours = {{kNearId, {.name = kNear, .carrier = Carrier::user, .endpoints = {}}},
                         {kSideId, {.name = kSide, .carrier = Carrier::tunnel, .endpoints = kEndpoints}}},
          .next_hops = {{kNearId, kNearId}, {kFarId, kNearId}, {kSideId, kSideId}},
          .floods = {}};
}

struct PeerDirectoryTest : testing::Test {
  ForwardingState state = small_mesh();

  [[nodiscard]] PeerDirectory directory() const {
    return PeerDirectory{std::make_shared<ForwardingState const>(state)};
  }
  [[nodiscard]] std::expected<ForwardHop, DropReason> resolve(UserTag const& tag) const {
    return directory().resolve(tag);
  }
};

using Hop = std::expected<ForwardHop, DropReason>;

TEST_F(PeerDirectoryTest, CapturedFramesComeFromOurself) {
  EXPECT_EQ(resolve({.source = {}, .destination = kNearId}), (Hop{ForwardHop{kNear, kUs, kNear}}));
  EXPECT_EQ(resolve({.source = {}, .destination = kFarId}), (Hop{ForwardHop{kNear, kUs, kFar}}));
}

TEST_F(PeerDirectoryTest, RelayedFramesKeepTheirSource) {
  EXPECT_EQ(resolve({.source = kSideId, .destination = kFarId}), (Hop{ForwardHop{kNear, kSide, kFar}}));
}

TEST_F(PeerDirectoryTest, ANeighbourWithoutARouteIsReachedDirectly) {
  state.next_hops.erase(kNearId);
  EXPECT_EQ(resolve({.source = {}, .destination = kNearId}), (Hop{ForwardHop{kNear, kUs, kNear}}));
}

TEST_F(PeerDirectoryTest, CopiesOfAFloodedFrameGoToTheNeighbourThatIsNamed) {
  state.next_hops[kSideId] = kNearId;
  EXPECT_EQ(resolve({.source = {}, .destination = kSideId}), (Hop{ForwardHop{kNear, kUs, kSide}}));
  EXPECT_EQ(resolve({.source = {}, .destination = kSideId, .flooded = true}), (Hop{ForwardHop{kSide, kUs, kSide}}));
  EXPECT_EQ(resolve({.source = {}, .destination = kFarId, .flooded = true}), (Hop{ForwardHop{kNear, kUs, kFar}}));
}

TEST_F(PeerDirectoryTest, SaysWhyAFrameGoesNowhere) {
  auto const reason = [&](UserTag const& tag) { return resolve(tag).error(); };
  EXPECT_EQ(reason({.source = {}, .destination = ShortId{77}}), DropReason::unknown_peer);
  EXPECT_EQ(reason({.source = ShortId{77}, .destination = kNearId}), DropReason::unknown_peer);
  EXPECT_EQ(reason({.source = kUsId, .destination = kNearId}), DropReason::returned);
  EXPECT_EQ(reason({.source = {}, .destination = kUsId}), DropReason::local_destination);
  EXPECT_EQ(reason({.source = {}, .destination = kLostId}), DropReason::no_route);
  state.next_hops[kLostId] = kFarId;
  EXPECT_EQ(reason({.source = {}, .destination = kLostId}), DropReason::no_route) << "the hop is no neighbour";
  EXPECT_EQ(PeerDirectory{}.resolve({.source = {}, .destination = ShortId{0}}).error(), DropReason::unknown_peer);
}

TEST_F(PeerDirectoryTest, FindsTunnels) {
  EXPECT_EQ(directory().tunnel_for({kSide, kNear, kFar}),
            (TunnelRoute{.endpoints = kEndpoints, .ids = {.source = kNearId, .destination = kFarId}}));
  EXPECT_FALSE(directory().tunnel_for({kNear, kUs, kFar})) << "another carrier";
  EXPECT_FALSE(directory().tunnel_for({kFar, kUs, kFar})) << "no neighbour";
  EXPECT_FALSE(directory().tunnel_for({kSide, kStranger, kFar}));
  EXPECT_FALSE(directory().tunnel_for({kSide, kUs, kStranger}));
  EXPECT_FALSE(PeerDirectory{}.tunnel_for({kSide, kUs, kSide}));
  state.neighbours[kSideId].endpoints.remote = {};
  EXPECT_FALSE(directory().tunnel_for({kSide, kUs, kSide})) << "an address is missing";
}

TEST_F(PeerDirectoryTest, FindsIdsByName) {
  EXPECT_EQ(directory().id_of(kFar), kFarId);
  EXPECT_EQ(directory().id_of(kUs), kUsId);
  EXPECT_FALSE(directory().id_of(kStranger));
  EXPECT_FALSE(PeerDirectory{}.id_of(kUnknownPeer));
}

} // namespace
} // namespace weave::datapath
