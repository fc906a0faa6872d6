#include <limits>

#include <gtest/gtest.h>

#include "test/unit/dns_names/gossiper_fakes.hpp"
#include "test/unit/dns_names/name_vectors.hpp"

namespace weave::controller::dns {
namespace {

using namespace weave::test;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr PeerName kUs{1};
constexpr PeerName kThem{2};
constexpr PeerName kOthers{3};
constexpr Ipv4Address kAddress{0x0a20'0001};

NameKey key_of(PeerName origin, std::string hostname = "foo.weave.local.") {
  return {.hostname = std::move(hostname), .origin = origin, .container_id = "c1", .address = kAddress};
}

Bytes payload(GossiperRig const& rig, NameSet names, std::int64_t clock_off = 0) {
  return encode_names({.timestamp = rig.unix_time() + clock_off, .entries = std::move(names)});
}

/// The complete state as a neighbour would get it.
NameSet told(GossiperRig& rig) { return FakeNameChannel::decode(*rig.gossiper->complete_state()).entries; }

void join(GossiperRig& rig, PeerName peer) {
  rig.members.peers.insert(peer);
  rig.gossiper->on_topology_changed();
}

TEST(NameGossiper, names_wait_for_their_peer) {
  GossiperRig rig{kUs, {kThem}};
  rig.gossiper->start();
  auto const relay = rig.gossiper->on_gossip(kThem, payload(rig, {{key_of(kOthers), {}}}));
  ASSERT_TRUE(relay);
  EXPECT_EQ(*relay, nullptr);
  EXPECT_TRUE(rig.addresses("foo.weave.local.").empty());
  rig.scheduler.advance(seconds{10});
  join(rig, kOthers);
  EXPECT_EQ(rig.addresses("foo.weave.local."), std::vector{kAddress});
  ASSERT_EQ(rig.channel.gossips.size(), 1U) << "others may not have heard of it either";
  EXPECT_EQ(rig.channel.gossips[0].entries.size(), 1U);
}

TEST(NameGossiper, names_do_not_wait_for_ever) {
  GossiperRig rig{kUs, {kThem}};
  rig.gossiper->start();
  ASSERT_TRUE(rig.gossiper->on_gossip(kThem, payload(rig, {{key_of(kOthers), {}}})));
  rig.scheduler.advance(seconds{40});
  join(rig, kOthers);
  EXPECT_TRUE(rig.addresses("foo.weave.local.").empty());
}

TEST(NameGossiper, the_newest_of_what_waited_counts) {
  GossiperRig rig{kUs, {kThem}};
  rig.gossiper->start();
  ASSERT_TRUE(rig.gossiper->on_gossip(kThem, payload(rig, {{key_of(kOthers), {1, rig.unix_time()}}})));
  ASSERT_TRUE(rig.gossiper->on_gossip(kThem, payload(rig, {{key_of(kOthers), {0, 0}}})));
  join(rig, kOthers);
  EXPECT_TRUE(rig.addresses("foo.weave.local.").empty());
}

TEST(NameGossiper, tells_its_names_to_those_who_join) {
  GossiperRig rig{kUs};
  rig.gossiper->start();
  rig.gossiper->add("c1", "foo.weave.local.", kAddress);
  rig.channel.broadcasts.clear();
  join(rig, kThem);
  join(rig, kOthers);
  rig.scheduler.advance(seconds{1});
  ASSERT_EQ(rig.channel.broadcasts.size(), 1U) << "once for a crowd";
  EXPECT_EQ(rig.channel.broadcasts[0].entries.size(), 1U);
  join(rig, PeerName{9});
  rig.scheduler.advance(seconds{1});
  EXPECT_EQ(rig.channel.broadcasts.size(), 1U) << "not too often";
  rig.scheduler.advance(seconds{3});
  EXPECT_EQ(rig.channel.broadcasts.size(), 2U);
}

TEST(NameGossiper, asks_peers_whose_names_it_lacks) {
  GossiperRig us{kUs};
  GossiperRig them{kThem, {kUs}};
  them.gossiper->add("c1", "foo.weave.local.", kAddress);
  us.gossiper->start();
  join(us, kThem);
  us.scheduler.advance(seconds{4});
  ASSERT_EQ(us.channel.unicasts.size(), 1U);
  EXPECT_EQ(us.channel.unicasts[0].first, kThem);
  ASSERT_TRUE(them.gossiper->on_unicast(kUs, us.channel.unicasts[0].second));
  ASSERT_EQ(them.channel.unicasts.size(), 1U);
  EXPECT_EQ(them.channel.unicasts[0].first, kUs);
  ASSERT_TRUE(us.gossiper->on_unicast(kThem, them.channel.unicasts[0].second));
  EXPECT_EQ(us.addresses("foo.weave.local."), std::vector{kAddress});
  us.scheduler.advance(minutes{5});
  EXPECT_EQ(us.channel.unicasts.size(), 1U);
}

TEST(NameGossiper, bears_unicasts_that_it_does_not_know) {
  GossiperRig rig{kUs, {kThem}};
  for (Bytes const& odd : {Bytes{}, Bytes{0}, Bytes{77, 1, 2}}) {
    EXPECT_TRUE(rig.gossiper->on_unicast(kThem, odd));
  }
  EXPECT_FALSE(rig.gossiper->on_unicast(kThem, Bytes{2, 0xff, 0xff}));
  EXPECT_TRUE(rig.channel.unicasts.empty());
}

TEST(NameGossiper, names_of_a_peer_that_left_go_at_once_and_come_back) {
  GossiperRig rig{kUs, {kThem}};
  auto const names = NameSet{{key_of(kThem), {}}, {key_of(kThem, "gone.weave.local."), {1, rig.unix_time()}}};
  ASSERT_TRUE(rig.gossiper->on_gossip(kThem, payload(rig, names)));
  rig.members.peers.erase(kThem);
  rig.gossiper->on_peer_gone(kThem);
  EXPECT_EQ(rig.gossiper->table().size(), 0U);
  EXPECT_TRUE(rig.addresses("foo.weave.local.").empty());
  rig.members.peers.insert(kThem);
  ASSERT_TRUE(rig.gossiper->on_gossip(kThem, payload(rig, names)));
  EXPECT_EQ(rig.addresses("foo.weave.local."), std::vector{kAddress});
}

TEST(NameGossiper, tombstones_stay_half_an_hour) {
  GossiperRig rig{kUs};
  rig.gossiper->start();
  rig.gossiper->add("c1", "foo.weave.local.", kAddress);
  rig.gossiper->remove({});
  rig.scheduler.advance(minutes{29});
  EXPECT_EQ(rig.gossiper->table().size(), 1U);
  rig.scheduler.advance(minutes{3});
  EXPECT_EQ(rig.gossiper->table().size(), 0U);
}

TEST(NameGossiper, a_dropped_tombstone_does_not_come_back) {
  GossiperRig rig{kUs, {kThem}};
  rig.gossiper->start();
  auto const old = rig.unix_time();
  ASSERT_TRUE(rig.gossiper->on_gossip(kThem, payload(rig, {{key_of(kThem), {1, old}}})));
  rig.scheduler.advance(minutes{32});
  ASSERT_EQ(rig.gossiper->table().size(), 0U);
  // A peer of the original keeps it for up to an hour.
  auto const relay = rig.gossiper->on_gossip(kThem, payload(rig, {{key_of(kThem), {1, old}}}));
  ASSERT_TRUE(relay);
  EXPECT_EQ(*relay, nullptr);
  EXPECT_EQ(rig.gossiper->table().size(), 0U);
}

TEST(NameGossiper, deletions_by_a_clock_that_is_behind_hold) {
  GossiperRig rig{kUs, {kThem}};
  rig.gossiper->start();
  ASSERT_TRUE(rig.gossiper->on_gossip(kThem, payload(rig, {{key_of(kThem), {}}})));
  auto const hour_ago = rig.unix_time() - 3600;
  ASSERT_TRUE(rig.gossiper->on_broadcast(kThem, payload(rig, {{key_of(kThem), {1, hour_ago}}}, -3600)));
  rig.scheduler.advance(minutes{2});
  // What somebody slow still believes must not bring it back to life.
  ASSERT_TRUE(rig.gossiper->on_gossip(kOthers, payload(rig, {{key_of(kThem), {}}})));
  EXPECT_TRUE(rig.addresses("foo.weave.local.").empty());
}

TEST(NameGossiper, tombstones_of_the_future_do_not_stay_for_ever) {
  GossiperRig rig{kUs, {kThem}};
  rig.gossiper->start();
  ASSERT_TRUE(rig.gossiper->on_gossip(kThem, payload(rig, {{key_of(kThem), {}}})));
  auto const next_year = rig.unix_time() + 365 * 86400;
  ASSERT_TRUE(rig.gossiper->on_gossip(kThem, payload(rig, {{key_of(kThem), {1, next_year}}})));
  EXPECT_EQ(rig.gossiper->table().size(), 1U);
  rig.scheduler.advance(minutes{70});
  EXPECT_EQ(rig.gossiper->table().size(), 0U);
}

TEST(NameGossiper, complains_of_a_wrong_clock_now_and_then) {
  GossiperRig rig{kUs, {kThem}};
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(rig.gossiper->on_gossip(kThem, payload(rig, {}, 3600)));
  EXPECT_EQ(rig.log->count("the clock of peer 00:00:00:00:00:02 differs from ours by 3600 s"), 1U);
  EXPECT_EQ(rig.gossiper->wrong_clocks(), (std::map<PeerName, std::int64_t>{{kThem, 3600}}));
  rig.scheduler.advance(minutes{11});
  ASSERT_TRUE(rig.gossiper->on_gossip(kThem, payload(rig, {}, 3600)));
  EXPECT_EQ(rig.log->count("the clock of peer"), 2U);
  ASSERT_TRUE(rig.gossiper->on_gossip(kThem, payload(rig, {}, 600)));
  EXPECT_TRUE(rig.gossiper->wrong_clocks().empty()) << "it was set";
}

TEST(NameGossiper, versions_at_the_end_of_the_numbers_do_no_harm) {
  GossiperRig rig{kUs};
  rig.gossiper->add("c1", "foo.weave.local.", kAddress);
  constexpr auto kLast = std::numeric_limits<std::int64_t>::max();
  ASSERT_TRUE(rig.gossiper->on_gossip(kThem, payload(rig, {{key_of(kUs), {kLast, 5}}})));
  EXPECT_EQ(rig.addresses("foo.weave.local."), std::vector{kAddress}) << "only we say what our names are";
  auto const timestamp = std::numeric_limits<std::int64_t>::min();
  EXPECT_TRUE(rig.gossiper->on_gossip(kThem, encode_names({.timestamp = timestamp, .entries = {}})));
}

TEST(NameGossiper, everything_waiting_for_a_neighbour_leaves_as_one) {
  GossiperRig rig{kUs, {kThem}};
  rig.gossiper->add("c1", "foo.weave.local.", kAddress);
  auto const everything = rig.gossiper->complete_state()->clone();
  auto const some = rig.gossiper->on_gossip(kThem, payload(rig, {{key_of(kThem), {}}}));
  ASSERT_TRUE(some);
  everything->merge(**some);
  EXPECT_EQ(FakeNameChannel::decode(*everything).entries.size(), 2U) << "as it is when it leaves";
  auto const waiting = (*some)->clone();
  auto const other = waiting->clone();
  auto const more = rig.gossiper->on_gossip(kThem, payload(rig, {{key_of(kThem, "b.weave.local."), {}}}));
  ASSERT_TRUE(more);
  waiting->merge(**more);
  EXPECT_EQ(FakeNameChannel::decode(*waiting).entries.size(), 2U);
  EXPECT_EQ(FakeNameChannel::decode(*other).entries.size(), 1U) << "each connection has its own";
  waiting->merge(*everything);
  EXPECT_EQ(FakeNameChannel::decode(*waiting).entries.size(), 3U);
  EXPECT_EQ(told(rig).size(), 3U);
}

TEST(NameGossiper, more_than_fits_in_a_message_is_sent_in_parts) {
  NameMessage message{.timestamp = 1, .entries = {}};
  for (int i = 0; i < 60'000; ++i) {
    message.entries.emplace(NameKey{.hostname = "host-" + std::to_string(i) + ".weave.local.",
                                    .origin = kThem,
                                    .container_id = std::string(64, 'c'),
                                    .address = kAddress},
                            NameState{});
  }
  auto const parts = encode_names_in_parts(message);
  EXPECT_GT(parts.size(), 1U);
  NameSet found;
  for (auto const& part : parts) {
    EXPECT_LT(part.size(), std::size_t{10} << 20U);
    auto decoded = decode_names(part);
    ASSERT_TRUE(decoded);
    found.merge(decoded->entries);
  }
  EXPECT_EQ(found, message.entries);
  EXPECT_EQ(encode_names_in_parts({}).size(), 1U) << "an idle peer says so";
}

TEST(NameTable, order_of_messages_does_not_matter) {
  SeededRandom random{11};
  auto const known = [](PeerName) { return true; };
  for (int round = 0; round < 200; ++round) {
    std::vector<NameSet> messages(6);
    for (auto& message : messages) {
      for (std::uint64_t i = random.below(6); i-- > 0;) {
        auto const key = key_of(PeerName{2 + random.below(2)}, random.below(2) == 0 ? "Foo." : "foo.");
        merge_into(message, key,
                   {static_cast<std::int64_t>(random.below(4)),
                    random.below(2) == 0 ? 0 : static_cast<std::int64_t>(1000 + random.below(3))});
      }
    }
    NameTable forwards{kUs};
    NameTable backwards{kUs};
    Moment const now{1100, TimePoint{}};
    for (auto const& message : messages) (void)forwards.receive(message, known, now);
    for (auto at = messages.rbegin(); at != messages.rend(); ++at) (void)backwards.receive(*at, known, now);
    (void)backwards.receive(messages.back(), known, now);
    ASSERT_EQ(lines_of(forwards.entries()), lines_of(backwards.entries())) << "round " << round;
  }
}

} // namespace
} // namespace weave::controller::dns
