#include "gossip/mesh_router.hpp"

#include <gtest/gtest.h>

#include "test/fakes/mesh_simulation.hpp"

namespace weave::gossip {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::MeshSimulation;
using test::RecordingGossiper;

/// Of the first target without a connection.
std::string last_error(MeshRouter const& router) {
  for (auto const& connection : router.status().connections) {
    if (connection.state == ConnectionState::failed) return connection.last_error;
  }
  return "none has failed";
}

TEST(MeshRouter, TwoPeersConnectAndRoute) {
  MeshSimulation mesh{1};
  mesh.add(1);
  mesh.add(2);
  std::vector<std::shared_ptr<RouteSnapshot const>> published;
  mesh.at(1).add_listeners({.on_routes_changed = [&](auto snapshot) { published.push_back(std::move(snapshot)); }});
  mesh.connect(1, 2);
  mesh.advance(seconds{3});
  EXPECT_EQ(mesh.disagreement(), "");
  EXPECT_EQ(mesh.established(1), 1U);
  EXPECT_EQ(mesh.established(2), 1U);
  ASSERT_FALSE(published.empty());
  EXPECT_EQ(published.back()->next_hop(mesh.name(2)), mesh.name(2));
  EXPECT_EQ(mesh.at(2).routes()->broadcast_hops(mesh.name(2)), std::vector{mesh.name(1)});
  EXPECT_EQ(mesh.at(1).nickname(mesh.name(2)), "p2");
  EXPECT_EQ(mesh.log(1).count("attempting connection"), 1U);
  EXPECT_EQ(mesh.log(2).count("connection accepted"), 1U);
  for (std::uint32_t const number : {1U, 2U}) {
    EXPECT_EQ(mesh.log(number).count("connection ready; using protocol version 2"), 1U);
    EXPECT_EQ(mesh.log(number).count("connection added (new peer)"), 1U);
    EXPECT_EQ(mesh.log(number).count("connection fully established"), 1U);
  }
  mesh.advance(std::chrono::minutes{10});
  EXPECT_EQ(mesh.established(1), 1U) << "heartbeats keep it";
  EXPECT_EQ(mesh.log(1).count("connection accepted") + mesh.log(1).count("attempting"), 1U);
}

TEST(MeshRouter, ReportsItsState) {
  MeshSimulation mesh{2};
  mesh.add(1);
  mesh.add(2);
  (void)mesh.at(1).initiate({mesh.address(2), "10.9.9.9:7000", "nowhere.example"}, false);
  mesh.advance(milliseconds{2500});
  auto const status = mesh.at(1).status();
  EXPECT_EQ(status.name, mesh.name(1));
  EXPECT_EQ(status.targets, (std::vector<std::string>{"10.0.0.2:6783", "10.9.9.9:7000", "nowhere.example"}));
  ASSERT_EQ(status.connections.size(), 3U);
  EXPECT_EQ(status.connections[0].state, ConnectionState::established);
  EXPECT_EQ(status.connections[0].address, "10.0.0.2:6783");
  EXPECT_TRUE(status.connections[0].outbound);
  EXPECT_EQ(status.connections[0].remote_nickname, "p2");
  EXPECT_EQ(status.connections[0].attributes.at("name"), "none");
  EXPECT_EQ(status.connections[1].state, ConnectionState::failed);
  EXPECT_EQ(status.connections[1].last_error, "dial tcp :0->10.9.9.9:7000: connect: connection refused");
  EXPECT_TRUE(status.connections[1].retry_at.has_value());
  EXPECT_EQ(status.connections[2].address, "nowhere.example");
  EXPECT_EQ(status.connections[2].last_error, "lookup nowhere.example: no such host");
  ASSERT_EQ(status.peers.size(), 2U);
  EXPECT_EQ(status.peers[0].connections.at(0).remote_nickname, "p2");
  EXPECT_EQ(status.unicast_routes,
            (std::vector{std::pair{mesh.name(1), kUnknownPeer}, std::pair{mesh.name(2), mesh.name(2)}}));
  auto const inbound = mesh.at(2).status().connections;
  ASSERT_EQ(inbound.size(), 1U);
  EXPECT_FALSE(inbound[0].outbound);
}

TEST(MeshRouter, RelaysAChannelThatTheMiddleDoesNotKnow) {
  MeshSimulation mesh{3};
  RecordingGossiper first;
  RecordingGossiper last;
  MeshSettings settings;
  settings.discovery = false;
  auto& channel = mesh.make(1, settings).register_channel("demo", first);
  mesh.make(3, settings).register_channel("demo", last);
  mesh.make(2, settings);
  for (std::uint32_t const number : {1U, 2U, 3U}) ASSERT_TRUE(mesh.at(number).start().has_value());
  mesh.connect(1, 2);
  mesh.connect(3, 2);
  EXPECT_LT(mesh.converge(seconds{5}), seconds{5});

  ASSERT_TRUE(channel.unicast(mesh.name(3), Bytes{'u'}).has_value());
  channel.broadcast(RecordingGossiper::Texts{{"b1", "b2"}});
  channel.gossip_neighbours(RecordingGossiper::Texts{{"g"}});
  mesh.advance(seconds{1});
  using Received = std::vector<std::pair<PeerName, std::string>>;
  EXPECT_EQ(last.unicasts, (Received{{mesh.name(1), "u"}}));
  EXPECT_EQ(last.broadcasts, (Received{{mesh.name(1), "b1"}, {mesh.name(1), "b2"}}));
  EXPECT_EQ(last.gossips, (Received{{mesh.name(2), "g"}})) << "gossip names the immediate sender";
  EXPECT_EQ(mesh.log(2).count("[gossip demo]: created surrogate channel"), 1U);

  channel.gossip_neighbours(RecordingGossiper::Texts{{"g"}});
  mesh.advance(seconds{1});
  EXPECT_EQ(last.gossips.size(), 1U) << "the surrogate swallows what it has passed on already";
  EXPECT_EQ(channel.unicast(mesh.name(9), Bytes{'u'}).error().text(), "unknown relay destination: 7a:00:00:00:00:09");
}

TEST(MeshRouter, NewNeighboursGetTheWholeStateAndRoundsRepeatIt) {
  MeshSimulation mesh{4};
  RecordingGossiper first;
  first.state = {"state"};
  RecordingGossiper second;
  mesh.make(1).register_channel("demo", first);
  mesh.make(2).register_channel("demo", second);
  ASSERT_TRUE(mesh.at(1).start().has_value());
  ASSERT_TRUE(mesh.at(2).start().has_value());
  mesh.connect(1, 2);
  mesh.advance(milliseconds{500});
  ASSERT_EQ(second.gossips.size(), 1U);
  mesh.advance(seconds{61});
  EXPECT_EQ(second.gossips.size(), 3U);
}

TEST(MeshRouter, AStateOfManyLargeMessagesDoesNotEndTheConnection) {
  MeshSimulation mesh{16};
  RecordingGossiper first;
  for (char letter = 'a'; letter < 'a' + 25; ++letter) first.state.emplace_back(std::size_t{1} << 20U, letter);
  RecordingGossiper second;
  mesh.make(1).register_channel("demo", first);
  mesh.make(2).register_channel("demo", second);
  ASSERT_TRUE(mesh.at(1).start().has_value());
  ASSERT_TRUE(mesh.at(2).start().has_value());
  mesh.connect(1, 2);
  mesh.advance(seconds{2});
  EXPECT_EQ(mesh.log(1).count("shutting down"), 0U) << "what waits for one link is bounded to twenty megabytes";
  EXPECT_EQ(second.gossips.size(), 25U);
}

TEST(MeshRouter, AChannelsRefusalDropsOnlyThatConnection) {
  MeshSimulation mesh{5};
  RecordingGossiper sender;
  RecordingGossiper refuser;
  auto& channel = mesh.make(1).register_channel("demo", sender);
  mesh.make(2).register_channel("demo", refuser);
  for (std::uint32_t const number : {1U, 2U}) ASSERT_TRUE(mesh.at(number).start().has_value());
  mesh.add(3);
  mesh.connect(1, 2);
  mesh.connect(3, 2);
  mesh.converge(seconds{5});
  EXPECT_EQ(mesh.established(2), 2U);
  refuser.refusal = "host clock skew of 1000s exceeds 900s limit";
  ASSERT_TRUE(channel.unicast(mesh.name(2), Bytes{'x'}).has_value());
  mesh.advance(milliseconds{200});
  EXPECT_EQ(mesh.log(2).count("connection shutting down due to error: " + refuser.refusal), 1U);
  EXPECT_EQ(last_error(mesh.at(1)), "peer ended the connection: " + refuser.refusal);
  EXPECT_NE(mesh.at(2).find_peer(mesh.name(2))->connections.count(mesh.name(3)), 0U);
  refuser.refusal.clear();
  mesh.advance(seconds{10});
  EXPECT_EQ(mesh.disagreement(), "");
  EXPECT_EQ(mesh.established(2), 2U) << "and it is tried again";
}

TEST(MeshRouter, TwoThatDialEachOtherKeepOneConnection) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    MeshSimulation mesh{seed};
    mesh.network.set_latency(milliseconds{1}, milliseconds{40});
    mesh.add(1);
    mesh.add(2);
    mesh.connect(1, 2);
    mesh.connect(2, 1);
    mesh.advance(seconds{5});
    ASSERT_EQ(mesh.disagreement(), "");
    ASSERT_EQ(mesh.established(1), 1U);
    ASSERT_EQ(mesh.established(2), 1U);
    auto const ours = mesh.at(1).find_peer(mesh.name(1))->connections.at(mesh.name(2));
    auto const theirs = mesh.at(2).find_peer(mesh.name(2))->connections.at(mesh.name(1));
    EXPECT_NE(ours.outbound, theirs.outbound) << "both ends kept the same one";
    auto const dials = mesh.network.dials();
    mesh.advance(std::chrono::minutes{10});
    EXPECT_EQ(mesh.network.dials(), dials) << "who is connected is not dialled again";
  }
}

