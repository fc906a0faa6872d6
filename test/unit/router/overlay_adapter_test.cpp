#include "controller/router/overlay_adapter.hpp"

#include <optional>

#include <gtest/gtest.h>

#include "datapath/tunnel/sleeve_suite.hpp"
#include "test/fakes/virtual_scheduler.hpp"

namespace weave::controller::router {
namespace {

constexpr PeerName kSelf{1};
constexpr PeerName kRemote{2};
constexpr ConnectionUid kUid{77};

/// Remembers whom it was made for.
class FakeKind final : public datapath::ForwarderKind {
 public:
  class Fake final : public datapath::Forwarder {
   public:
    void confirm() override {}
    void on_control(std::uint8_t, ByteView) override {}
    [[nodiscard]] std::map<std::string, std::string> attributes() const override { return {}; }
    [[nodiscard]] std::string explanation() const override { return "because"; }
    [[nodiscard]] std::optional<datapath::PathQuality> quality() const override { return measured; }

    std::optional<datapath::PathQuality> measured;
  };

  explicit FakeKind(std::string name) : name_{std::move(name)} {}
  [[nodiscard]] std::string_view name() const override { return name_; }
  [[nodiscard]] bool available() const override { return offered; }
  [[nodiscard]] Result<std::unique_ptr<datapath::Forwarder>> prepare(datapath::TunnelPeer const& to,
                                                                     datapath::ForwarderEvents given) override {
    peer = to;
    events = std::move(given);
    auto made = std::make_unique<Fake>();
    prepared = made.get();
    return made;
  }

  bool offered = true;
  std::optional<datapath::TunnelPeer> peer;
  datapath::ForwarderEvents events;
  Fake* prepared = nullptr; ///< the last one, while it lives

 private:
  std::string name_;
};

class OverlayAdapterTest : public testing::Test {
 protected:
  OverlayAdapterTest() { planner_.set_short_ids(ShortId{1}, {{ShortId{2}, kRemote}}); }

  std::unique_ptr<gossip::OverlayConnection> connect(gossip::Features features) {
    gossip::OverlayConnectionParameters parameters;
    parameters.remote = kRemote;
    parameters.remote_nickname = "remote";
    parameters.connection_uid = kUid;
    parameters.features = std::move(features);
    adapter_.add_features(parameters.announced);
    parameters.send_control = [](std::uint8_t, Bytes const&) {};
    parameters.on_established = [] {};
    parameters.on_error = [](Error const&) {};
    return std::move(*adapter_.prepare(std::move(parameters)));
  }
  std::optional<datapath::Carrier> carrier() {
    scheduler_.settle();
    auto const& neighbours = planner_.current()->neighbours;
    auto const found = neighbours.find(ShortId{2});
    return found == neighbours.end() ? std::nullopt : std::optional{found->second.carrier};
  }

