#include "datapath/fastpath/forwarding_planner.hpp"

#include <gtest/gtest.h>

#include "datapath/fastpath/fastpath_links.hpp"
#include "test/fakes/virtual_scheduler.hpp"
#include "test/unit/fastpath/topology.hpp"

namespace weave::datapath {
namespace {

using namespace std::chrono_literals;
using test::Topology;
using test::TopologyRoutes;

constexpr PeerName kA{0xa};
constexpr PeerName kB{0xb};
constexpr PeerName kC{0xc};
constexpr PeerName kD{0xd};
constexpr PeerName kE{0xe};

constexpr ShortId id(PeerName name) { return ShortId{static_cast<std::uint16_t>(name.value())}; }
constexpr TunnelEndpoints ends(PeerName name) {
  return {Ipv4Address{0x0a00000a}, Ipv4Address{0x0a000000U + static_cast<std::uint32_t>(name.value())}, 6784};
}
std::vector<ShortId> ids(std::initializer_list<PeerName> names) {
  std::vector<ShortId> ids;
  for (auto const name : names) ids.push_back(id(name));
  return ids;
}

/// We are A.
class ForwardingPlannerTest : public testing::Test {
 protected:
  void know(std::initializer_list<PeerName> names) {
    std::map<ShortId, PeerName> owners;
    for (auto const name : names) owners[id(name)] = name;
    planner_.set_short_ids(id(kA), owners);
  }
  void tunnel(PeerName name) {
    planner_.set_endpoints(name, ends(name));
    planner_.set_carrier(name, Carrier::tunnel);
  }
  void route() {
    planner_.set_routes(std::make_shared<TopologyRoutes>(topology_, kA));
    scheduler_.settle();
  }
  /// All links of a full mesh between these and ourself, by tunnels.
  void full_mesh(std::vector<PeerName> const& others) {
    std::map<ShortId, PeerName> owners;
    for (auto const name : others) {
      topology_.add(kA, name);
      for (auto const other : others) {
        if (other != name) topology_.add(name, other);
      }
      tunnel(name);
      owners[id(name)] = name;
    }
    planner_.set_short_ids(id(kA), owners);
    planner_.settled();
    route();
  }
  /// The daemon of this neighbour ends: as the mesh and the overlay tell it.
  void lose(PeerName name) {
    topology_.isolate(name);
    planner_.remove_neighbour(name);
    scheduler_.advance(50ms);
    route();
  }
  ForwardingState const& state() const { return *states_.back(); }
  Carrier carrier(PeerName name) const { return state().neighbours.at(id(name)).carrier; }
  bool is_neighbour(PeerName name) const { return state().neighbours.contains(id(name)); }
  std::optional<ShortId> hop(PeerName name) const {
    auto const found = state().next_hops.find(id(name));
    return found == state().next_hops.end() ? std::nullopt : std::optional{found->second};
  }
  std::vector<ShortId> flood(PeerName name) const {
    auto const found = state().floods.find(id(name));
    return found == state().floods.end() ? std::vector<ShortId>{} : found->second;
  }