TEST(MeshRouter, NameCollisionsAreReportedAndNotRetried) {
  MeshSimulation mesh{6};
  mesh.add(1);
  MeshSettings same;
  same.name = mesh.name(1);
  same.nickname = "double";
  mesh.add(2, same);
  mesh.connect(1, 2);
  mesh.advance(std::chrono::minutes{5});
  auto const text = R"x(local "7a:00:00:00:00:01(p1)" and remote "7a:00:00:00:00:01(double)" peer names collision)x";
  EXPECT_EQ(mesh.log(1).count(text), 1U);
  auto const connections = mesh.at(1).status().connections;
  ASSERT_EQ(connections.size(), 1U);
  EXPECT_EQ(connections[0].state, ConnectionState::failed);
  EXPECT_EQ(connections[0].last_error, text);
  EXPECT_FALSE(connections[0].retry_at.has_value());
  EXPECT_EQ(mesh.at(1).status().termination_count, 1U);
}

TEST(MeshRouter, DoesNotConnectToItself) {
  MeshSimulation mesh{7};
  mesh.add(1);
  mesh.connect(1, 1);
  mesh.advance(std::chrono::minutes{5});
  EXPECT_GE(mesh.log(1).count("cannot connect to ourself"), 1U);
  EXPECT_LE(mesh.log(1).count("cannot connect to ourself"), 2U) << "once an end";
  EXPECT_EQ(mesh.established(1), 0U);
  EXPECT_LE(mesh.at(1).status().termination_count, 1U) << "the accepting end may see a reset only";
}

