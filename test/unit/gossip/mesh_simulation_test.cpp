#include "test/fakes/mesh_simulation.hpp"

#include <cstdlib>

#include <gtest/gtest.h>

namespace weave::gossip {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using test::MeshSimulation;
using test::RecordingGossiper;

/// What every router believes agrees with what the others do: routes lead to everybody, by neighbours that exist.
void expect_full_routes(MeshSimulation& mesh) {
  for (auto const& [number, peer] : mesh.peers) {
    auto const routes = peer->router->routes();
    for (auto const& [other, target] : mesh.peers) {
      if (other == number) continue;
      auto const hop = routes->next_hop(target->router->name());
      EXPECT_FALSE(hop.is_unknown()) << number << " to " << other;
    }
  }
}

TEST(MeshSimulation, ARingRoutesBothWaysAround) {
  MeshSimulation mesh{20};
  MeshSettings quiet;
  quiet.discovery = false;
  constexpr std::uint32_t kPeers = 8;
  for (std::uint32_t number = 1; number <= kPeers; ++number) mesh.add(number, quiet);
  for (std::uint32_t number = 1; number <= kPeers; ++number) mesh.connect(number, number % kPeers + 1);
  EXPECT_LT(mesh.converge(seconds{15}), seconds{15}) << mesh.disagreement();
  mesh.advance(seconds{1});
  expect_full_routes(mesh);
  auto const routes = mesh.at(1).routes();
  EXPECT_EQ(routes->next_hop(mesh.name(3)), mesh.name(2));
  EXPECT_EQ(routes->next_hop(mesh.name(7)), mesh.name(8));
  for (std::uint32_t number = 1; number <= kPeers; ++number) EXPECT_EQ(mesh.established(number), 2U);
}

TEST(MeshSimulation, DiscoveryMakesAFullMesh) {
  MeshSimulation mesh{21};
  constexpr std::uint32_t kPeers = 10;
  for (std::uint32_t number = 1; number <= kPeers; ++number) mesh.add(number);
  for (std::uint32_t number = 2; number <= kPeers; ++number) mesh.connect(number, 1);
  mesh.advance(seconds{30});
  mesh.converge(seconds{30});
  EXPECT_EQ(mesh.disagreement(), "");
  for (std::uint32_t number = 1; number <= kPeers; ++number) EXPECT_EQ(mesh.established(number), kPeers - 1);
  auto const dials = mesh.network.dials();
  mesh.advance(minutes{10});
  EXPECT_EQ(mesh.network.dials(), dials) << "at rest";
}

TEST(MeshSimulation, BroadcastsReachEverybodyOnceInAnyMesh) {
  for (std::uint64_t seed = 30; seed < 36; ++seed) {
    SCOPED_TRACE(seed);
    MeshSimulation mesh{seed};
    MeshSettings quiet;
    quiet.discovery = false;
    constexpr std::uint32_t kPeers = 12;
    std::map<std::uint32_t, RecordingGossiper> gossipers;
    std::map<std::uint32_t, GossipChannel*> channels;
    for (std::uint32_t number = 1; number <= kPeers; ++number) {
      auto& router = mesh.make(number, quiet);
      // Every third peer has never heard of the channel.
      if (number % 3 != 0) channels[number] = &router.register_channel("demo", gossipers[number]);
      ASSERT_TRUE(router.start().has_value());
    }
    for (std::uint32_t number = 2; number <= kPeers; ++number) {
      mesh.connect(number, 1 + static_cast<std::uint32_t>(mesh.random.below(number - 1)));
      mesh.connect(number, 1 + static_cast<std::uint32_t>(mesh.random.below(number - 1)));
    }
    mesh.advance(seconds{10});
    mesh.converge(seconds{60});
    ASSERT_EQ(mesh.disagreement(), "");
    for (auto const& [number, channel] : channels) {
      channel->broadcast(RecordingGossiper::Texts{{"from " + std::to_string(number)}});
    }
    mesh.advance(seconds{2});
    for (auto const& [number, gossiper] : gossipers) {
      EXPECT_EQ(gossiper.broadcasts.size(), gossipers.size() - 1) << number;
      std::set<std::pair<PeerName, std::string>> const distinct{gossiper.broadcasts.begin(), gossiper.broadcasts.end()};
      EXPECT_EQ(distinct.size(), gossiper.broadcasts.size()) << number;
    }
  }
}

/// Thirty peers come, go, crash and come back at random; then all must agree.
void churn(std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  MeshSimulation mesh{seed};
  mesh.network.set_latency(milliseconds{1}, milliseconds{30});
  constexpr std::uint32_t kPeers = 30;
  auto const join = [&](std::uint32_t number) {
    MeshSettings settings;
    settings.discovery = number % 3 != 0;
    auto& router = mesh.add(number, settings);
    std::vector<std::string> targets{mesh.address(1), mesh.address(2)};
    if (number > 2) targets.push_back(mesh.address(1 + static_cast<std::uint32_t>(mesh.random.below(number - 1))));
    (void)router.initiate(targets, false);
  };
  for (std::uint32_t number = 1; number <= kPeers; ++number) {
    join(number);
    mesh.advance(milliseconds{static_cast<std::int64_t>(mesh.random.below(500))});
  }
  for (int step = 0; step < 30; ++step) {
    auto const number = 3 + static_cast<std::uint32_t>(mesh.random.below(kPeers - 2));
    if (mesh.peers.contains(number)) {
      mesh.remove(number);
    } else {
      join(number);
    }
    if (mesh.random.below(5) == 0) mesh.network.reset(mesh.ip(1), mesh.ip(number % kPeers + 1));
    mesh.advance(milliseconds{static_cast<std::int64_t>(mesh.random.below(4000))});
  }
  auto const took = mesh.converge(minutes{3});
  EXPECT_EQ(mesh.disagreement(), "");
  EXPECT_LT(took, minutes{3});
  mesh.advance(milliseconds{200});
  expect_full_routes(mesh);
}

TEST(MeshSimulation, ThirtyPeersAgreeAfterRandomJoinsAndLeaves) {
  for (std::uint64_t seed = 100; seed < 102; ++seed) churn(seed);
}

TEST(MeshSimulation, PartitionedHalvesForgetEachOtherAndHeal) {
  MeshSimulation mesh{40};
  constexpr std::uint32_t kPeers = 8;
  for (std::uint32_t number = 1; number <= kPeers; ++number) {
    mesh.add(number);
    if (number > 1) mesh.connect(number, 1);
  }
  mesh.advance(seconds{20});
  mesh.converge(seconds{30});
  ASSERT_EQ(mesh.disagreement(), "");
  std::map<std::uint32_t, std::set<PeerName>> collected;
  for (std::uint32_t number = 1; number <= kPeers; ++number) {
    mesh.at(number).add_listeners(
        {.on_peer_collected = [&collected, number](PeerName name) { collected[number].insert(name); }});
  }
  mesh.network.partition({mesh.ip(5), mesh.ip(6), mesh.ip(7), mesh.ip(8)});
  mesh.advance(minutes{2});
  for (std::uint32_t number = 1; number <= kPeers; ++number) {
    EXPECT_EQ(mesh.at(number).peers().size(), 4U) << number;
    EXPECT_EQ(collected[number].size(), 4U) << number;
    EXPECT_EQ(mesh.established(number), 3U) << number;
  }
  mesh.network.heal();
  (void)mesh.at(5).initiate({mesh.address(1)}, false);
  mesh.advance(seconds{10});
  mesh.converge(minutes{2});
  EXPECT_EQ(mesh.disagreement(), "");
  for (std::uint32_t number = 1; number <= kPeers; ++number) EXPECT_EQ(mesh.established(number), kPeers - 1) << number;
}

TEST(MeshSimulation, HealsByItselfAfterAPartition) {
  MeshSimulation mesh{41};
  mesh.add(1);
  mesh.add(2);
  mesh.connect(1, 2);
  mesh.converge(seconds{10});
  mesh.network.partition({mesh.ip(1)});
  mesh.advance(minutes{30});
  mesh.network.heal();
  auto const took = mesh.converge(minutes{10});
  EXPECT_EQ(mesh.disagreement(), "");
  // 9 min is the longest delay of the back-off, 20 s the connect attempt that may be under way.
  EXPECT_LE(took, minutes{9} + seconds{25});
}

/// State that grows in a merge only up to its number of keys, as the DNS channel's does.
class Counters final : public GossipData {
 public:
  explicit Counters(std::map<int, int> values) : values_{std::move(values)} {}
  [[nodiscard]] std::vector<Bytes> encode() const override {
    Bytes payload(1000);
    for (auto const& [key, value] : values_) payload.push_back(static_cast<std::uint8_t>(value));
    return {payload};
  }
  void merge(GossipData const& newer) override {
    for (auto const& [key, value] : static_cast<Counters const&>(newer).values_) values_[key] = value;
  }
  [[nodiscard]] std::unique_ptr<GossipData> clone() const override { return std::make_unique<Counters>(*this); }