  test::VirtualScheduler scheduler_;
  std::vector<std::shared_ptr<ForwardingState const>> states_;
  ForwardingPlanner planner_{scheduler_, kA, [this](auto state) { states_.push_back(std::move(state)); }};
  Topology topology_;
};

TEST_F(ForwardingPlannerTest, JoinsRoutesIdsAndCarriers) {
  topology_.add(kA, kB);
  topology_.add(kB, kC);
  topology_.add(kA, kD);
  know({kB, kC, kD});
  tunnel(kB);
  planner_.set_carrier(kD, Carrier::user);
  planner_.settled();
  route();
  ForwardingState expected;
  expected.self = kA;
  expected.self_id = id(kA);
  expected.peers = {{id(kA), kA}, {id(kB), kB}, {id(kC), kC}, {id(kD), kD}};
  expected.neighbours = {{id(kB), {kB, Carrier::tunnel, ends(kB)}}, {id(kD), {kD, Carrier::user, {}}}};
  expected.next_hops = {{id(kB), id(kB)}, {id(kC), id(kB)}, {id(kD), id(kD)}};
  expected.floods = {{id(kA), ids({kB, kD})}, {id(kB), ids({kD})}, {id(kC), ids({kD})}, {id(kD), ids({kB})}};
  EXPECT_EQ(state(), expected);
  EXPECT_EQ(planner_.current(), states_.back());
}

TEST_F(ForwardingPlannerTest, PublishesOnceForManyChangesAndNeverTheSameTwice) {
  full_mesh({kB, kC});
  auto const before = states_.size();
  topology_.add(kA, kD);
  know({kB, kC});
  know({kB, kC, kD});
  planner_.set_routes(std::make_shared<TopologyRoutes>(topology_, kA));
  EXPECT_EQ(states_.size(), before);
  scheduler_.settle();
  EXPECT_EQ(states_.size(), before + 1);
  route();
  know({kB, kC, kD});
  tunnel(kB);
  scheduler_.advance(5min);
  EXPECT_EQ(states_.size(), before + 1);
}

TEST_F(ForwardingPlannerTest, ACarrierChangesAtOnce) {
  full_mesh({kB});
  auto const before = states_.size();
  planner_.set_carrier(kB, Carrier::user);
  EXPECT_EQ(states_.size(), before + 1);
  EXPECT_EQ(carrier(kB), Carrier::user);
  planner_.set_carrier(kB, Carrier::none);
  EXPECT_EQ(carrier(kB), Carrier::none);
  EXPECT_EQ(hop(kB), id(kB)); // its frames are dropped, not sent astray
  planner_.set_endpoints(kB, ends(kE));
  EXPECT_EQ(state().neighbours.at(id(kB)).endpoints, ends(kE));
}

TEST_F(ForwardingPlannerTest, ATunnelWithoutEndpointsCarriesNothing) {
  topology_.add(kA, kB);
  know({kB});
  planner_.set_carrier(kB, Carrier::tunnel);
  planner_.settled();
  route();
  EXPECT_EQ(carrier(kB), Carrier::none);
  planner_.set_endpoints(kB, ends(kB));
  EXPECT_EQ(carrier(kB), Carrier::tunnel);
}

TEST_F(ForwardingPlannerTest, RoutesNameOnlyNeighboursThatAreThere) {
  full_mesh({kB});
  topology_.add(kA, kC); // the overlay has not said anything yet
  know({kB, kC});
  route();
  EXPECT_FALSE(hop(kC));
  EXPECT_EQ(flood(kA), ids({kB}));
  tunnel(kC);
  EXPECT_EQ(hop(kC), id(kC));
  EXPECT_EQ(flood(kA), ids({kB, kC}));
}

TEST_F(ForwardingPlannerTest, ARestartingNeighbourKeepsItsTunnel) {
  full_mesh({kB, kC});
  auto const before = states_.size();
  lose(kB);
  know({kC}); // forgotten by the mesh
  scheduler_.settle();
  EXPECT_EQ(states_.size(), before); // nothing has changed for the kernel
  scheduler_.advance(59s);
  EXPECT_EQ(states_.size(), before);
  EXPECT_EQ(flood(kA), ids({kB, kC}));
  scheduler_.advance(1s);
  EXPECT_FALSE(is_neighbour(kB));
  EXPECT_FALSE(state().peers.contains(id(kB)));
  EXPECT_EQ(flood(kA), ids({kC}));
  EXPECT_FALSE(hop(kB));
}

TEST_F(ForwardingPlannerTest, TheOrderInWhichALossIsToldDoesNotMatter) {
  for (int order = 0; order < 6; ++order) {
    test::VirtualScheduler scheduler;
    std::vector<std::shared_ptr<ForwardingState const>> states;
    ForwardingPlanner planner{scheduler, kA, [&states](auto state) { states.push_back(std::move(state)); }};
    Topology topology;
    topology.add(kA, kB);
    topology.add(kA, kC);
    topology.add(kB, kC);
    planner.set_short_ids(id(kA), {{id(kB), kB}, {id(kC), kC}});
    for (auto const name : {kB, kC}) {
      planner.set_endpoints(name, ends(name));
      planner.set_carrier(name, Carrier::tunnel);
    }
    planner.set_routes(std::make_shared<TopologyRoutes>(topology, kA));
    planner.settled();
    scheduler.settle();
    auto const before = states.size();
    topology.isolate(kB);
    std::vector<std::function<void()>> steps{
        [&] { planner.remove_neighbour(kB); },
        [&] { planner.set_routes(std::make_shared<TopologyRoutes>(topology, kA)); },
        [&] {
          planner.set_short_ids(id(kA), {{id(kC), kC}});
        }};
    std::rotate(steps.begin(), steps.begin() + order % 3, steps.end());
    if (order >= 3) std::swap(steps[1], steps[2]);
    for (auto const& step : steps) {
      step();
      scheduler.advance(100ms);
    }
    EXPECT_EQ(states.size(), before) << order;
  }
}

TEST_F(ForwardingPlannerTest, AnotherRouteEndsTheGraceAtOnce) {
  full_mesh({kB, kC});
  topology_.cut(kA, kB);
  planner_.remove_neighbour(kB);
  route();
  EXPECT_EQ(hop(kB), id(kC));
  EXPECT_FALSE(is_neighbour(kB));
  EXPECT_EQ(flood(kA), ids({kC}));

  full_mesh({kB, kC});
  lose(kB);
  EXPECT_EQ(hop(kB), id(kB));
  topology_.add(kB, kC); // back, but first with C
  route();
  EXPECT_EQ(hop(kB), id(kC));
  EXPECT_FALSE(is_neighbour(kB));
  EXPECT_EQ(flood(kA), ids({kC}));
}

TEST_F(ForwardingPlannerTest, APeerThatComesBackIsServedByItsOldTunnelUntilTheMeshKnowsIt) {
  full_mesh({kB, kC});
  lose(kB);
  know({kC});
  // The new connection: what it starts with proves nothing.
  planner_.set_carrier(kB, Carrier::tunnel);
  planner_.set_endpoints(kB, ends(kE)); // it moved
  planner_.set_carrier(kB, Carrier::user);
  know({kB, kC});
  scheduler_.settle();
  EXPECT_EQ(carrier(kB), Carrier::tunnel);
  EXPECT_EQ(state().neighbours.at(id(kB)).endpoints, ends(kE));
  topology_.add(kA, kB);
  route();
  EXPECT_EQ(carrier(kB), Carrier::user);
  planner_.set_carrier(kB, Carrier::tunnel);
  EXPECT_EQ(carrier(kB), Carrier::tunnel);
  scheduler_.advance(5min);
  EXPECT_EQ(hop(kB), id(kB));
}

TEST_F(ForwardingPlannerTest, ItMayComeBackUnderAnotherId) {
  full_mesh({kB, kC});
  lose(kB);
  ShortId const changed{0x77};
  planner_.set_short_ids(id(kA), {{changed, kB}, {id(kC), kC}});
  tunnel(kB);
  topology_.add(kA, kB);
  topology_.add(kB, kC);
  route();
  EXPECT_FALSE(state().peers.contains(id(kB)));
  EXPECT_EQ(state().peers.at(changed), kB);
  EXPECT_FALSE(state().neighbours.contains(id(kB)));
  EXPECT_EQ(state().neighbours.at(changed).name, kB);
  EXPECT_EQ(state().next_hops.at(changed), changed);
  EXPECT_EQ(flood(kA), (std::vector<ShortId>{id(kC), changed}));
}

TEST_F(ForwardingPlannerTest, ANewOwnerTakesTheIdOfALostPeer) {
  full_mesh({kB, kC});
  lose(kB);
  planner_.set_short_ids(id(kA), {{id(kB), kD}, {id(kC), kC}});
  topology_.add(kC, kD);
  route();
  EXPECT_EQ(state().peers.at(id(kB)), kD);
  EXPECT_EQ(state().next_hops.at(id(kB)), id(kC));
  EXPECT_FALSE(state().neighbours.contains(id(kB)));
  EXPECT_EQ(flood(kA), ids({kC}));
}

TEST_F(ForwardingPlannerTest, OnACollisionOnlyTheOwnerIsServed) {
  full_mesh({kB, kC});
  planner_.set_short_ids(id(kA), {{id(kB), kB}}); // C has the id of B now
  scheduler_.settle();
  EXPECT_EQ(state().peers, (std::map<ShortId, PeerName>{{id(kA), kA}, {id(kB), kB}, {id(kC), kC}}));
  planner_.set_short_ids(id(kA), {{id(kB), kB}, {id(kC), kD}});
  scheduler_.settle();
  EXPECT_EQ(state().peers.at(id(kC)), kD);
  EXPECT_FALSE(is_neighbour(kC));
  EXPECT_FALSE(hop(kC));
  // Ours is ours, whoever else has it.
  planner_.set_short_ids(id(kB), {{id(kB), kB}, {id(kC), kC}});
  scheduler_.settle();
  EXPECT_EQ(state().peers, (std::map<ShortId, PeerName>{{id(kB), kA}, {id(kC), kC}}));
}

TEST_F(ForwardingPlannerTest, PeersBehindARestartingNeighbourKeepTheirWay) {
  topology_.add(kA, kB);
  topology_.add(kB, kC);
  topology_.add(kC, kD);
  topology_.add(kA, kE);
  know({kB, kC, kD, kE});
  tunnel(kB);
  tunnel(kE);
  planner_.settled();
  route();
  auto const before = state();
  lose(kB);
  know({kE});
  scheduler_.settle();
  EXPECT_EQ(state(), before);
  scheduler_.advance(60s);
  EXPECT_EQ(state().peers, (std::map<ShortId, PeerName>{{id(kA), kA}, {id(kE), kE}}));
  EXPECT_EQ(state().next_hops, (std::map<ShortId, ShortId>{{id(kE), id(kE)}}));
}

TEST_F(ForwardingPlannerTest, PeersBehindARestartFartherAwayKeepTheirWayToo) {
  topology_.add(kA, kB);
  topology_.add(kB, kC);
  topology_.add(kC, kD);
  know({kB, kC, kD});
  tunnel(kB);
  planner_.settled();
  route();
  auto const before = state();
  topology_.isolate(kC);
  route();
  know({kB});
  scheduler_.settle();
  EXPECT_EQ(state(), before);
  planner_.remove_neighbour(kB); // and then B itself
  topology_.isolate(kB);
  route();
  know({});
  scheduler_.settle();
  EXPECT_EQ(state(), before);
  scheduler_.advance(60s);
  EXPECT_EQ(state().peers.size(), 1U);
}

TEST_F(ForwardingPlannerTest, ALostNeighbourWithOthersBehindThatAreReachedOtherwiseGetsNoBroadcasts) {
  // A - B - C, and C also by D and E: B is the shorter way.
  topology_.add(kA, kB);
  topology_.add(kB, kC);
  topology_.add(kA, kD);
  topology_.add(kD, kE);
  topology_.add(kE, kC);
  know({kB, kC, kD, kE});
  tunnel(kB);
  tunnel(kD);
  planner_.settled();
  route();
  EXPECT_EQ(hop(kC), id(kB));
  EXPECT_EQ(flood(kA), ids({kB, kD}));
  lose(kB);
  EXPECT_EQ(hop(kB), id(kB));
  EXPECT_EQ(hop(kC), id(kD));
  EXPECT_EQ(flood(kA), ids({kD})); // B's kernel would pass it on to C, which gets it by E
  EXPECT_EQ(flood(kB), ids({kD}));
}

TEST_F(ForwardingPlannerTest, ANeighbourOnSleeveGoesWithItsConnection) {
  full_mesh({kB, kC});
  planner_.set_carrier(kB, Carrier::user);
  lose(kB);
  EXPECT_FALSE(is_neighbour(kB));
  EXPECT_FALSE(hop(kB));
  EXPECT_EQ(flood(kA), ids({kC}));
}

TEST_F(ForwardingPlannerTest, SettlingLeavesOutWhoHasNotBeenMet) {
  topology_.add(kA, kB);
  topology_.add(kC, kD);
  planner_.set_short_ids(id(kA), {});
  route();
  know({kB, kC, kD});
  tunnel(kC);
  scheduler_.advance(1s);
  EXPECT_TRUE(states_.empty()); // B has no carrier yet, the others no route
  tunnel(kB);
  EXPECT_TRUE(state().settling);
  EXPECT_EQ(state().peers, (std::map<ShortId, PeerName>{{id(kA), kA}, {id(kB), kB}}));
  EXPECT_FALSE(is_neighbour(kC));
  topology_.add(kB, kC);
  route();
  EXPECT_EQ(state().peers.size(), 4U);
  // Once met, a peer is not left out again.
  planner_.set_carrier(kB, Carrier::user);
  topology_.cut(kB, kC);
  lose(kB);
  EXPECT_EQ(state().peers.size(), 4U);
  EXPECT_TRUE(state().settling);
  scheduler_.advance(30s);
  EXPECT_FALSE(state().settling);
}

TEST_F(ForwardingPlannerTest, AloneItIsSettledInTheEnd) {
  planner_.set_short_ids(id(kA), {});
  scheduler_.advance(29s);
  EXPECT_TRUE(states_.empty());
  scheduler_.advance(1s);
  ASSERT_EQ(states_.size(), 1U);
  EXPECT_FALSE(state().settling);
  EXPECT_EQ(state().peers, (std::map<ShortId, PeerName>{{id(kA), kA}}));
}

TEST_F(ForwardingPlannerTest, TheConnectionConfirmedLastCounts) {
  full_mesh({});
  topology_.add(kA, kB);
  know({kB});
  FastpathLinks links{planner_};
  ConnectionUid const first{1};
  ConnectionUid const second{2};
  links.set_best(kB, first, "fastdp");
  links.set_endpoints(kB, first, ends(kB));
  route();
  EXPECT_FALSE(is_neighbour(kB)); // might still lose against a duplicate
  links.confirm(kB, first);
  EXPECT_EQ(carrier(kB), Carrier::tunnel);
  links.set_best(kB, second, "sleeve");
  EXPECT_EQ(carrier(kB), Carrier::tunnel);
  links.confirm(kB, second);
  EXPECT_EQ(carrier(kB), Carrier::user);
  links.set_best(kB, first, std::nullopt);
  links.remove(kB, first);
  EXPECT_EQ(carrier(kB), Carrier::user);
  links.set_best(kB, second, std::nullopt);
  EXPECT_EQ(carrier(kB), Carrier::none);
  links.remove(kB, second);
  scheduler_.settle();
  EXPECT_FALSE(is_neighbour(kB));
  links.remove(kB, second);
}

} // namespace
} // namespace weave::datapath