  test::VirtualScheduler scheduler_;
  FakeKind fastdp_{"fastdp"};
  FakeKind sleeve_{"sleeve"};
  datapath::TunnelOverlay tunnels_{scheduler_, {}, {&fastdp_, &sleeve_}};
  datapath::ForwardingPlanner planner_{scheduler_, kSelf, [](auto) {}};
  datapath::FastpathLinks links_{planner_};
  OverlayAdapter adapter_{tunnels_, &links_};
};

TEST_F(OverlayAdapterTest, AnnouncesOverlaysAndLiveness) {
  gossip::Features features;
  adapter_.add_features(features);
  EXPECT_EQ(features, (gossip::Features{{"Overlays", "fastdp sleeve"},
                                        {"FastdpLiveness", "1"},
                                        {"SleeveProbes", "1"},
                                        {"SleeveSuites", datapath::sleeve_suites_of_this_host()}}));
  fastdp_.offered = false;
  adapter_.add_features(features);
  EXPECT_EQ(features.at("Overlays"), "sleeve");
  gossip::Features without_fast_path;
  OverlayAdapter{tunnels_}.add_features(without_fast_path);
  EXPECT_FALSE(without_fast_path.contains("FastdpLiveness"));
}

TEST_F(OverlayAdapterTest, LivenessNeedsBoth) {
  auto const with = connect({{"Overlays", "fastdp sleeve"}, {"FastdpLiveness", "1"}});
  EXPECT_TRUE(fastdp_.peer->liveness);
  auto const without = connect({{"Overlays", "fastdp sleeve"}});
  EXPECT_FALSE(fastdp_.peer->liveness);
}

TEST_F(OverlayAdapterTest, ProbesNeedBoth) {
  auto const with = connect({{"Overlays", "sleeve"}, {"SleeveProbes", "1"}});
  EXPECT_TRUE(sleeve_.peer->sleeve_probes);
  auto const without = connect({{"Overlays", "sleeve"}});
  EXPECT_FALSE(sleeve_.peer->sleeve_probes);
}

datapath::PathQuality lossy(double ratio) {
  datapath::PathQuality quality;
  quality.lost_in = ratio;
  return quality;
}

TEST_F(OverlayAdapterTest, PathsAreThoseOfConfirmedConnectionsOncePerPeer) {
  auto first = connect({{"Overlays", "fastdp sleeve"}});
  fastdp_.prepared->measured = lossy(0.5);
  EXPECT_TRUE(adapter_.paths().empty());
  first->confirm();
  ASSERT_EQ(adapter_.paths().size(), 1U);
  EXPECT_EQ(adapter_.paths()[0].peer, kRemote);
  EXPECT_EQ(adapter_.paths()[0].nickname, "remote");
  EXPECT_EQ(adapter_.paths()[0].path, "fastdp");
  EXPECT_EQ(adapter_.paths()[0].quality.lost_in, 0.5);

  auto second = connect({{"Overlays", "fastdp sleeve"}});
  fastdp_.prepared->measured = lossy(0.25);
  sleeve_.prepared->measured = datapath::PathQuality{};
  second->confirm();
  ASSERT_EQ(adapter_.paths().size(), 2U);
  EXPECT_EQ(adapter_.paths()[0].quality.lost_in, 0.25);
  EXPECT_EQ(adapter_.paths()[1].path, "sleeve");
  second.reset();
  EXPECT_EQ(adapter_.paths().size(), 1U);
}

TEST_F(OverlayAdapterTest, BothOffersOfSuitesReachTheTunnels) {
  auto const with = connect({{"Overlays", "sleeve"}, {"SleeveSuites", "chacha20-poly1305"}});
  EXPECT_EQ(sleeve_.peer->our_suites, datapath::sleeve_suites_of_this_host());
  EXPECT_EQ(sleeve_.peer->their_suites, "chacha20-poly1305");
  auto const without = connect({{"Overlays", "sleeve"}});
  EXPECT_EQ(sleeve_.peer->their_suites, "");
}

TEST_F(OverlayAdapterTest, TheChoiceReachesThePlannerOnceConfirmed) {
  planner_.settled();
  auto connection = connect({{"Overlays", "fastdp sleeve"}});
  EXPECT_FALSE(carrier());
  connection->confirm();
  EXPECT_EQ(carrier(), datapath::Carrier::none); // fastdp, but its ends are not known
  sleeve_.events.established();
  EXPECT_EQ(carrier(), datapath::Carrier::user);
  EXPECT_EQ(connection->explanation(), "fastdp: because");
  links_.set_endpoints(kRemote, kUid, {Ipv4Address{1}, Ipv4Address{2}, 6784});
  fastdp_.events.established();
  EXPECT_EQ(carrier(), datapath::Carrier::tunnel);
  EXPECT_EQ(connection->explanation(), "");
  connection.reset();
  EXPECT_FALSE(carrier());
}

} // namespace
} // namespace weave::controller::router
