// What a peer that does not follow the protocol can do to a mesh: lose its own connection, and nothing else.
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "gossip/features.hpp"
#include "gossip/frame_codec.hpp"
#include "gossip/gossip_message.hpp"
#include "gossip/introduction.hpp"
#include "gossip/topology_codec.hpp"
#include "test/fakes/mesh_simulation.hpp"

namespace weave::gossip {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::MeshSimulation;

/// An overlay that records control messages and never becomes established.
class RecordingOverlay final : public Overlay {
 public:
  struct Control {
    std::uint8_t tag;
    Bytes body;
  };

  void add_features(Features& features) const override { features["Overlays"] = "sleeve"; }
  Result<std::unique_ptr<OverlayConnection>> prepare(OverlayConnectionParameters parameters) override {
    if (!refusal.empty()) return failure(ErrorKind::refused, refusal);
    prepared.push_back(parameters);
    return std::make_unique<Connection>(*this);
  }

  std::string refusal;
  std::vector<OverlayConnectionParameters> prepared;
  std::vector<Control> controls;
  int confirmed = 0;
  int destroyed = 0;

 private:
  class Connection final : public OverlayConnection {
   public:
    explicit Connection(RecordingOverlay& overlay) : overlay_{overlay} {}
    Connection(Connection const&) = delete;
    Connection& operator=(Connection const&) = delete;
    ~Connection() override { ++overlay_.destroyed; }
    void confirm() override { ++overlay_.confirmed; }
    void on_control(std::uint8_t tag, ByteView body) override {
      overlay_.controls.push_back({tag, Bytes(body.begin(), body.end())});
    }
    [[nodiscard]] std::map<std::string, std::string> attributes() const override { return {{"name", "sleeve"}}; }

   private:
    RecordingOverlay& overlay_;
  };
};

/// Speaks raw bytes to peer 1 from its own host.
class Stranger {
 public:
  explicit Stranger(MeshSimulation& mesh, std::string ip = "10.0.9.9") : transport_{mesh.network.host(std::move(ip))} {
    dial_ = transport_->dial(MeshSimulation::address(1), [this](Result<std::unique_ptr<ByteStream>> outcome) {
      stream_ = *std::move(outcome);
      stream_->start(
          {.on_bytes = [this](ByteView bytes) { received.insert(received.end(), bytes.begin(), bytes.end()); },
           .on_drained = {},
           .on_closed = [this](Error const&) { is_closed = true; }});
    });
    mesh.advance(milliseconds{10});
  }
  void send(Bytes bytes) { stream_->write(std::move(bytes)); }
  void introduce(Features const& features) {
    send(encode_protocol_header({2, 2}));
    send({0});
    send(encode_frame(encode_features(features), clear_).value());
  }
  void introduce(PeerName name, std::uint64_t uid = 77) { introduce(features_of(name, uid)); }
  void message(std::uint8_t tag, Bytes const& body) { send(encode_frame(tag, body, clear_).value()); }

  [[nodiscard]] static Features features_of(PeerName name, std::uint64_t uid) {
    return make_features({.name = name,
                          .nickname = "stranger",
                          .uid = PeerUid{uid},
                          .connection_id = 1,
                          .short_id = std::nullopt,
                          .trusted = false});
  }

  bool is_closed = false;
  Bytes received;

