#include "gossip/peer_table.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "gossip/local_peer.hpp"
#include "gossip/topology_codec.hpp"
#include "test/fakes/virtual_scheduler.hpp"
#include "test/fixtures/vectors.hpp"
#include "test/unit/gossip/topology_vectors.hpp"

namespace weave::gossip {
namespace {

using test::VectorFile;

[[nodiscard]] Peer make_peer(std::uint64_t name, std::uint64_t uid, std::uint64_t version,
                             std::optional<std::uint16_t> short_id = {}, std::vector<std::uint64_t> links = {}) {
  Peer peer;
  peer.name = PeerName{name};
  peer.nickname = "p" + std::to_string(name);
  peer.uid = PeerUid{uid};
  peer.version = version;
  if (short_id) peer.short_id = ShortId{*short_id};
  for (auto const link : links) {
    peer.connections[PeerName{link}] = PeerConnection{.remote = PeerName{link},
                                                      .address = "10.0.0." + std::to_string(link) + ":6783",
                                                      .outbound = true,
                                                      .established = true};
  }
  return peer;
}

class MergeVectors : public testing::TestWithParam<char const*> {};

TEST_P(MergeVectors, MatchTheOriginal) {
  auto& file = VectorFile::load("mesh");
  auto const& vector = file.named(GetParam());
  SeededRandom random{1};
  PeerTable table{test::peer_of(vector.at("ourself").as_object()), random};
  for (auto const& each : vector.at("steps").as_array()) {
    auto const& step = each.as_object();
    SCOPED_TRACE(test::text_of(step.at("note")));
    auto const update = decode_topology(test::hex_member(step, "update_hex"));
    ASSERT_TRUE(update.has_value());
    auto const merged = table.merge(*update);
    auto const& result = step.at("result").as_object();
    std::set<PeerName> original;
    for (auto const& name : result.at("Orig").as_array()) original.insert(test::name_of(name));
    std::set<PeerName> delta;
    for (auto const& name : result.at("Delta").as_array()) delta.insert(test::name_of(name));
    EXPECT_EQ(merged.original, original);
    EXPECT_EQ(merged.delta, delta);
    EXPECT_EQ(test::contents(table), test::peers_of(result.at("Table").as_array()));
  }
  std::set<PeerName> collected;
  table.set_listeners({.on_collected = [&](Peer const& peer) { collected.insert(peer.name); }});
  table.collect_garbage();
  std::set<PeerName> expected;
  for (auto const& name : vector.at("then_gc_removes").as_array()) expected.insert(test::name_of(name));
  EXPECT_EQ(collected, expected);
  file.covered(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Mesh, MergeVectors, testing::Values("merge_versions", "merge_placeholder", "merge_ourself"));

TEST(PeerTable, MovesAwayFromAShortIdThatASmallerNameOwns) {
  auto& file = VectorFile::load("mesh");
  auto const& steps = file.named("short_id_collision").at("table").as_array();
  SeededRandom random{1};
  PeerTable table{make_peer(0x7a0000000002, 1, 0, 10), random};
  int modified = 0;
  std::vector<ShortId> invalidated;
  table.set_listeners({.on_collected = {},
                       .on_short_id_invalidated = [&](ShortId id) { invalidated.push_back(id); },
                       .on_ourself_modified = [&] { ++modified; }});
  auto const check = [&](boost::json::object const& expected) {
    EXPECT_EQ(table.ourself().version, expected.at("our_version").to_number<std::uint64_t>());
    EXPECT_EQ(table.by_short_id(ShortId{10}), test::name_of(expected.at("principal_of_10")));
    EXPECT_EQ(table.ourself().short_id == ShortId{10}, expected.at("we_kept_10").as_bool());
  };
  check(steps[0].as_object());
  table.merge({make_peer(0x7a0000000003, 1, 0, 10)});
  check(steps[1].as_object());
  EXPECT_EQ(modified, 0);
  table.merge({make_peer(0x7a0000000001, 1, 0, 10)});
  check(steps[2].as_object());
  EXPECT_EQ(modified, 1);
  EXPECT_EQ(invalidated, std::vector{ShortId{10}});
  EXPECT_EQ(table.by_short_id(*table.ourself().short_id), table.our_name());
  file.covered("short_id_collision");
}

TEST(PeerTable, CollectsOnlyWhatNobodyReachesOrHolds) {
  SeededRandom random{1};
  PeerTable table{make_peer(1, 1, 0, 10), random};
  std::vector<std::uint64_t> collected;
  table.set_listeners({.on_collected = [&](Peer const& peer) { collected.push_back(peer.name.value()); }});
  table.acquire(make_peer(2, 1, 0));
  table.add_connection({.remote = PeerName{2}, .address = "10.0.0.2:6783", .outbound = true});
  table.merge({make_peer(2, 1, 1, {}, {1, 3}), make_peer(3, 1, 1, {}, {2}), make_peer(4, 1, 1, {}, {1})});
  EXPECT_EQ(table.collect_garbage(), 1U);
  EXPECT_EQ(collected, std::vector<std::uint64_t>{4}) << "it links to us, but we have no path to it";
  table.remove_connection(PeerName{2});
  EXPECT_EQ(table.collect_garbage(), 1U);
  EXPECT_EQ(collected.back(), 3U) << "2 is still held";
  table.add_connection({.remote = PeerName{2}, .address = "10.0.0.2:6783", .outbound = true});
  EXPECT_NE(table.find(PeerName{3}), nullptr) << "listed by a peer that came back within reach";
  table.remove_connection(PeerName{2});
  table.release(PeerName{2});
  table.collect_garbage();
  EXPECT_EQ(table.size(), 1U);
}

TEST(PeerTable, KeepsAnExistingRecordWhenAPeerConnects) {
  SeededRandom random{1};
  PeerTable table{make_peer(1, 1, 0, 10), random};
  table.merge({make_peer(2, 7, 5, 20, {1})});
  auto const& known = table.acquire(make_peer(2, 8, 0, 21));
  EXPECT_EQ(known.uid, PeerUid{7});
  EXPECT_EQ(known.version, 5U);
  EXPECT_EQ(known.short_id, ShortId{20});
}

TEST(PeerTable, AHostileVersionDoesNotWrapOurs) {
  SeededRandom random{1};
  PeerTable table{make_peer(1, 1, 0, 10), random};
  table.merge({make_peer(1, 2, std::numeric_limits<std::uint64_t>::max())});
  EXPECT_EQ(table.ourself().version, std::numeric_limits<std::uint64_t>::max());
  table.add_connection({.remote = PeerName{2}});
  EXPECT_EQ(table.ourself().version, std::numeric_limits<std::uint64_t>::max());
}

TEST(PeerTable, RetriesForAShortIdWhenPeersGo) {
  SeededRandom random{1};
  PeerTable table{make_peer(0x10000, 1, 0, 10), random};
  std::vector<Peer> everybody;
  for (std::uint16_t id = 0; id <= kShortIdMax; ++id) everybody.push_back(make_peer(1U + id, 1, 1, id));
  table.merge(everybody);
  EXPECT_EQ(table.ourself().short_id, ShortId{10}) << "none is free: we keep ours though another owns it";
  EXPECT_EQ(table.by_short_id(ShortId{10}), PeerName{11});
  table.collect_garbage();
  EXPECT_EQ(table.by_short_id(*table.ourself().short_id), table.our_name());
}

class SilentChannel final : public GossipChannel {
 public:
  Result<void> unicast(PeerName, Bytes) override { return {}; }
  void broadcast(GossipData const&) override {}
  void gossip_neighbours(GossipData const&) override {}
};

TEST(LocalPeer, LooksOnceForWhoIsGoneWhenConnectionsEndTogether) {
  SeededRandom random{9};
  test::VirtualScheduler scheduler;
  PeerTable peers{make_peer(1, 1, 0), random};
  Routes routes{peers, scheduler, random};
  SilentChannel channel;
  LocalPeer local{peers, routes, scheduler};
  local.set_channel(channel);
  int collections = 0;
  local.on_collected([&] { ++collections; });
  for (std::uint64_t number = 2; number < 10; ++number) {
    peers.merge({make_peer(number, 1, 1)});
    local.add_connection({.remote = PeerName{number}});
  }
  scheduler.advance(std::chrono::seconds{2});
  for (std::uint64_t number = 2; number < 10; ++number) local.remove_connection(PeerName{number});
  scheduler.settle();
  EXPECT_EQ(peers.size(), 1U);
  EXPECT_EQ(collections, 1) << "each look goes through all that the mesh knows";
}

} // namespace
} // namespace weave::gossip
