#include <string>
#include <vector>

#include <fmt/format.h>

#include "test/unit/ipam/allocator_fixture.hpp"

namespace weave::controller::ipam {
namespace {

TEST_F(AllocatorTest, saves_before_it_answers_and_in_one_transaction) {
  boot(config(1));
  auto const saves = store->saves;
  Answered<Ipv4Cidr> answer;
  allocator().allocate({"c1", cidr("10.0.0.0/24"), true, std::nullopt}, answer.take());
  EXPECT_FALSE(answer.done()); // never inside the call
  EXPECT_EQ(store->owned.at("c1"), R"({"container":true,"addrs":["10.0.0.1/24"]})");
  EXPECT_EQ(store->saves, saves + 1);
  clock.settle();
  EXPECT_TRUE(answer.done());
}

TEST_F(AllocatorTest, goes_on_after_a_restart_with_what_it_had) {
  boot(config(1));
  Answered<Ipv4Cidr> first;
  allocate("c1", first);
  auto const ring = allocator().gossip_state().ring;
  boot(config(0));
  EXPECT_EQ(allocator().gossip_state().ring, ring);
  Answered<Ipv4Cidr> second;
  allocate("c2", second);
  EXPECT_EQ((*second.result)->to_string(), "10.0.0.2/24");
  Answered<Ipv4Cidr> again;
  allocate("c1", again);
  EXPECT_EQ((*again.result)->to_string(), "10.0.0.1/24");
}

TEST_F(AllocatorTest, a_full_disk_is_an_error_and_nothing_is_handed_out) {
  boot(config(2));
  store->failing = true;
  Answered<Ipv4Cidr> answer;
  allocate("c1", answer);
  EXPECT_EQ(answer.error(), "cannot save addresses: disk full");
  EXPECT_EQ(allocator().book().space().allocated().count(), 0U);
  EXPECT_EQ(allocator().complete_state(), nullptr);
  // A donation that is not on disk must not be told either.
  ASSERT_TRUE(allocator().on_unicast(peer(2), encode_unicast(SpaceRequest{cidr("10.0.0.0/24").range()})));
  EXPECT_TRUE(rig->channel.sent.empty());

  store->failing = false;
  allocator().tick();
  EXPECT_NE(allocator().complete_state(), nullptr);
  Answered<Ipv4Cidr> later;
  allocate("c1", later);
  EXPECT_EQ((*later.result)->to_string(), "10.0.0.1/24");
}

TEST_F(AllocatorTest, a_second_container_cannot_have_an_address_in_use) {
  boot(config(1));
  auto const address = cidr("10.0.0.9/24");
  ASSERT_TRUE(claim({"_", address, false, false, true, std::nullopt}));
  auto const again = claim({"_", address, false, false, true, std::nullopt});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().text(), "address 10.0.0.9/24 already in use");
  EXPECT_EQ(again.error().kind(), ErrorKind::already_exists);

  ASSERT_TRUE(claim({"c1", cidr("10.0.0.10/24"), true, false, false, std::nullopt}));
  EXPECT_TRUE(claim({"_", cidr("10.0.0.10/24"), false, false, false, std::nullopt})); // as the original
  EXPECT_EQ(claim({"_", cidr("10.0.0.10/24"), false, false, true, std::nullopt}).error().text(),
            "address 10.0.0.10/24 is already owned by c1");
  EXPECT_EQ(claim({"c1", cidr("10.0.0.10/24"), true, false, true, std::nullopt}).error().text(),
            "address 10.0.0.10/24 is already owned by c1");

