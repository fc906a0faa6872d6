#include <gtest/gtest.h>

#include "controller/ipam/allocator.hpp"
#include "controller/ipam/ranges.hpp"
#include "test/unit/ipam/allocator_fakes.hpp"

namespace weave::controller::ipam {
namespace {

using namespace weave::test;
using namespace std::chrono_literals;

PeerName peer(int number) { return PeerName{static_cast<std::uint64_t>(number)}; }
Ipv4Cidr cidr(std::string_view text) { return Ipv4Cidr::parse(text).value(); }
Ipv4Range const kUniverse = cidr("10.0.0.0/24").range();

/// Peer 1 owns 10.0.0.0/24, its container c1 has .100, and the mesh says that .64 to .255 belong to peer 2.
class Displaced : public testing::Test {
 protected:
  void SetUp() override {
    AllocatorConfig config;
    config.self = peer(1);
    config.nickname = "one";
    config.universe = config.default_subnet = cidr("10.0.0.0/24");
    config.formation.mode = Formation::Mode::seeds;
    config.formation.seeds = {peer(1)};
    rig = std::make_unique<AllocatorRig>(config, clock);
    ASSERT_TRUE(allocator().restore());
    allocator().claim({"c1", cidr("10.0.0.100/24"), true, false, false, std::nullopt}, [](Result<void> const&) {});
    clock.settle();
    rig->channel.sent.clear();
  }
  Allocator& allocator() { return *rig->allocator; }
  Result<void> hear(std::vector<RingToken> tokens) {
    GossipState state;
    state.ring = RingState{kUniverse, peer(2), std::move(tokens), {peer(1)}};
    auto const heard = allocator().on_gossip(peer(2), encode_gossip_state(state));
    if (!heard) return failure_of(heard);
    return {};
  }
  Result<void> lose() { return hear({{at(0), peer(1), 1, 0}, {at(64), peer(2), 0, 0}}); }
  static Ipv4Address at(std::uint32_t offset) { return kUniverse.start + offset; }
  int asked_for(Ipv4Address address) {
    int count = 0;
    for (auto const& message : std::exchange(rig->channel.sent, {})) {
      if (message.destination && message.payload == encode_unicast(SpaceRequest{just(address)})) ++count;
    }
    return count;
  }

  VirtualScheduler clock;
  std::unique_ptr<AllocatorRig> rig;
};

TEST_F(Displaced, a_conflict_keeps_the_link_and_the_range_goes_to_its_owner) {
  EXPECT_TRUE(lose());
  EXPECT_EQ(allocator().book().ring().owner(at(64)), peer(2));
  EXPECT_EQ(allocator().book().space().free().ranges(), (std::vector<Ipv4Range>{{at(0), at(64)}}));
  EXPECT_EQ(rig->log->count("IP allocation conflict with 00:00:00:00:00:02: Peer 00:00:00:00:00:02 says it owns the IP "
                            "range from 10.0.0.64, which I think I own"),
            1U);
  EXPECT_EQ(allocator().status().conflict,
            "address 10.0.0.100 of c1 belongs to peer 00:00:00:00:00:02, which has been asked for it");
  EXPECT_EQ(asked_for(at(100)), 1);
}

TEST_F(Displaced, an_address_given_back_heals_the_conflict) {
  ASSERT_TRUE(lose());
  ASSERT_TRUE(allocator().on_unicast(peer(2), encode_unicast(SpaceDenied{just(at(100))})));
  ASSERT_TRUE(
      hear({{at(0), peer(1), 1, 0}, {at(64), peer(2), 1, 0}, {at(100), peer(1), 0, 0}, {at(101), peer(2), 0, 0}}));
  EXPECT_EQ(rig->log->count("address 10.0.0.100 of c1 is ours again"), 1U);
  EXPECT_TRUE(allocator().book().space().allocated().contains(at(100)));
  clock.advance(3min);
  EXPECT_EQ(allocator().status().conflict, "");
}

TEST_F(Displaced, an_address_in_use_on_both_sides_is_told_once_and_asked_for_until_it_is_free) {
  ASSERT_TRUE(lose());
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(asked_for(at(100)), 1);
    ASSERT_TRUE(allocator().on_unicast(peer(2), encode_unicast(SpaceDenied{just(at(100))})));
    EXPECT_EQ(asked_for(at(100)), 0);
    allocator().tick();
  }
  EXPECT_EQ(rig->log->count("address 10.0.0.100 of c1 is in use at peer 00:00:00:00:00:02 as well; stop one"), 1U);
  EXPECT_EQ(allocator().status().conflict,
            "address 10.0.0.100 of c1 belongs to peer 00:00:00:00:00:02, which has it in use as well: stop one of the "
            "two");
}

TEST_F(Displaced, says_so_if_the_owner_is_out_of_reach) {
  rig->mesh.everybody_known = false;
  rig->channel.unreachable.insert(peer(2));
  ASSERT_TRUE(lose());
  EXPECT_TRUE(allocator().status().conflict.ends_with("which cannot be reached (use 'rmpeer' if dead)"));
  EXPECT_EQ(allocator().take_over("00:00:00:00:00:02").value(), 191U);
  EXPECT_TRUE(allocator().book().displaced().empty());
}

TEST_F(Displaced, a_container_that_stops_does_not_come_back_with_it) {
  ASSERT_TRUE(lose());
  allocator().on_container_died("c1");
  EXPECT_TRUE(allocator().owned().all().empty());
  EXPECT_TRUE(allocator().book().displaced().empty());
}

TEST_F(Displaced, an_address_found_in_use_is_recorded_although_its_owner_refuses) {
  ASSERT_TRUE(lose());
  allocator().reclaim({{"c2", cidr("10.0.0.200/24"), true}});
  ASSERT_TRUE(allocator().on_unicast(peer(2), encode_unicast(SpaceDenied{just(at(200))})));
  EXPECT_EQ(allocator().lookup("c2", kUniverse), (std::vector{cidr("10.0.0.200/24")}));
  EXPECT_EQ(allocator().book().displaced(), (std::set{at(100), at(200)}));
  EXPECT_TRUE(allocator().status().conflict.ends_with("and 1 more")) << allocator().status().conflict;
}

TEST_F(Displaced, a_released_address_is_not_asked_for_any_more) {
  rig->channel.unreachable.insert(peer(2));
  ASSERT_TRUE(lose());
  allocator().reclaim({{"c2", cidr("10.0.0.200/24"), true}, {"c3", cidr("10.0.0.201/24"), true}});
  EXPECT_TRUE(allocator().release_all("c2"));
  EXPECT_FALSE(allocator().release("c3", at(200)));
  EXPECT_TRUE(allocator().release("c3", at(201)));
  EXPECT_FALSE(allocator().release_all("c2"));
  EXPECT_TRUE(allocator().status().pending_claims.empty());
}

TEST_F(Displaced, an_address_found_in_use_is_asked_for_until_its_owner_is_there) {
  rig->channel.unreachable.insert(peer(2));
  ASSERT_TRUE(lose());
  allocator().reclaim({{"c2", cidr("10.0.0.200/24"), true}});
  for (int round = 0; round < 20; ++round) allocator().tick();
  rig->channel.unreachable.clear();
  allocator().tick();
  EXPECT_EQ(asked_for(at(200)), 1);
}

} // namespace
} // namespace weave::controller::ipam