TEST(MeshRouter, ARestartedPeerReplacesItsMemory) {
  MeshSimulation mesh{8};
  mesh.add(1);
  mesh.add(2);
  mesh.add(3);
  mesh.connect(2, 1);
  mesh.connect(3, 1);
  mesh.converge(seconds{5});
  auto const old_version = mesh.at(1).find_peer(mesh.name(2))->version;
  std::vector<PeerName> collected;
  mesh.at(1).add_listeners({.on_peer_collected = [&](PeerName name) { collected.push_back(name); }});
  // Power loss: no reset is seen until the new incarnation is there.
  mesh.network.partition({mesh.ip(2)});
  mesh.remove(2);
  mesh.advance(seconds{1});
  mesh.network.heal();
  mesh.add(2);
  mesh.connect(2, 1);
  mesh.connect(2, 3);
  mesh.advance(seconds{20});
  EXPECT_EQ(mesh.disagreement(), "");
  EXPECT_EQ(mesh.at(1).find_peer(mesh.name(2))->uid, mesh.at(2).uid());
  EXPECT_GT(mesh.at(1).find_peer(mesh.name(2))->version, old_version);
}

TEST(MeshRouter, ALinkThatIsBackAtOnceBringsWhatLiesBehindIt) {
  MeshSimulation mesh{15};
  MeshSettings quiet;
  quiet.discovery = false;
  for (std::uint32_t const number : {1U, 2U, 3U}) mesh.add(number, quiet);
  mesh.connect(1, 2);
  mesh.connect(2, 3);
  mesh.converge(seconds{5});
  mesh.network.reset(mesh.ip(1), mesh.ip(2));
  mesh.advance(milliseconds{10});
  // As the original does after a connection that has lasted: before routes have been computed anew.
  mesh.connect(1, 2);
  mesh.advance(milliseconds{50});
  ASSERT_EQ(mesh.log(1).count("connection deleted"), 1U);
  ASSERT_EQ(mesh.log(1).count("connection ready"), 2U);
  EXPECT_EQ(mesh.log(1).count("connection added (new peer)"), 2U) << "all that was behind it is forgotten";
  EXPECT_LT(mesh.converge(seconds{20}), seconds{2});
  mesh.advance(milliseconds{100});
  EXPECT_EQ(mesh.at(1).routes()->next_hop(mesh.name(3)), mesh.name(2));
}