  ASSERT_TRUE(claim({"_", cidr("192.168.0.1/24"), false, false, true, std::nullopt}));
  EXPECT_EQ(claim({"_", cidr("192.168.0.1/24"), false, false, true, std::nullopt}).error().text(),
            "address 192.168.0.1/24 already in use by 192.168.0.1");
}

TEST_F(AllocatorTest, gives_nothing_away_while_donations_are_held) {
  boot(config(1));
  ASSERT_TRUE(claim({"_", cidr("10.0.0.10/24"), false, false, false, std::nullopt}));
  allocator().hold_donations(true);
  ASSERT_TRUE(allocator().on_unicast(PeerName{2}, encode_unicast(SpaceRequest{cidr("10.0.0.0/24").range()})));
  EXPECT_TRUE(allocator().book().ring().owned_ranges(PeerName{2}).empty());
  allocator().hold_donations(false);
  ASSERT_TRUE(allocator().on_unicast(PeerName{2}, encode_unicast(SpaceRequest{cidr("10.0.0.0/24").range()})));
  EXPECT_FALSE(allocator().book().ring().owned_ranges(PeerName{2}).empty());
}

TEST_F(AllocatorTest, frees_by_address_only_what_is_filed_so) {
  boot(config(1));
  auto const address = cidr("10.0.0.10/24").address;
  ASSERT_TRUE(claim({"_", cidr("10.0.0.10/24"), false, false, false, std::nullopt}));
  EXPECT_TRUE(allocator().release_address(address));
  EXPECT_FALSE(allocator().release_address(address));
  ASSERT_TRUE(claim({"c1", cidr("10.0.0.10/24"), true, false, false, std::nullopt}));
  EXPECT_EQ(allocator().release_address(address).error().text(), "Free: address 10.0.0.10 is of c1 now");
  EXPECT_TRUE(allocator().release("c1", address));
}

TEST_F(AllocatorTest, a_refusal_from_somebody_else_fails_no_claim) {
  boot(config(3));
  Answered<void> answer;
  auto const address = allocator().book().ring().owned_ranges(peer(2)).front().start;
  allocator().claim({"c1", {address, 24}, true, false, false, std::nullopt}, answer.take());
  clock.settle();
  deny(peer(3), {address, address + 1});
  deny(peer(2), cidr("10.0.0.0/24").range());
  EXPECT_FALSE(answer.done());
  deny(peer(2), {address, address + 1});
  EXPECT_EQ(answer.error(), "address " + address.to_string() + "/24 is owned by other peer 00:00:00:00:00:02");
}

TEST_F(AllocatorTest, says_who_is_missing_when_a_deadline_passes) {
  boot(config(0));
  rig->mesh.initial = "1 of 3 initial peers reachable: a; missing b, c";
  Answered<Ipv4Cidr> waiting;
  allocate("c1", waiting, 10s);
  Answered<void> primed;
  allocator().prime({10s}, primed.take());
  clock.advance(9s);
  EXPECT_FALSE(waiting.done());
  clock.advance(1s);
  EXPECT_EQ(waiting.error(),
            "timed out: the peers have not agreed on the address ring yet (quorum: 2, known: 1); "
            "1 of 3 initial peers reachable: a; missing b, c");
  EXPECT_EQ(waiting.result->error().kind(), ErrorKind::timed_out);
  EXPECT_EQ(primed.error(), waiting.error());
  EXPECT_TRUE(allocator().status().pending_allocates.empty());
}

TEST_F(AllocatorTest, says_who_has_not_given_when_a_deadline_passes) {
  boot(config(4));
  fill();
  rig->mesh.everybody_known = false;
  rig->mesh.known = {peer(1), peer(2), peer(3)};
  rig->channel.unreachable = {peer(4)};
  Answered<Ipv4Cidr> answer;
  allocate("c1", answer, 3s);
  auto const first = asked();
  ASSERT_EQ(first.size(), 1U);
  deny(first.front(), cidr("10.0.0.0/24").range());
  auto const second = asked();
  ASSERT_EQ(second.size(), 1U);
  clock.advance(3s);
  EXPECT_EQ(answer.error(), "timed out: no free address in 10.0.0.0/24 here; no answer yet from " +
                                second.front().to_string() + "; none left at " + first.front().to_string() +
                                "; unreachable: 00:00:00:00:00:04 (use 'rmpeer' if dead)");
}

TEST_F(AllocatorTest, says_why_a_claim_could_not_be_had_in_time) {
  boot(config(2));
  auto const address = allocator().book().ring().owned_ranges(peer(2)).front().start;
  Answered<void> silent;
  allocator().claim({"c1", {address, 24}, true, false, false, 2s}, silent.take());
  clock.advance(2s);
  EXPECT_EQ(silent.error(), "timed out: address " + address.to_string() +
                                "/24 is owned by other peer 00:00:00:00:00:02 - it has not answered yet");
}

TEST_F(AllocatorTest, a_cancelled_operation_answers_once_and_leaves_nothing) {
  boot(config(2));
  Answered<Ipv4Cidr> answer;
  auto operation = allocator().allocate({"_", cidr("10.0.0.0/24"), false, std::nullopt}, answer.take());
  operation.cancel(); // decided and saved, but not delivered yet
  operation.cancel();
  clock.settle();
  EXPECT_EQ(answer.error(), "Allocate request for _ cancelled");
  EXPECT_TRUE(allocator().owned().all().empty());

  fill();
  Answered<Ipv4Cidr> queued;
  auto waiting = allocate("c2", queued);
  waiting.cancel();
  clock.settle();
  EXPECT_EQ(queued.error(), "Allocate request for c2 cancelled");
  EXPECT_TRUE(allocator().status().pending_allocates.empty());

  Answered<Ipv4Cidr> finished;
  auto late = allocate("filler", finished);
  late.cancel();
  clock.settle();
  EXPECT_TRUE(*finished.result);
}

TEST_F(AllocatorTest, an_operation_may_outlive_the_allocator) {
  boot(config(0));
  Answered<Ipv4Cidr> answer;
  auto operation = allocate("c1", answer);
  auto const state = allocator().complete_state();
  rig.reset();
  operation.cancel();
  EXPECT_TRUE(state->encode().empty());
  clock.advance(1min);
  EXPECT_FALSE(answer.done());
}

TEST_F(AllocatorTest, reclaimed_addresses_go_before_new_ones) {
  auto alone = config(0);
  alone.quorum = [] { return 1U; };
  boot(alone);
  allocator().reclaim({{"old", cidr("10.0.0.1/24"), true}});
  Answered<Ipv4Cidr> answer;
  allocate("new", answer);
  EXPECT_EQ((*answer.result)->to_string(), "10.0.0.2/24");
  EXPECT_EQ(allocator().lookup("old", cidr("10.0.0.0/24").range()).size(), 1U);
}

TEST_F(AllocatorTest, a_claim_may_succeed_early_and_is_kept_up) {
  boot(config(0));
  ASSERT_TRUE(claim({"c1", cidr("10.0.0.200/24"), true, true, false, std::nullopt}));
  EXPECT_EQ(allocator().status().pending_claims.size(), 1U);
  Ring ring{cidr("10.0.0.0/24").range(), peer(2)};
  ring.form({peer(1), peer(2)});
  GossipState state;
  state.ring = ring.state();
  ASSERT_TRUE(allocator().on_gossip(peer(2), encode_gossip_state(state)));
  auto const sent = asked();
  EXPECT_EQ(sent, (std::vector{peer(2)}));
}

TEST_F(AllocatorTest, an_observer_asks_and_waits) {
  auto watching = config(0);
  watching.formation.mode = Formation::Mode::observer;
  boot(watching);
  EXPECT_FALSE(allocator().gossip_state().paxos);
  Answered<void> primed;
  allocator().prime({1s}, primed.take());
  clock.settle();
  EXPECT_EQ(rig->channel.sent.size(), 1U);
  ASSERT_TRUE(allocator().status().election);
  EXPECT_FALSE(allocator().status().election->elector);
  clock.advance(1s);
  EXPECT_EQ(primed.error(), "timed out: no peer has given us the address ring yet (we are an observer)");
}

TEST_F(AllocatorTest, ticks_by_itself_once_started) {
  boot(config(0));
  allocator().start();
  Answered<void> primed;
  allocator().prime({}, primed.take());
  clock.settle();
  rig->channel.sent.clear();
  clock.advance(11s);
  EXPECT_EQ(rig->channel.sent.size(), 2U);
}

TEST_F(AllocatorTest, votes_under_the_same_uid_after_a_crash) {
  boot(config(0));
  Answered<void> primed;
  allocator().prime({}, primed.take());
  clock.settle();
  auto const before = allocator().gossip_state().paxos;
  auto restarted = config(0);
  restarted.uid = PeerUid{78};
  boot(restarted);
  EXPECT_EQ(allocator().gossip_state().paxos, before);
  EXPECT_FALSE(allocator().awaiting_consensus());
}

TEST_F(AllocatorTest, unreadable_data_are_fatal) {
  store->state = Bytes{1, 2, 3};
  rig = std::make_unique<AllocatorRig>(config(1), clock, store);
  EXPECT_FALSE(rig->allocator->restore());
}

TEST_F(AllocatorTest, a_dead_container_s_waiting_operations_end) {
  boot(config(2));
  fill();
  Answered<Ipv4Cidr> answer;
  allocate("c1", answer);
  allocator().on_container_died("c1");
  clock.settle();
  EXPECT_EQ(answer.error(), "Allocate request for c1 cancelled");
}

TEST_F(AllocatorTest, a_freed_address_ends_a_wait) {
  boot(config(2));
  fill();
  Answered<Ipv4Cidr> answer;
  allocate("c1", answer);
  ASSERT_FALSE(answer.done());
  ASSERT_TRUE(allocator().release("filler", cidr("10.0.0.7/24").address));
  clock.settle();
  EXPECT_EQ((*answer.result)->to_string(), "10.0.0.7/24");
}

TEST(AllocatorConfig, refuses_what_cannot_work) {
  AllocatorConfig config;
  config.universe = config.default_subnet = cidr("255.0.0.0/8");
  EXPECT_FALSE(validate(config));
  config.universe = cidr("10.32.0.0/12");
  config.default_subnet = cidr("10.64.0.0/16");
  EXPECT_EQ(validate(config).error().text(),
            "IP address allocation default subnet 10.64.0.0/16 does not overlap with "
            "allocation range 10.32.0.0/12");
  config.default_subnet = cidr("10.0.0.0/8");
  EXPECT_TRUE(validate(config));
}

TEST(Formation, parses_the_option) {
  EXPECT_EQ(parse_formation("consensus").value(), Formation{});
  EXPECT_EQ(parse_formation("consensus=3").value().peer_count, 3U);
  EXPECT_EQ(parse_formation("consensus=0").value().peer_count, std::nullopt);
  EXPECT_EQ(parse_formation("observer").value().mode, Formation::Mode::observer);
  auto const seeds = parse_formation("seed=::1,::2").value();
  EXPECT_EQ(seeds.mode, Formation::Mode::seeds);
  EXPECT_EQ(seeds.seeds, (std::vector{peer(1), peer(2)}));
  EXPECT_EQ(parse_formation("seed=").value().mode, Formation::Mode::elector);
  for (auto const* bad : {"", "consensus=x", "consensus=-1", "seed", "seed=zz", "observer=1", "leader"}) {
    EXPECT_FALSE(parse_formation(bad)) << bad;
  }
}

TEST(Formation, takes_more_than_half_as_quorum) {
  EXPECT_EQ(quorum_of({}, 0), 1U);
  EXPECT_EQ(quorum_of({}, 1), 2U);
  EXPECT_EQ(quorum_of({}, 2), 2U);
  EXPECT_EQ(quorum_of({Formation::Mode::elector, {}, 5}, 0), 3U);
}

TEST_F(AllocatorTest, status_tells_who_owns_what) {
  boot(config(2, "10.32.0.0/12"));
  rig->mesh.everybody_known = false;
  rig->mesh.known = {peer(1), peer(2)};
  GossipState state;
  state.nicknames[peer(2)] = "two";
  state.ring = allocator().gossip_state().ring;
  ASSERT_TRUE(allocator().on_gossip(peer(2), encode_gossip_state(state)));
  for (auto const* id : {"c1", "c2"}) allocator().allocate({id, cidr("10.32.0.0/12"), true, std::nullopt}, [](auto) {});
  auto const owners = [this] {
    std::vector<std::string> texts;
    for (auto const& entry : allocator().status().entries) {
      texts.push_back(fmt::format("{} {} {} {}", entry.peer.to_string(), entry.nickname, entry.size,
                                  entry.is_known_peer ? "known" : "unknown"));
    }
    return texts;
  };
  EXPECT_EQ(owners(),
            (std::vector<std::string>{"00:00:00:00:00:01 one 524288 known", "00:00:00:00:00:02 two 524288 known"}));
  EXPECT_EQ(allocator().status().active_addresses, 2U);
  rig->mesh.known = {peer(1)};
  EXPECT_EQ(owners().back(), "00:00:00:00:00:02 two 524288 unknown");
}

TEST_F(AllocatorTest, status_tells_of_the_election) {
  boot(config(0));
  EXPECT_FALSE(allocator().status().election);
  EXPECT_TRUE(allocator().status().entries.empty());
  Answered<Ipv4Cidr> answer;
  allocate("c1", answer);
  ASSERT_TRUE(allocator().status().election);
  EXPECT_EQ(allocator().status().election->quorum, 2U);
  EXPECT_EQ(allocator().status().election->known_nodes, 1U);
  EXPECT_EQ(allocator().status().pending_allocates.size(), 1U);
}

} // namespace
} // namespace weave::controller::ipam