 private:
  ClearSealer clear_;
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<Operation> dial_;
  std::unique_ptr<ByteStream> stream_;
};

class HostilePeer : public testing::Test {
 protected:
  HostilePeer() {
    mesh.add(1);
    mesh.add(2);
    mesh.connect(2, 1);
    mesh.converge(seconds{10});
  }
  /// The stranger is gone, one line says why, and the rest of the mesh has not noticed.
  void expect_dropped(Stranger const& stranger, std::string const& reason) {
    mesh.advance(seconds{5});
    EXPECT_TRUE(stranger.is_closed);
    EXPECT_EQ(mesh.log(1).count("shutting down due to error"), 1U);
    EXPECT_EQ(mesh.log(1).count(reason), 1U) << reason;
    EXPECT_EQ(mesh.disagreement(), "");
    EXPECT_EQ(mesh.established(1), 1U);
    EXPECT_FALSE(mesh.at(1).knows(kStranger));
  }
  static constexpr PeerName kStranger{0x7a0000000099};
  MeshSimulation mesh{50};
};

TEST_F(HostilePeer, MalformedGossipDropsOnlyItsConnection) {
  Stranger stranger{mesh};
  stranger.introduce(kStranger);
  mesh.advance(milliseconds{10});
  EXPECT_TRUE(mesh.at(1).knows(kStranger));
  stranger.message(4, {1, 2, 3});
  expect_dropped(stranger, "]: connection shutting down due to error: ");
}

TEST_F(HostilePeer, AMalformedTopologyIsNotHalfApplied) {
  Peer invented;
  invented.name = PeerName{0x7a00000000aa};
  invented.version = 1;
  auto payload = encode_topology({&invented, &invented});
  payload.pop_back();
  Stranger stranger{mesh};
  stranger.introduce(kStranger);
  stranger.message(4, encode_gossip_body("topology", kStranger, payload));
  expect_dropped(stranger, "unexpected EOF");
  EXPECT_EQ(mesh.log(1).count("7a:00:00:00:00:aa"), 0U);
}

TEST_F(HostilePeer, TopologyUnicastsAreErrors) {
  Stranger stranger{mesh};
  stranger.introduce(kStranger);
  stranger.message(5, encode_unicast_body("topology", kStranger, mesh.name(1), Bytes{1, 2}));
  expect_dropped(stranger, "unexpected topology gossip unicast: [1 2]");
}

TEST_F(HostilePeer, BadFeaturesAreRefused) {
  auto features = Stranger::features_of(kStranger, 1);
  features.erase("UID");
  Stranger stranger{mesh};
  stranger.introduce(features);
  expect_dropped(stranger, "connection shutting down due to error during handshake: field UID is missing");
}

TEST_F(HostilePeer, TheReservedNameIsRefused) {
  Stranger stranger{mesh};
  stranger.introduce(PeerName{});
  expect_dropped(stranger, "peer name 00:00:00:00:00:00 is reserved");
}

TEST_F(HostilePeer, InventedPeersVanishWithTheInventor) {
  Peer liar;
  liar.name = kStranger;
  liar.uid = PeerUid{77};
  liar.version = 1;
  for (std::uint64_t number = 0; number < 1000; ++number) {
    auto const name = PeerName{0x010000000000 + number};
    liar.connections[name] = {.remote = name, .address = "10.99.0.1:" + std::to_string(1 + number), .outbound = true};
  }
  liar.connections[mesh.name(1)] = {.remote = mesh.name(1), .established = true};
  {
    Stranger stranger{mesh};
    stranger.introduce(kStranger);
    stranger.message(4, encode_gossip_body("topology", kStranger, encode_topology({&liar})));
    mesh.advance(seconds{5});
    EXPECT_EQ(mesh.at(1).peers().size(), 1003U);
  }
  mesh.advance(seconds{20});
  EXPECT_EQ(mesh.at(1).peers().size(), 2U);
  EXPECT_EQ(mesh.at(2).peers().size(), 2U);
  EXPECT_EQ(mesh.established(1), 1U);
}

TEST_F(HostilePeer, AFloodOfUnicastsToASlowNeighbourIsCut) {
  mesh.network.set_rate(mesh.ip(1), mesh.ip(2), 1000);
  Stranger stranger{mesh};
  stranger.introduce(kStranger);
  auto const body = encode_unicast_body("demo", kStranger, mesh.name(2), Bytes(100'000));
  for (int number = 0; number < 200; ++number) stranger.message(5, body);
  mesh.advance(seconds{5});
  EXPECT_LE(mesh.network.backlog(mesh.ip(1), mesh.ip(2)), Link::kMaxUnsent + 200'000);
  EXPECT_GT(mesh.log(1).count("is too slow"), 0U);
  EXPECT_FALSE(stranger.is_closed);
}

TEST_F(HostilePeer, WhoReplacesItsConnectionGetsEverythingAgain) {
  Peer known;
  known.name = kStranger;
  known.uid = PeerUid{77};
  known.version = 1;
  known.connections[mesh.name(1)] = {.remote = mesh.name(1), .established = true};
  Stranger first{mesh};
  first.introduce(kStranger);
  first.message(4, encode_gossip_body("topology", kStranger, encode_topology({&known})));
  mesh.advance(seconds{2});
  ASSERT_EQ(mesh.at(1).routes()->next_hop(kStranger), kStranger);
  // As when its first connection has died without our knowing; which one is kept is a matter of chance.
  std::vector<std::unique_ptr<Stranger>> others;
  while (!first.is_closed) {
    ASSERT_LT(others.size(), 50U);
    others.push_back(std::make_unique<Stranger>(mesh));
    others.back()->introduce(kStranger);
    // Sooner than any change of the topology is told.
    mesh.advance(milliseconds{20});
  }
  EXPECT_NE(as_text(others.back()->received).find("topology"), std::string_view::npos);
}

TEST(OverlayControl, ReachesTheOverlayAsItCame) {
  MeshSimulation mesh{51};
  RecordingOverlay overlay;
  auto transport = mesh.network.host(mesh.ip(1));
  auto log = std::make_shared<test::LogRecorder>();
  MeshSettings settings;
  settings.name = mesh.name(1);
  settings.nickname = "one";
  settings.trusted_subnets = {Ipv4Cidr::parse("10.0.9.0/24").value()};
  MeshRouter router{settings, {mesh.scheduler, mesh.random, *transport, overlay}, Logger{log}};
  ASSERT_TRUE(router.start().has_value());
  Stranger stranger{mesh};
  auto features = Stranger::features_of(PeerName{0x99}, 5);
  features["Overlays"] = "fastdp sleeve";
  features["Trusted"] = "true";
  stranger.introduce(features);
  mesh.advance(milliseconds{10});
  ASSERT_EQ(overlay.prepared.size(), 1U);
  auto const& parameters = overlay.prepared[0];
  EXPECT_EQ(parameters.remote, PeerName{0x99});
  EXPECT_EQ(parameters.remote_nickname, "stranger");
  EXPECT_FALSE(parameters.outbound);
  EXPECT_EQ(parameters.features, features);
  EXPECT_EQ(parameters.local->to_string(), "10.0.0.1:6783");
  EXPECT_EQ(parameters.remote_endpoint->address.to_string(), "10.0.9.9");
  EXPECT_EQ(overlay.confirmed, 1);
  // Out of range, too short, legacy without need: none of it is the mesh's business (mesh.md §18 trap 19).
  stranger.message(7, {200, 1});
  stranger.message(7, {0});
  stranger.message(7, {});
  stranger.message(3, {});
  mesh.advance(milliseconds{10});
  ASSERT_EQ(overlay.controls.size(), 4U);
  EXPECT_EQ(overlay.controls[0].body, (Bytes{200, 1}));
  EXPECT_EQ(overlay.controls[3].tag, 3);
  EXPECT_FALSE(stranger.is_closed);

  auto const before = stranger.received.size();
  parameters.send_control(7, {0, 1});
  mesh.advance(milliseconds{10});
  EXPECT_EQ(to_hex(ByteView{stranger.received}.subspan(before)), "00000003070001");
  auto status = router.status();
  ASSERT_EQ(status.connections.size(), 1U);
  EXPECT_EQ(status.connections[0].state, ConnectionState::pending);
  EXPECT_TRUE(status.connections[0].is_trusted);
  parameters.on_established();
  mesh.advance(milliseconds{10});
  EXPECT_EQ(router.status().connections[0].state, ConnectionState::established);
  EXPECT_EQ(log->count("connection fully established"), 1U);
  parameters.on_error(Error{ErrorKind::unavailable, "no working forwarders to 00:00:00:00:00:99(stranger)"});
  mesh.advance(milliseconds{10});
  EXPECT_TRUE(stranger.is_closed);
  EXPECT_EQ(overlay.destroyed, 1);
  EXPECT_EQ(log->count("shutting down due to error: no working forwarders"), 1U);
  parameters.on_established();
  parameters.send_control(7, {0, 1});
  mesh.advance(seconds{2});

  overlay.refusal = "no overlays in common with peer";
  Stranger other{mesh};
  other.introduce(features);
  mesh.advance(milliseconds{10});
  EXPECT_TRUE(other.is_closed);
  EXPECT_EQ(log->count("shutting down due to error: no overlays in common with peer"), 1U);
}

TEST(OverlayControl, IsSentHoweverMuchWaitsForTheLink) {
  MeshSimulation mesh{53};
  RecordingOverlay overlay;
  auto transport = mesh.network.host(mesh.ip(1));
  MeshSettings settings;
  settings.name = mesh.name(1);
  MeshRouter router{settings, {mesh.scheduler, mesh.random, *transport, overlay}, Logger{}};
  test::RecordingGossiper gossiper;
  auto& channel = router.register_channel("demo", gossiper);
  ASSERT_TRUE(router.start().has_value());
  Stranger stranger{mesh};
  stranger.introduce(PeerName{0x99}, 5);
  mesh.advance(seconds{1});
  ASSERT_EQ(overlay.prepared.size(), 1U);
  mesh.network.set_rate(mesh.ip(1), "10.0.9.9", 10'000'000);
  ASSERT_TRUE(channel.unicast(PeerName{0x99}, Bytes(Link::kMaxUnsent + 1)));
  ASSERT_FALSE(channel.unicast(PeerName{0x99}, Bytes(1)));
  overlay.prepared[0].send_control(7, {0, 1});
  mesh.advance(seconds{1});
  // Told once: without it the other end never sees the connection established.
  EXPECT_EQ(to_hex(ByteView{stranger.received}.last(7)), "00000003070001");
}

TEST(OverlayControl, OfVersionOneKnowsOnlyWhatThatVersionSays) {
  MeshSimulation mesh{52};
  RecordingOverlay overlay;
  auto transport = mesh.network.host(mesh.ip(1));
  MeshSettings settings;
  settings.name = mesh.name(1);
  MeshRouter router{settings, {mesh.scheduler, mesh.random, *transport, overlay}, Logger{}};
  ASSERT_TRUE(router.start().has_value());
  Stranger stranger{mesh};
  auto features = Stranger::features_of(PeerName{0x99}, 5);
  features["Overlays"] = "fastdp sleeve";
  stranger.send(encode_protocol_header({1, 1}));
  stranger.send(encode_features(features));
  ClearSealer clear;
  stranger.send(encode_frame(3, Bytes{5, 158}, clear, Framing::gob).value());
  mesh.advance(milliseconds{10});
  ASSERT_EQ(overlay.prepared.size(), 1U);
  EXPECT_FALSE(overlay.prepared[0].features.contains("Overlays"));
  EXPECT_FALSE(overlay.prepared[0].announced.contains("Overlays"));
  EXPECT_TRUE(overlay.prepared[0].announced.contains("ConnID"));
  ASSERT_EQ(overlay.controls.size(), 1U);
  EXPECT_EQ(overlay.controls[0].tag, 3);
  EXPECT_EQ(overlay.controls[0].body, (Bytes{5, 158}));
  overlay.prepared[0].send_control(1, {});
  mesh.advance(milliseconds{10});
  EXPECT_EQ(to_hex(ByteView{stranger.received}.last(5)), "040a000101");
}

} // namespace
} // namespace weave::gossip
