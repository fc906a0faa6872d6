#include "test/unit/ipam/allocator_fixture.hpp"

namespace weave::controller::ipam {
namespace {

using AllocatorPeersTest = AllocatorTest;

TEST_F(AllocatorPeersTest, calls_the_dead_by_their_nicknames_also_after_a_restart) {
  boot(config(2));
  GossipState state;
  state.nicknames = {{peer(2), "two"}};
  ASSERT_TRUE(allocator().on_gossip(peer(2), encode_gossip_state(state)));
  boot(config(2));
  rig->mesh.everybody_known = false;
  EXPECT_EQ(allocator().status().entries.back().nickname, "two");
  EXPECT_EQ(allocator().take_over("two").value(), 128U);
}

TEST_F(AllocatorPeersTest, a_peer_is_called_what_it_says_and_not_what_others_remember) {
  boot(config(2));
  auto const hear = [&](PeerName from, std::string const& nickname) {
    GossipState state;
    state.nicknames = {{peer(2), nickname}, {peer(7), "stranger"}};
    state.ring = allocator().book().ring().state();
    state.ring->peer = from;
    ASSERT_TRUE(allocator().on_gossip(from, encode_gossip_state(state)));
  };
  hear(peer(3), "first");
  hear(peer(2), "second");
  auto const saves = rig->store->saves;
  hear(peer(3), "first");
  hear(peer(3), "third");
  EXPECT_EQ(rig->store->saves, saves) << "nothing of it is worth a write";
  EXPECT_EQ(allocator().gossip_state().nicknames.at(peer(2)), "second");
}

TEST_F(AllocatorPeersTest, of_several_peers_with_one_nickname_the_dead_one_is_meant) {
  boot(config(4));
  GossipState state;
  state.nicknames = {{peer(2), "db"}, {peer(3), "db"}, {peer(4), "db"}, {peer(9), "db"}};
  ASSERT_TRUE(allocator().on_gossip(peer(2), encode_gossip_state(state)));
  EXPECT_EQ(allocator().take_over("db").error().text(), "all peers called db are in the mesh");
  rig->mesh.everybody_known = false;
  rig->mesh.known = {peer(2)};
  EXPECT_EQ(allocator().take_over("db").error().text(),
            "several peers that are gone are called db; which one is meant: 00:00:00:00:00:03, 00:00:00:00:00:04?");
  rig->mesh.known = {peer(2), peer(3)};
  EXPECT_EQ(allocator().take_over("db").value(), 64U);
}

TEST_F(AllocatorPeersTest, a_ring_that_cannot_be_joined_is_told_with_what_to_do) {
  boot(config(1));
  GossipState state;
  state.nicknames = {{peer(2), "two"}};
  state.ring =
      RingState{cidr("10.0.0.0/24").range(), peer(2), {{cidr("10.0.0.0/24").address, peer(2), 0, 256}}, {peer(2)}};
  auto const refused = allocator().on_gossip(peer(2), encode_gossip_state(state));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text(),
            "IP allocation was seeded by different peers (received: [00:00:00:00:00:02(two)], ours: "
            "[00:00:00:00:00:01(one)])");
  clock.advance(10min);
  EXPECT_TRUE(allocator().status().conflict.starts_with(refused.error().text() + "; "));
  EXPECT_TRUE(allocator().status().conflict.contains("run 'weave reset' on the hosts of one part"));
  EXPECT_TRUE(allocator().status().conflict.ends_with(" (from 00:00:00:00:00:02(two))"));
  state.ring->seeds = {peer(1)};
  state.ring->tokens[0] = {cidr("10.0.0.0/24").address, peer(1), 0, 256};
  ASSERT_TRUE(allocator().on_gossip(peer(2), encode_gossip_state(state)));
  EXPECT_EQ(allocator().status().conflict, "") << "they agree now";
}

TEST_F(AllocatorPeersTest, whoever_was_refused_space_hears_at_once_when_there_is_some) {
  boot(config(2));
  fill();
  rig->channel.sent.clear();
  SpaceRequest const request{cidr("10.0.0.0/24").range()};
  ASSERT_TRUE(allocator().on_unicast(peer(2), encode_unicast(request)));
  ASSERT_EQ(rig->channel.sent.size(), 2U) << "the refusal and the ring";
  ASSERT_TRUE(allocator().release("filler", cidr("10.0.0.7/24").address));
  ASSERT_EQ(rig->channel.sent.size(), 3U);
  EXPECT_EQ(rig->channel.sent.back().destination, peer(2));
  ASSERT_TRUE(allocator().release("filler", cidr("10.0.0.8/24").address));
  EXPECT_EQ(rig->channel.sent.size(), 3U) << "told once";

  fill();
  ASSERT_TRUE(allocator().on_unicast(peer(2), encode_unicast(request)));
  clock.advance(1min);
  rig->channel.sent.clear();
  ASSERT_TRUE(allocator().release("filler", cidr("10.0.0.7/24").address));
  EXPECT_TRUE(rig->channel.sent.empty()) << "it has not asked again for long";
}

TEST_F(AllocatorPeersTest, whoever_asks_before_the_ring_is_here_is_told_when_it_comes) {
  boot(config(0));
  ASSERT_TRUE(allocator().on_unicast(peer(2), encode_unicast(SpaceRequest{cidr("10.0.0.5/32").range()})));
  EXPECT_TRUE(rig->channel.sent.empty());
  GossipState state;
  auto const start = cidr("10.0.0.0/24").address;
  state.ring = RingState{cidr("10.0.0.0/24").range(),
                         peer(2),
                         {{start, peer(1), 0, 128}, {start + 128, peer(2), 0, 128}},
                         {peer(1), peer(2)}};
  ASSERT_TRUE(allocator().on_gossip(peer(2), encode_gossip_state(state)));
  ASSERT_EQ(rig->channel.sent.size(), 1U) << "it would wait for its next round, up to 5 s";
  EXPECT_EQ(rig->channel.sent.back().destination, peer(2));
}

TEST_F(AllocatorPeersTest, asks_again_whoever_sends_its_ring_after_a_refusal) {
  boot(config(2));
  fill();
  Answered<Ipv4Cidr> answer;
  allocate("c1", answer);
  ASSERT_EQ(asked(), std::vector{peer(2)});
  auto update = allocator().gossip_state();
  auto const send_ring = [&] {
    ++update.ring->tokens.back().version;
    ASSERT_TRUE(allocator().on_unicast(peer(2), encode_unicast(RingUpdate{update})));
    clock.settle();
  };
  deny(peer(2), cidr("10.0.0.0/24").range());
  send_ring();
  EXPECT_TRUE(asked().empty()) << "this belongs to the refusal";
  send_ring();
  EXPECT_EQ(asked(), std::vector{peer(2)});
  deny(peer(2), cidr("10.0.0.0/24").range());
  send_ring();
  EXPECT_TRUE(asked().empty());
}

TEST_F(AllocatorPeersTest, asks_others_when_a_donor_leaves_without_an_answer) {
  boot(config(3));
  fill();
  Answered<Ipv4Cidr> answer;
  allocate("c1", answer);
  auto const first = asked();
  ASSERT_EQ(first.size(), 1U);
  rig->channel.unreachable = {first.front()};
  allocator().on_peer_gone(first.front());
  auto const second = asked();
  ASSERT_EQ(second.size(), 1U);
  EXPECT_NE(first, second);
}

TEST_F(AllocatorPeersTest, asks_also_who_last_reported_nothing_free) {
  boot(config(2));
  fill();
  auto full = allocator().gossip_state();
  ++full.ring->tokens.back().version;
  full.ring->tokens.back().free = 0;
  ASSERT_TRUE(allocator().on_gossip(peer(2), encode_gossip_state(full)));
  Answered<Ipv4Cidr> answer;
  allocate("c1", answer);
  EXPECT_EQ(asked(), std::vector{peer(2)}) << "something may have been freed since";
}

TEST_F(AllocatorPeersTest, takes_over_only_from_the_dead) {
  boot(config(2));
  auto const alive = allocator().take_over("00:00:00:00:00:02");
  ASSERT_FALSE(alive);
  EXPECT_TRUE(alive.error().text().starts_with("peer 00:00:00:00:00:02 is still in the mesh"));
  rig->mesh.everybody_known = false;
  EXPECT_EQ(allocator().take_over("00:00:00:00:00:02").value(), 128U);
  EXPECT_EQ(allocator().take_over("nonsense").value(), 0U);
}

TEST_F(AllocatorPeersTest, a_take_over_that_cannot_be_saved_has_not_been) {
  boot(config(2));
  rig->mesh.everybody_known = false;
  store->failing = true;
  EXPECT_EQ(allocator().take_over("00:00:00:00:00:02").error().text(), "cannot save addresses: disk full");
  store->failing = false;
  allocator().tick();
  // Another host may have done it meanwhile.
  EXPECT_FALSE(allocator().book().ring().owned_ranges(peer(2)).empty());
  EXPECT_EQ(allocator().book().space().free().count(), 128U);
  EXPECT_EQ(allocator().take_over("00:00:00:00:00:02").value(), 128U);
}

TEST_F(AllocatorPeersTest, hands_over_although_its_disk_is_full) {
  boot(config(2));
  store->failing = true;
  allocator().shut_down();
  ASSERT_FALSE(rig->channel.sent.empty());
  auto const told = decode_gossip_state(rig->channel.sent.back().payload);
  ASSERT_TRUE(told);
  ASSERT_TRUE(told->ring);
  EXPECT_TRUE(Ring::restore(*told->ring)->owned_ranges(peer(1)).empty());
  EXPECT_NE(allocator().complete_state(), nullptr);
}

TEST_F(AllocatorPeersTest, asks_the_next_donor_as_soon_as_one_refuses) {
  boot(config(4));
  fill();
  Answered<Ipv4Cidr> answer;
  allocate("c1", answer);
  auto const range = cidr("10.0.0.0/24").range();
  std::set<PeerName> donors;
  for (int i = 0; i < 3; ++i) {
    auto const next = asked();
    ASSERT_EQ(next.size(), 1U) << "one at a time";
    donors.insert(next.front());
    deny(next.front(), range);
  }
  EXPECT_EQ(donors, (std::set{peer(2), peer(3), peer(4)}));
  EXPECT_TRUE(asked().empty());
  EXPECT_FALSE(answer.done());
  allocator().tick();
  EXPECT_EQ(asked().size(), 1U);
}

TEST_F(AllocatorPeersTest, asks_once_for_a_burst_of_containers) {
  boot(config(2));
  fill();
  std::vector<Answered<Ipv4Cidr>> answers(20);
  for (std::size_t i = 0; i < answers.size(); ++i) allocate("c" + std::to_string(i), answers[i]);
  EXPECT_EQ(asked().size(), 1U);
}

} // namespace
} // namespace weave::controller::ipam