 private:
  std::map<int, int> values_;
};

TEST(MeshSimulation, ASlowLinkCoalescesAndCarriesTheNewestState) {
  MeshSimulation mesh{42};
  RecordingGossiper sender;
  RecordingGossiper receiver;
  auto& channel = mesh.make(1).register_channel("demo", sender);
  mesh.make(2).register_channel("demo", receiver);
  ASSERT_TRUE(mesh.at(1).start().has_value());
  ASSERT_TRUE(mesh.at(2).start().has_value());
  mesh.connect(1, 2);
  mesh.converge(seconds{10});
  mesh.network.set_rate(mesh.ip(1), mesh.ip(2), 2000);
  std::size_t worst = 0;
  for (int change = 0; change < 1000; ++change) {
    channel.broadcast(Counters{{{change % 10, change % 200}}});
    channel.gossip_neighbours(Counters{{{change % 10, change % 200}}});
    mesh.advance(milliseconds{10});
    worst = std::max(worst, mesh.network.backlog(mesh.ip(1), mesh.ip(2)));
  }
  EXPECT_LT(worst, 5000U) << "2000 changes of 1 kB each";
  mesh.advance(seconds{5});
  ASSERT_FALSE(receiver.broadcasts.empty());
  EXPECT_LT(receiver.broadcasts.size() + receiver.gossips.size(), 40U);
  EXPECT_EQ(static_cast<std::uint8_t>(receiver.broadcasts.back().second.back()), 199U) << "the last one arrived";
  EXPECT_EQ(static_cast<std::uint8_t>(receiver.gossips.back().second.back()), 199U);
}

TEST(MeshSimulation, AFloodOfUnknownChannelsCostsBoundedMemory) {
  MeshSimulation mesh{43};
  RecordingGossiper flooder;
  auto& first = mesh.make(1);
  std::vector<GossipChannel*> channels;
  for (int number = 0; number < 300; ++number) {
    channels.push_back(&first.register_channel("flood " + std::to_string(number), flooder));
  }
  ASSERT_TRUE(first.start().has_value());
  MeshSettings quiet;
  quiet.discovery = false;
  mesh.add(2, quiet);
  mesh.add(3, quiet);
  mesh.connect(1, 2);
  mesh.connect(3, 2);
  mesh.converge(seconds{10});
  // 3 does not read: everything relayed to it waits at 2.
  mesh.network.partition({mesh.ip(3)});
  std::size_t worst = 0;
  for (int round = 0; round < 40; ++round) {
    for (auto* const channel : channels) {
      std::string text(10'000, 'x');
      text += std::to_string(round);
      channel->gossip_neighbours(RecordingGossiper::Texts{{text}});
      channel->broadcast(RecordingGossiper::Texts{{text}});
    }
    mesh.advance(milliseconds{100});
    worst = std::max(worst, mesh.at(2).channels().surrogate_budget().used());
  }
  EXPECT_LE(mesh.at(2).channels().surrogate_count(), 64U);
  EXPECT_LE(worst, 16U * 1024 * 1024);
  EXPECT_GT(mesh.at(2).channels().surrogate_budget().refused(), 0U);
  EXPECT_EQ(mesh.established(2), 2U) << "nobody is dropped for it";
  EXPECT_LE(mesh.log(2).count("surrogate"), 64U);
  EXPECT_EQ(mesh.log(2).count("too many unknown gossip channels"), 1U);
}

TEST(MeshSimulation, StopsWithoutATrace) {
  MeshSimulation mesh{44};
  mesh.add(1);
  mesh.add(2);
  mesh.add(3);
  mesh.connect(1, 2);
  mesh.connect(3, 2);
  mesh.advance(seconds{10});
  mesh.at(1).stop();
  mesh.advance(seconds{4});
  EXPECT_FALSE(mesh.at(2).knows(mesh.name(1)));
  EXPECT_FALSE(mesh.at(3).knows(mesh.name(1)));
  EXPECT_TRUE(mesh.at(1).status().connections.empty());
  auto const dials = mesh.network.dials();
  mesh.advance(minutes{5});
  EXPECT_EQ(mesh.network.dials(), dials);
}

} // namespace
} // namespace weave::gossip
