#include "gossip/gossip_channels.hpp"

#include <gtest/gtest.h>

#include "test/fakes/log_recorder.hpp"
#include "test/fakes/mesh_simulation.hpp"
#include "test/fakes/virtual_scheduler.hpp"

namespace weave::gossip {
namespace {

using std::chrono::seconds;
using test::RecordingGossiper;

constexpr auto kGossip = std::uint8_t{4};
constexpr auto kUnicast = std::uint8_t{5};
constexpr auto kBroadcast = std::uint8_t{6};

/// Remembers what would be sent, as text.
class RecordingLinks final : public NeighbourLinks {
 public:
  Result<void> send_now(PeerName neighbour, OutgoingMessage const& message) override {
    if (is_gone || neighbour == gone) return failure(ErrorKind::not_found, "gone");
    sent.emplace_back(neighbour, message);
    return {};
  }
  void queue_gossip(PeerName neighbour, std::string const& channel, GossipData const& data) override {
    for (auto const& payload : data.encode()) {
      queued.push_back("gossip " + channel + " to " + neighbour.to_string() + ": " + std::string{as_text(payload)});
    }
  }
  void queue_broadcast(PeerName neighbour, std::string const& channel, PeerName source,
                       GossipData const& data) override {
    for (auto const& payload : data.encode()) {
      queued.push_back("broadcast " + channel + " of " + source.to_string() + " to " + neighbour.to_string() + ": " +
                       std::string{as_text(payload)});
    }
  }

  bool is_gone = false;
  PeerName gone;
  std::vector<std::pair<PeerName, OutgoingMessage>> sent;
  std::vector<std::string> queued;
};

/// We are 1 between 2 and 3.
class GossipChannelsTest : public testing::Test {
 protected:
  GossipChannelsTest() {
    Peer two;
    two.name = PeerName{2};
    two.version = 1;
    two.connections[PeerName{1}] = {.remote = PeerName{1}, .established = true};
    Peer three = two;
    three.name = PeerName{3};
    peers.add_connection({.remote = PeerName{2}, .established = true});
    peers.add_connection({.remote = PeerName{3}, .established = true});
    peers.merge({two, three});
    routes.request_recalculation();
    routes.ensure_current();
  }
  [[nodiscard]] static Peer ourself() {
    Peer peer;
    peer.name = PeerName{1};
    peer.uid = PeerUid{1};
    return peer;
  }
  [[nodiscard]] Result<void> receive(std::uint8_t tag, std::string_view channel, std::uint64_t source,
                                     std::string_view payload) {
    return channels.receive(tag, encode_gossip_body(channel, PeerName{source}, as_bytes(payload)));
  }