TEST(MeshRouter, AVanishedPeerIsCollected) {
  MeshSimulation mesh{9};
  mesh.add(1);
  mesh.add(2);
  mesh.add(3);
  mesh.connect(2, 1);
  mesh.connect(3, 2);
  mesh.converge(seconds{10});
  std::vector<PeerName> collected;
  mesh.at(1).add_listeners({.on_peer_collected = [&](PeerName name) { collected.push_back(name); }});
  mesh.remove(3);
  mesh.advance(seconds{5});
  EXPECT_EQ(collected, std::vector{mesh.name(3)});
  EXPECT_EQ(mesh.log(1).count("Removed unreachable peer 7a:00:00:00:00:03(p3)"), 1U);
  EXPECT_EQ(mesh.disagreement(), "");
}

TEST(MeshRouter, SilenceEndsAConnection) {
  MeshSimulation mesh{10};
  mesh.add(1);
  mesh.add(2);
  mesh.connect(1, 2);
  mesh.converge(seconds{5});
  mesh.network.partition({mesh.ip(2)});
  mesh.advance(seconds{50});
  EXPECT_EQ(mesh.established(1), 1U);
  mesh.advance(seconds{45});
  EXPECT_EQ(mesh.established(1), 0U);
  EXPECT_EQ(mesh.log(1).count("i/o timeout"), 1U);
}

TEST(MeshRouter, EnforcesTheConnectionLimit) {
  MeshSimulation mesh{11};
  MeshSettings settings;
  settings.connection_limit = 2;
  mesh.add(1, settings);
  for (std::uint32_t number = 2; number <= 5; ++number) {
    MeshSettings quiet;
    quiet.discovery = false;
    mesh.add(number, quiet);
    mesh.connect(number, 1);
  }
  mesh.advance(seconds{5});
  EXPECT_EQ(mesh.established(1), 2U);
  EXPECT_GE(mesh.log(1).count("Connection limit reached (2)"), 2U);
  std::size_t told = 0;
  for (std::uint32_t number = 2; number <= 5; ++number) {
    if (mesh.log(number).count("peer ended the connection: Connection limit reached (2)") > 0) ++told;
  }
  EXPECT_EQ(told, 2U);
}

TEST(MeshRouter, WhoStopsTellsItsPeers) {
  MeshSimulation mesh{13};
  mesh.add(1);
  mesh.add(2);
  mesh.connect(1, 2);
  mesh.advance(seconds{3});
  mesh.at(2).stop();
  mesh.advance(milliseconds{100});
  EXPECT_EQ(last_error(mesh.at(1)), "peer ended the connection: weave is being stopped there");
  EXPECT_EQ(mesh.log(2).count("shutting down"), 0U);
}

TEST(MeshRouter, PeersOfVersionOneTakePart) {
  MeshSimulation mesh{14};
  MeshSettings old;
  old.max_protocol_version = 1;
  MeshSettings current;
  current.min_protocol_version = 2;
  mesh.add(1, old);
  mesh.add(2);
  mesh.add(3, current);
  mesh.connect(1, 2);
  mesh.connect(2, 3);
  mesh.connect(3, 1);
  mesh.advance(seconds{5});
  EXPECT_EQ(mesh.log(1).count("connection ready; using protocol version 1"), 1U);
  EXPECT_EQ(mesh.log(2).count("connection ready; using protocol version 1"), 1U);
  EXPECT_EQ(mesh.log(2).count("connection ready; using protocol version 2"), 1U);
  EXPECT_GE(mesh.log(3).count("remote version range [1,1] is incompatible with ours [2,2]"), 1U);
  EXPECT_EQ(mesh.established(1), 1U);
  EXPECT_EQ(mesh.established(2), 2U);
  EXPECT_EQ(mesh.disagreement(), "");
  // Version 1 does not say it in the introduction; topology does.
  EXPECT_EQ(mesh.at(3).find_peer(mesh.name(1))->short_id, mesh.at(1).short_id());
}

TEST(MeshRouter, RefusesStrangersMetByDiscovery) {
  MeshSimulation mesh{12};
  mesh.add(1);
  mesh.add(2);
  MeshSettings elsewhere;
  elsewhere.port = 7000;
  mesh.add(3, elsewhere);
  // 3 listens on another port; where 1 assumes it, somebody else answers.
  mesh.add(4, {}, mesh.ip(3));
  mesh.connect(3, 2);
  mesh.connect(1, 2);
  mesh.advance(seconds{5});
  EXPECT_GE(mesh.log(1).count("Found unknown remote name: 7a:00:00:00:00:04 at 10.0.0.3:6783"), 1U);
  EXPECT_FALSE(mesh.at(1).knows(mesh.name(4)));
  mesh.connect(1, 3);
  mesh.advance(seconds{5});
  EXPECT_TRUE(mesh.at(1).knows(mesh.name(4))) << "the same address given by a user is trusted";
}

} // namespace
} // namespace weave::gossip
