#include "gossip/routes.hpp"

#include <map>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "test/fakes/virtual_scheduler.hpp"
#include "test/fixtures/vectors.hpp"
#include "test/unit/gossip/topology_vectors.hpp"

namespace weave::gossip {
namespace {

using test::VectorFile;

struct Edge {
  std::uint64_t from;
  std::uint64_t to;
  bool established = true;
};

/// Fills the table of peer `ourself` with these statements, ours through our own record.
void fill(PeerTable& table, std::vector<Edge> const& edges) {
  std::map<PeerName, Peer> peers;
  for (auto const& edge : edges) {
    auto const remote = PeerName{edge.to};
    PeerConnection const connection{
        .remote = remote, .address = "10.0.0.1:6783", .outbound = true, .established = edge.established};
    if (PeerName{edge.from} == table.our_name()) {
      table.add_connection(connection);
      continue;
    }
    auto& peer = peers[PeerName{edge.from}];
    peer.name = PeerName{edge.from};
    peer.version = 1;
    peer.connections[remote] = connection;
  }
  std::vector<Peer> update;
  for (auto const& [name, peer] : peers) update.push_back(peer);
  table.merge(update);
}

[[nodiscard]] Peer ourself(std::uint64_t name) {
  Peer peer;
  peer.name = PeerName{name};
  peer.uid = PeerUid{1};
  return peer;
}

void expect_routes(RouteTable const& table, boost::json::object const& unicast, boost::json::object const& broadcast) {
  std::map<PeerName, PeerName> expected;
  for (auto const& [to, via] : unicast) {
    expected[PeerName::parse(std::string_view{to}).value()] = test::name_of(via);
  }
  EXPECT_EQ((std::map<PeerName, PeerName>{table.unicast().begin(), table.unicast().end()}), expected);
  for (auto const& [source, hops] : broadcast) {
    std::vector<PeerName> names;
    for (auto const& hop : hops.as_array()) names.push_back(test::name_of(hop));
    EXPECT_EQ(table.broadcast_hops(PeerName::parse(std::string_view{source}).value()), names) << source;
  }
}

class RouteVectors : public testing::TestWithParam<char const*> {};

TEST_P(RouteVectors, MatchTheOriginal) {
  auto& file = VectorFile::load("mesh");
  auto const& vector = file.named(GetParam());
  std::string const name = GetParam();
  SeededRandom random{1};
  PeerTable peers{ourself(0x7a0000000000 + std::stoull(name.substr(name.size() - 2))), random};
  std::vector<Edge> edges;
  for (auto const& each : vector.at("edges").as_array()) {
    auto const& edge = each.as_array();
    edges.push_back({test::name_of(edge[0]).value(), test::name_of(edge[1]).value(), test::text_of(edge[3]) == "est"});
  }
  fill(peers, edges);
  auto const& routes = vector.at("routes").as_object();
  expect_routes(RouteTable{peers, LinkRule::established_and_symmetric}, routes.at("Unicast").as_object(),
                routes.at("Broadcast").as_object());
  expect_routes(RouteTable{peers, LinkRule::all}, routes.at("UnicastAll").as_object(),
                routes.at("BroadcastAll").as_object());
  file.covered(name);
}

INSTANTIATE_TEST_SUITE_P(Mesh, RouteVectors,
                         testing::Values("routes_from_01", "routes_from_02", "routes_from_03", "routes_from_04",
                                         "routes_from_05"));

TEST(RandomNeighbours, AreAsManyAsTheOriginalChooses) {
  auto& file = VectorFile::load("mesh");
  for (auto const& each : file.named("random_neighbours_count").at("table").as_array()) {
    auto const& row = each.as_object();
    auto const hops = row.at("distinct_next_hops").to_number<std::size_t>();
    auto const peers = row.at("peers_in_unicastAll").to_number<std::size_t>();
    auto const chosen = row.at("chosen").to_number<std::size_t>();
    EXPECT_EQ(gossip_fan_out(peers, peers == 1 ? 0 : hops), chosen) << peers << " peers";
  }
  file.covered("random_neighbours_count");
}

TEST(RandomNeighbours, AreDistinctAndLeaveOutTheSender) {
  test::VirtualScheduler scheduler;
  SeededRandom random{7};
  PeerTable peers{ourself(1), random};
  std::vector<Edge> star;
  for (std::uint64_t leaf = 2; leaf <= 40; ++leaf) star.insert(star.end(), {{1, leaf}, {leaf, 1}});
  fill(peers, star);
  Routes routes{peers, scheduler, random};
  for (int round = 0; round < 50; ++round) {
    auto const chosen = routes.random_neighbours(PeerName{5});
    EXPECT_EQ(chosen.size(), 10U);
    std::set<PeerName> const distinct{chosen.begin(), chosen.end()};
    EXPECT_EQ(distinct.size(), chosen.size());
    EXPECT_FALSE(distinct.contains(PeerName{5}));
  }
}

TEST(RandomNeighbours, FavourThoseWithMorePeersBehindThem) {
  test::VirtualScheduler scheduler;
  SeededRandom random{7};
  PeerTable peers{ourself(1), random};
  // 2..9 are neighbours; behind 2 is a chain of 300.
  std::vector<Edge> edges;
  for (std::uint64_t leaf = 2; leaf <= 30; ++leaf) edges.insert(edges.end(), {{1, leaf}, {leaf, 1}});
  edges.push_back({2, 100});
  for (std::uint64_t link = 100; link < 400; ++link) edges.push_back({link, link + 1});
  fill(peers, edges);
  Routes routes{peers, scheduler, random};
  int with_two = 0;
  for (int round = 0; round < 100; ++round) {
    auto const chosen = routes.random_neighbours(kUnknownPeer);
    EXPECT_EQ(chosen.size(), 16U);
    with_two += std::count(chosen.begin(), chosen.end(), PeerName{2}) > 0 ? 1 : 0;
  }
  EXPECT_EQ(with_two, 100);
}

TEST(Routes, RecalculateOnceForManyRequestsAndAtOnceWhenNeeded) {
  test::VirtualScheduler scheduler;
  SeededRandom random{7};
  PeerTable peers{ourself(1), random};
  Routes routes{peers, scheduler, random};
  std::vector<std::shared_ptr<RouteSnapshot const>> published;
  routes.on_changed([&](std::shared_ptr<RouteSnapshot const> snapshot) { published.push_back(std::move(snapshot)); });
  fill(peers, {{1, 2}, {2, 1}});
  routes.request_recalculation();
  scheduler.advance(std::chrono::milliseconds{60});
  routes.request_recalculation();
  EXPECT_TRUE(published.empty());
  scheduler.advance(std::chrono::milliseconds{40});
  ASSERT_EQ(published.size(), 1U);
  EXPECT_EQ(published.back()->next_hop(PeerName{2}), PeerName{2});
  EXPECT_EQ(published.back()->next_hop(PeerName{1}), kUnknownPeer);
  EXPECT_EQ(published.back()->next_hop(PeerName{9}), kUnknownPeer);

  fill(peers, {{2, 3}});
  routes.request_recalculation();
  routes.ensure_current();
  EXPECT_EQ(published.size(), 2U);
  routes.ensure_current();
  scheduler.advance(std::chrono::seconds{1});
  EXPECT_EQ(published.size(), 2U);
}

TEST(Routes, BroadcastTreesReachEverybodyExactlyOnce) {
  SeededRandom random{99};
  for (int round = 0; round < 40; ++round) {
    constexpr std::uint64_t kPeers = 12;
    std::vector<Edge> edges;
    for (std::uint64_t a = 1; a <= kPeers; ++a) {
      for (std::uint64_t b = a + 1; b <= kPeers; ++b) {
        if (random.below(4) == 0) edges.insert(edges.end(), {{a, b}, {b, a}});
      }
    }
    std::map<PeerName, std::unique_ptr<RouteTable>> tables;
    for (std::uint64_t name = 1; name <= kPeers; ++name) {
      PeerTable peers{ourself(name), random};
      fill(peers, edges);
      tables[PeerName{name}] = std::make_unique<RouteTable>(peers, LinkRule::established_and_symmetric);
    }
    for (auto const& [source, own] : tables) {
      std::map<PeerName, int> received;
      std::vector<PeerName> holders{source};
      while (!holders.empty()) {
        auto const holder = holders.back();
        holders.pop_back();
        for (auto const hop : tables.at(holder)->broadcast_hops(source)) {
          if (++received[hop] == 1) holders.push_back(hop);
        }
      }
      for (auto const& [to, via] : own->unicast()) {
        if (to != source) {
          EXPECT_EQ(received[to], 1) << "round " << round;
        }
      }
    }
  }
}

TEST(RouteSnapshot, ComputesBroadcastsOnAnyThread) {
  SeededRandom random{3};
  PeerTable peers{ourself(1), random};
  std::vector<Edge> ring;
  for (std::uint64_t name = 1; name <= 60; ++name) {
    auto const next = name % 60 + 1;
    ring.insert(ring.end(), {{name, next}, {next, name}});
  }
  fill(peers, ring);
  RouteTable const table{peers, LinkRule::established_and_symmetric};
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (std::uint64_t source = 1; source <= 60; ++source) {
        if (table.broadcast_hops(PeerName{source}).size() > 2) std::abort();
      }
    });
  }
  threads.clear();
  EXPECT_EQ(table.broadcast_hops(PeerName{1}).size(), 2U);
}

} // namespace
} // namespace weave::gossip