  test::VirtualScheduler scheduler;
  SeededRandom random{1};
  PeerTable peers{ourself(), random};
  Routes routes{peers, scheduler, random};
  RecordingLinks links;
  std::shared_ptr<test::LogRecorder> log = std::make_shared<test::LogRecorder>();
  GossipChannels channels{PeerName{1}, routes, links, scheduler, Logger{log}};
  using Lines = std::vector<std::string>;
};

TEST_F(GossipChannelsTest, DeliversAndPassesOnWhatIsNew) {
  RecordingGossiper gossiper;
  channels.register_channel("demo", gossiper);
  ASSERT_TRUE(receive(kGossip, "demo", 2, "news").has_value());
  EXPECT_EQ(links.queued, Lines{"gossip demo to 00:00:00:00:00:03: news"});
  ASSERT_TRUE(receive(kGossip, "demo", 3, "news").has_value());
  EXPECT_EQ(links.queued.size(), 1U) << "nothing new in it";
  ASSERT_TRUE(receive(kBroadcast, "demo", 2, "all").has_value());
  EXPECT_EQ(links.queued.back(), "broadcast demo of 00:00:00:00:00:02 to 00:00:00:00:00:03: all");
  ASSERT_TRUE(receive(kBroadcast, "demo", 77, "from nowhere").has_value());
  EXPECT_EQ(links.queued.size(), 2U) << "no tree is known for that source";
}

TEST_F(GossipChannelsTest, RelaysUnicastsUnchanged) {
  auto const body = encode_unicast_body("unknown", PeerName{2}, PeerName{3}, as_bytes("payload"));
  ASSERT_TRUE(channels.receive(kUnicast, body).has_value());
  ASSERT_EQ(links.sent.size(), 1U);
  EXPECT_EQ(links.sent[0].first, PeerName{3});
  EXPECT_EQ(links.sent[0].second.tag, kUnicast);
  EXPECT_EQ(links.sent[0].second.body, body);
  EXPECT_EQ(channels.surrogate_count(), 0U) << "relaying needs no channel";

  ASSERT_TRUE(channels.receive(kUnicast, encode_unicast_body("c", PeerName{2}, PeerName{9}, {})).has_value());
  links.is_gone = true;
  ASSERT_TRUE(channels.receive(kUnicast, body).has_value());
  EXPECT_EQ(log->count("[gossip c]: unknown relay destination: 00:00:00:00:00:09"), 1U);
  EXPECT_EQ(log->count("[gossip unknown]: unable to find connection to relay peer 00:00:00:00:00:03"), 1U);
}

TEST_F(GossipChannelsTest, RelaysAroundANeighbourThatHasJustGone) {
  Peer four;
  four.name = PeerName{4};
  four.version = 1;
  Peer two = *peers.find(PeerName{2});
  Peer three = *peers.find(PeerName{3});
  for (auto* const each : {&two, &three}) {
    each->version = 2;
    each->connections[PeerName{4}] = {.remote = PeerName{4}, .established = true};
  }
  peers.merge({two, three, four});
  routes.request_recalculation();
  routes.ensure_current();
  ASSERT_EQ(routes.all().next_hop(PeerName{4}), PeerName{2});
  peers.remove_connection(PeerName{2});
  links.gone = PeerName{2};
  routes.request_recalculation();
  auto const body = encode_unicast_body("demo", PeerName{3}, PeerName{4}, {});
  ASSERT_TRUE(channels.receive(kUnicast, body).has_value());
  ASSERT_EQ(links.sent.size(), 1U);
  EXPECT_EQ(links.sent[0].first, PeerName{3});
}

TEST_F(GossipChannelsTest, ANameOfMegabytesIsNotLoggedInFull) {
  auto const body = encode_unicast_body(std::string(1'000'000, 'c'), PeerName{2}, PeerName{9}, {});
  ASSERT_TRUE(channels.receive(kUnicast, body).has_value());
  ASSERT_EQ(log->lines().size(), 1U);
  EXPECT_LT(log->lines()[0].size(), 400U);
}

TEST_F(GossipChannelsTest, ErrorsOfGossipersAndCodecsComeBack) {
  RecordingGossiper gossiper;
  gossiper.refusal = "no";
  channels.register_channel("demo", gossiper);
  EXPECT_EQ(receive(kGossip, "demo", 2, "x").error().text(), "no");
  EXPECT_EQ(receive(kBroadcast, "demo", 2, "x").error().text(), "no");
  EXPECT_EQ(channels.receive(kUnicast, encode_unicast_body("demo", PeerName{2}, PeerName{1}, {})).error().text(), "no");
  EXPECT_EQ(channels.receive(kGossip, Bytes{1, 2, 3}).error().kind(), ErrorKind::malformed);
  EXPECT_FALSE(channels.receive(kGossip, {}).has_value());
}

TEST_F(GossipChannelsTest, SurrogatesRelayOnceForHalfAMinute) {
  ASSERT_TRUE(receive(kGossip, "demo", 2, "news").has_value());
  ASSERT_TRUE(receive(kGossip, "demo", 2, "news").has_value());
  EXPECT_EQ(links.queued.size(), 1U);
  ASSERT_TRUE(receive(kBroadcast, "demo", 2, "news").has_value());
  ASSERT_TRUE(receive(kBroadcast, "demo", 2, "news").has_value());
  EXPECT_EQ(links.queued.size(), 3U) << "broadcasts are always passed on";
  ASSERT_TRUE(channels.receive(kUnicast, encode_unicast_body("demo", PeerName{2}, PeerName{1}, {})).has_value());
  scheduler.advance(seconds{31});
  ASSERT_TRUE(receive(kGossip, "demo", 2, "other").has_value());
  ASSERT_TRUE(receive(kGossip, "demo", 2, "news").has_value());
  EXPECT_EQ(links.queued.size(), 5U);
  EXPECT_EQ(log->count("[gossip demo]: created surrogate channel"), 1U);
}

TEST_F(GossipChannelsTest, IdleSurrogatesMakeRoom) {
  for (int number = 0; number < 200; ++number) {
    ASSERT_TRUE(receive(kGossip, "c" + std::to_string(number), 2, "x").has_value());
  }
  EXPECT_EQ(channels.surrogate_count(), 64U);
  EXPECT_EQ(channels.surrogate_budget().refused(), 136U);
  scheduler.advance(seconds{31});
  ASSERT_TRUE(receive(kGossip, "late", 2, "x").has_value());
  EXPECT_EQ(channels.surrogate_count(), 1U);
  ASSERT_TRUE(receive(kGossip, std::string(100'000, 'n'), 2, "x").has_value());
  EXPECT_EQ(channels.surrogate_count(), 1U) << "nobody has such names";
}

TEST_F(GossipChannelsTest, RoundsSendEveryChannelsState) {
  RecordingGossiper a;
  a.state = {"state of a"};
  RecordingGossiper b;
  channels.register_channel("a", a);
  channels.register_channel("b", b);
  channels.start();
  scheduler.advance(seconds{29});
  EXPECT_TRUE(links.queued.empty());
  scheduler.advance(seconds{32});
  EXPECT_EQ(links.queued.size(), 4U) << "two rounds to two neighbours; b has nothing to say";
  channels.send_complete_state(PeerName{3});
  EXPECT_EQ(links.queued.back(), "gossip a to 00:00:00:00:00:03: state of a");
}

TEST(GossipSender, HoldsOneGossipAndOneBroadcastASource) {
  GossipSender sender{"demo", PeerName{1}};
  using Texts = RecordingGossiper::Texts;
  sender.queue_broadcast(PeerName{5}, Texts{{"b5"}});
  sender.queue_gossip(Texts{{"g1"}});
  sender.queue_gossip(Texts{{"g2"}});
  sender.queue_broadcast(PeerName{6}, Texts{{"b6"}});
  sender.queue_broadcast(PeerName{5}, Texts{{"b5", "more"}});
  std::vector<std::string> order;
  while (!sender.empty()) {
    std::string line;
    for (auto const& message : sender.take_next()) {
      auto const decoded = decode_gossip_message(message.tag, message.body);
      ASSERT_TRUE(decoded.has_value());
      line += std::to_string(message.tag) + "/" + std::to_string(decoded->source.value()) + "/" +
              std::string{as_text(*decoded->payload)} + " ";
    }
    order.push_back(line);
  }
  EXPECT_EQ(order, (std::vector<std::string>{"4/1/g1 4/1/g2 ", "6/5/b5 6/5/more ", "6/6/b6 "}));
}

TEST(GossipSendQueue, ServesChannelsInTurn) {
  GossipSendQueue queue{PeerName{1}};
  using Texts = RecordingGossiper::Texts;
  queue.sender("a").queue_broadcast(PeerName{5}, Texts{{"x"}});
  queue.sender("a").queue_broadcast(PeerName{6}, Texts{{"x"}});
  queue.sender("b").queue_gossip(Texts{{"x"}});
  queue.sender("c").queue_gossip(Texts{std::vector<std::string>{}});
  std::string order;
  while (!queue.empty()) {
    for (auto const& message : queue.take_next()) order += decode_gossip_message(message.tag, message.body)->channel;
  }
  EXPECT_EQ(order, "aba");
}

TEST(SurrogateBudget, CountsWhatIsAliveOnly) {
  SurrogateBudget budget{2000};
  auto first = budget.admit(Bytes(1000));
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(budget.admit(Bytes(1000)), nullptr);
  first.reset();
  EXPECT_EQ(budget.used(), 0U);
  EXPECT_NE(budget.admit(Bytes(1000)), nullptr);
  EXPECT_EQ(budget.admit(Bytes(5000)), nullptr);
}

} // namespace
} // namespace weave::gossip
