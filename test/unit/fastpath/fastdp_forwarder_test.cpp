#include "datapath/fastpath/fastdp_forwarder.hpp"

#include <gtest/gtest.h>

#include "datapath/fastpath/original_liveness.hpp"
#include "test/fakes/fake_xfrm.hpp"
#include "test/unit/fastpath/fastdp_network.hpp"

namespace weave::datapath {
namespace {

using namespace std::chrono_literals;

constexpr PeerName kSelf{1};
constexpr PeerName kPeer{2};
constexpr PeerName kThird{3};
constexpr ConnectionUid kUid{0x1122'3344'5566'7788};
constexpr Ipv4Address kLocal{0x0a000001};
constexpr Ipv4Address kRemote{0x0a000002};

/// One forwarder towards an original peer, which the test plays.
class FastdpForwarderTest : public testing::Test {
 protected:
  FastdpForwarderTest() {
    registry_.use(path_);
    path_.on_sent = [this](auto const&) { sent_at_.push_back(scheduler_.now() - started_); };
  }

  void TearDown() override { EXPECT_TRUE(protection_ || failures_.empty()); }

  static TunnelPeer peer(bool outbound = true, std::uint16_t remote_port = 6783) {
    return {.remote = kPeer,
            .nickname = "host2",
            .short_id = ShortId{22},
            .connection = kUid,
            .outbound = outbound,
            .local = Ipv4Endpoint{kLocal, 40000},
            .endpoint = Ipv4Endpoint{kRemote, remote_port},
            .session_key = {}};
  }
  FastdpKind kind(std::uint16_t router_port = 6783) {
    return FastdpKind{{.scheduler = scheduler_,
                       .registry = registry_,
                       .short_id_of =
                           [this](PeerName name) {
                             auto const found = ids_.find(name);
                             return found == ids_.end() ? std::nullopt : std::optional{found->second};
                           },
                       .on_endpoints =
                           [this](PeerName, ConnectionUid, TunnelEndpoints const& ends) {
                             endpoints_.push_back(ends);
                             if (protection_) treatments_.push_back(sent_to(ends.udp_port));
                           },
                       .logger = Logger{log_},
                       .self = kSelf,
                       .router_port = router_port,
                       .protection = protection_ ? &*protection_ : nullptr}};
  }
  ForwarderEvents events() {
    return {.send_control = [this](std::uint8_t tag, Bytes const& payload) { controls_.emplace_back(tag, payload); },
            .established = [this] { ++established_; },
            .failed = [this](Error const& error) { failures_.push_back(error.text()); },
            .health = [this](bool healthy) { health_.push_back(healthy); }};
  }
  void start(TunnelPeer const& to = peer(), std::uint16_t router_port = 6783) {
    kind_ = std::make_unique<FastdpKind>(kind(router_port));
    auto made = kind_->prepare(to, events());
    ASSERT_TRUE(made) << made.error().text();
    forwarder_ = std::move(*made);
    started_ = scheduler_.now();
    forwarder_->confirm();
  }
  HeartbeatArrival arrival() const {
    auto const frame = encode_heartbeat({kUid, {}}, 1376);
    return {.ids = {ShortId{22}, ShortId{11}},
            .remote = kRemote,
            .udp_port = 6784,
            .length = 1390,
            .head = Bytes(frame.begin(), frame.begin() + kHeartbeatHead)};
  }
  /// A password is set on this host.
  void protect() {
    protection_.emplace(ipsec::Protection::Dependencies{
        .kernel = kernel_, .scheduler = scheduler_, .random = random_, .logger = Logger{log_}, .self = kSelf});
    ASSERT_TRUE(protection_->start({kLocal}, 6784));
  }
  static TunnelPeer secret_peer() {
    auto to = peer();
    to.session_key = std::make_shared<Secret const>(Bytes(32));
    return to;
  }
  ipsec::Treatment sent_to(std::uint16_t port) {
    return kernel_.decision(ipsec::Direction::out, kLocal, kRemote, port)->treatment;
  }
  ipsec::Treatment sent_to_peer() { return sent_to(6784); }
  static Bytes offer_of_peer() { return ipsec::encode_offer({.nonce = {9}, .spi = ipsec::Spi{0xabcd}}); }
  void receive() { registry_.on_heartbeat(arrival()); }
  void confirm_ours() { forwarder_->on_control(0, {}); }

  test::VirtualScheduler scheduler_;
  std::shared_ptr<test::LogRecorder> log_ = std::make_shared<test::LogRecorder>();
  test::FakeFastPath path_;
  HeartbeatRegistry registry_;
  test::FakeXfrm kernel_;
  SeededRandom random_{1};
  std::optional<ipsec::Protection> protection_;
  std::vector<std::string> failures_;
  /// What became of packets to the peer when its tunnel could be used.
  std::vector<ipsec::Treatment> treatments_;
  std::map<PeerName, ShortId> ids_{{kSelf, ShortId{11}}, {kPeer, ShortId{22}}};
  std::vector<TunnelEndpoints> endpoints_;
  std::vector<std::pair<int, Bytes>> controls_;
  int established_ = 0;
  std::vector<bool> health_;
  std::vector<Duration> sent_at_;
  TimePoint started_{};
  std::unique_ptr<FastdpKind> kind_;
  std::unique_ptr<Forwarder> forwarder_;
};

TEST_F(FastdpForwarderTest, ThePortIsTheOneAfterTheAcceptersRouterPort) {
  struct Case {
    bool outbound;
    std::uint16_t remote_tcp;
    std::uint16_t our_router;
    std::uint16_t udp;
  };
  for (auto const& [outbound, remote_tcp, our_router, udp] :
       {Case{true, 6783, 6783, 6784}, Case{true, 7000, 6783, 7001}, Case{false, 40000, 6783, 6784},
        Case{false, 40000, 7000, 7001}}) {
    forwarder_.reset();
    endpoints_.clear();
    start(peer(outbound, remote_tcp), our_router);
    EXPECT_EQ(endpoints_, (std::vector<TunnelEndpoints>{{kLocal, kRemote, udp}}));
    EXPECT_EQ(path_.last->endpoints, endpoints_.front());
    EXPECT_TRUE(path_.opened_ports.contains(udp));
  }
}

TEST_F(FastdpForwarderTest, HeartbeatsTowardsAnOriginalKeepItsTimes) {
  start();
  EXPECT_EQ(path_.last->ids, (TunnelId{ShortId{11}, ShortId{22}}));
  EXPECT_EQ(path_.last->frame, encode_heartbeat({kUid, {}}, 1376));
  scheduler_.advance(1600ms);
  EXPECT_EQ(sent_at_, (std::vector<Duration>{0ms, 500ms, 1s, 1500ms}));
  confirm_ours();
  receive();
  for (int i = 0; i < 4; ++i) {
    scheduler_.advance(10s);
    receive();
  }
  EXPECT_EQ(std::vector<Duration>(sent_at_.begin() + 4, sent_at_.end()),
            (std::vector<Duration>{11600ms, 21600ms, 31600ms, 41600ms}));
  EXPECT_TRUE(health_.empty());
}

TEST_F(FastdpForwarderTest, AnswersTheFirstHeartbeatAndIsEstablishedByTheAnswer) {
  start();
  receive();
  receive();
  EXPECT_EQ(controls_, (std::vector<std::pair<int, Bytes>>{{0, {}}}));
  EXPECT_EQ(established_, 0);
  EXPECT_TRUE(forwarder_->explanation().starts_with("vxlan heartbeat of 1390 bytes not answered since "));
  confirm_ours();
  confirm_ours();
  EXPECT_EQ(established_, 1);
  EXPECT_EQ(forwarder_->explanation(), "");
  EXPECT_EQ(forwarder_->attributes(), (std::map<std::string, std::string>{{"mtu", "1376"}}));
}

TEST_F(FastdpForwarderTest, SilenceOfAnOriginalIsNoticedAfterTwoMissingHeartbeats) {
  start();
  receive();
  confirm_ours();
  scheduler_.advance(OriginalLiveness::kSilence - 1ms);
  EXPECT_TRUE(health_.empty());
  scheduler_.advance(1ms);
  EXPECT_EQ(health_, std::vector<bool>{false});
  EXPECT_TRUE(forwarder_->explanation().starts_with("no vxlan heartbeat from the peer since "));
  // Sooner than every ten seconds, for the peer to see that the path has healed.
  auto const before = path_.sent;
  scheduler_.advance(10s);
  EXPECT_EQ(path_.sent - before, 10U);
  receive();
  EXPECT_EQ(health_, (std::vector<bool>{false, true}));
  EXPECT_EQ(forwarder_->explanation(), "");
  auto const slow = path_.sent;
  scheduler_.advance(20s);
  EXPECT_EQ(path_.sent - slow, 2U);
  EXPECT_EQ(controls_.size(), 1U);
}

TEST_F(FastdpForwarderTest, AnOriginalThatNeverAnswersIsNotWaitedForForever) {
  start();
  scheduler_.advance(25s);
  EXPECT_EQ(health_, std::vector<bool>{false});
  EXPECT_EQ(established_, 0);
  EXPECT_TRUE(forwarder_->explanation().starts_with("vxlan heartbeat of 1390 bytes not answered since "));
  receive();
  confirm_ours();
  EXPECT_EQ(health_, (std::vector<bool>{false, true}));
  EXPECT_EQ(established_, 1);
}

TEST_F(FastdpForwarderTest, OnlyThePeerItselfIsHeard) {
  start();
  for (auto const& ids :
       {TunnelId{ShortId{33}, ShortId{11}}, TunnelId{ShortId{22}, ShortId{33}}, TunnelId{ShortId{11}, ShortId{22}}}) {
    auto foreign = arrival();
    foreign.ids = ids;
    registry_.on_heartbeat(foreign);
  }
  auto other_connection = arrival();
  other_connection.head[20] ^= 1;
  registry_.on_heartbeat(other_connection);
  auto cut = arrival();
  cut.length = 1000;
  registry_.on_heartbeat(cut);
  EXPECT_TRUE(controls_.empty());
  EXPECT_EQ(registry_.statistics().received, 5U);
  EXPECT_EQ(registry_.statistics().unknown, 1U);
  EXPECT_EQ(registry_.statistics().malformed, 1U);
  receive();
  EXPECT_EQ(controls_.size(), 1U);
}

TEST_F(FastdpForwarderTest, FollowsAPeerWhoseAddressChanges) {
  start();
  auto moved = arrival();
  moved.remote = Ipv4Address{0x0a000099};
  moved.udp_port = 7001;
  registry_.on_heartbeat(moved);
  EXPECT_EQ(endpoints_.back(), (TunnelEndpoints{kLocal, Ipv4Address{0x0a000099}, 7001}));
  EXPECT_EQ(log_->count("peer address changed from 10.0.0.2:6784 to 10.0.0.153:7001"), 1U);
  scheduler_.advance(500ms);
  EXPECT_EQ(path_.last->endpoints, endpoints_.back());
  registry_.on_heartbeat(moved);
  EXPECT_EQ(endpoints_.size(), 2U);
  // By a device that was deleted before this was read.
  moved.udp_port = 0;
  registry_.on_heartbeat(moved);
  EXPECT_EQ(endpoints_.size(), 2U);
}

TEST_F(FastdpForwarderTest, WithoutAnIdOfItsOwnAPeerCannotBeHeardNorSpokenTo) {
  ids_.erase(kPeer);
  start();
  scheduler_.advance(2s);
  receive();
  EXPECT_EQ(path_.sent, 0U);
  EXPECT_TRUE(controls_.empty());
  EXPECT_EQ(forwarder_->explanation(), "one of the two peers has no short id of its own");
  ids_[kPeer] = ShortId{22};
  scheduler_.advance(FastdpForwarder::kIdRetry);
  EXPECT_EQ(path_.sent, 1U);
}

TEST_F(FastdpForwarderTest, ErrorsOfSendingAreCountedAndSaidOnce) {
  path_.send_error = Error{ErrorKind::system, "no buffer"};
  start();
  scheduler_.advance(10s);
  EXPECT_EQ(log_->count("cannot send: no buffer"), 1U);
  EXPECT_NE(forwarder_->explanation().find("(cannot send: no buffer)"), std::string::npos);
  path_.send_error.reset();
  scheduler_.advance(1s);
  EXPECT_EQ(forwarder_->explanation().find("cannot send"), std::string::npos);
}

TEST_F(FastdpForwarderTest, APortInUseIsAskedForAgain) {
  path_.port_error = Error{ErrorKind::already_exists, "Address already in use"};
  start();
  EXPECT_EQ(health_, std::vector<bool>{false});
  EXPECT_EQ(forwarder_->explanation(), "cannot use UDP port 6784 for vxlan: Address already in use");
  scheduler_.advance(1min);
  EXPECT_EQ(path_.sent, 0U);
  EXPECT_EQ(log_->count("cannot use UDP port 6784"), 2U); // once with the reason, once with its consequence
  path_.port_error.reset();
  scheduler_.advance(FastdpForwarder::kPortRetry + 1s);
  EXPECT_GT(path_.sent, 0U);
  receive();
  confirm_ours();
  EXPECT_EQ(health_, (std::vector<bool>{false, true}));
}

TEST_F(FastdpForwarderTest, ALostPathIsReplacedByTheNext) {
  start();
  receive();
  confirm_ours();
  registry_.lose("the datapath was deleted", false);
  EXPECT_EQ(health_, std::vector<bool>{false});
  EXPECT_EQ(forwarder_->explanation(), "the datapath was deleted");
  EXPECT_TRUE(kind_->available());
  auto const before = path_.sent;
  scheduler_.advance(1min);
  EXPECT_EQ(path_.sent, before);

  test::FakeFastPath next;
  registry_.use(next);
  EXPECT_TRUE(next.opened_ports.contains(6784));
  scheduler_.advance(1s);
  EXPECT_EQ(next.sent, 1U);
  EXPECT_EQ(health_.size(), 1U); // not before it has been seen to work
  receive();
  EXPECT_EQ(health_, (std::vector<bool>{false, true}));

  registry_.lose("no permission", true);
  EXPECT_FALSE(kind_->available());
  EXPECT_EQ(kind_->prepare(peer(), events()).error().text(), "no permission");
}

TEST_F(FastdpForwarderTest, RefusesWhatItCannotServe) {
  auto const refused = [this](TunnelPeer const& to) {
    auto const made = kind().prepare(to, events());
    return made ? "" : made.error().text();
  };
  auto to = peer();
  to.local.reset();
  EXPECT_EQ(refused(to), "fastdp needs an IPv4 connection");
  to = peer();
  to.endpoint.reset();
  EXPECT_EQ(refused(to), "fastdp needs an IPv4 connection");
  to = peer();
  to.session_key = std::make_shared<Secret const>(Bytes(32));
  EXPECT_EQ(refused(to), "this host cannot encrypt what goes by the fast path");
  EXPECT_EQ(refused(peer(true, 65535)), "there is no UDP port after 65535");
}

TEST_F(FastdpForwarderTest, NothingIsSentBeforeThePeerHasToldHowToEncrypt) {
  protect();
  start(secret_peer());
  scheduler_.advance(3s);
  ASSERT_EQ(controls_.size(), 1U);
  EXPECT_EQ(controls_[0].first, 1);
  EXPECT_EQ(controls_[0].second.size(), 64U);
  EXPECT_EQ(path_.sent, 0U);
  EXPECT_EQ(sent_to_peer(), ipsec::Treatment::block);
  EXPECT_EQ(forwarder_->explanation(), "the peer has not told yet how to encrypt for it");

  forwarder_->on_control(1, offer_of_peer());
  EXPECT_EQ(path_.sent, 1U) << "at once";
  EXPECT_EQ(sent_to_peer(), ipsec::Treatment::encrypted);
  EXPECT_TRUE(forwarder_->explanation().ends_with(" (encrypted it takes a packet of 1460 bytes)"));
  receive();
  confirm_ours();
  EXPECT_EQ(established_, 1);
}

TEST_F(FastdpForwarderTest, TheWayIsClosedBeforeItIsUsedAndAgainAtTheEnd) {
  protect();
  kernel_.calls.clear();
  auto to = secret_peer();
  to.endpoint->port = 7000;
  start(to);
  EXPECT_EQ(treatments_, std::vector{ipsec::Treatment::block});
  forwarder_->on_control(1, offer_of_peer());
  EXPECT_EQ(sent_to(7001), ipsec::Treatment::encrypted);
  forwarder_.reset();
  EXPECT_EQ(sent_to(7001), ipsec::Treatment::block);
  EXPECT_TRUE(kernel_.keys.empty());
}

TEST_F(FastdpForwarderTest, ABadOfferOrARefusalOfTheKernelEndsIt) {
  protect();
  start(secret_peer());
  forwarder_->on_control(1, Bytes(36));
  ASSERT_EQ(failures_.size(), 1U);
  forwarder_->on_control(1, offer_of_peer());
  EXPECT_EQ(path_.sent, 0U);

  kernel_.refusal = Error{ErrorKind::system, "out of memory"};
  endpoints_.clear();
  start(secret_peer());
  EXPECT_EQ(failures_.back(), "out of memory");
  EXPECT_TRUE(endpoints_.empty()) << "no tunnel without protection";
}

TEST_F(FastdpForwarderTest, BetweenEndsThatTrustTheNetworkItStaysClear) {
  protect();
  start();
  EXPECT_EQ(path_.sent, 1U);
  EXPECT_EQ(sent_to_peer(), ipsec::Treatment::may_be_clear);
  forwarder_.reset();
  EXPECT_EQ(sent_to_peer(), ipsec::Treatment::block);
}

TEST_F(FastdpForwarderTest, WithoutProtectionOfThePortItDoesNotStayClearEither) {
  protect();
  kernel_.refusal = Error{ErrorKind::system, "out of memory"};
  auto to = peer();
  to.endpoint->port = 7000;
  start(to);
  EXPECT_EQ(failures_, std::vector<std::string>{"out of memory"});
  EXPECT_EQ(path_.sent, 0U);
  EXPECT_TRUE(endpoints_.empty());
}

TEST_F(FastdpForwarderTest, ForeignControlMessagesChangeNothing) {
  start();
  forwarder_->on_control(1, Bytes(64));
  forwarder_->on_control(7, {});
  forwarder_->on_control(255, Bytes(3));
  EXPECT_EQ(established_, 0);
  EXPECT_TRUE(controls_.empty());
}

TEST_F(FastdpForwarderTest, StoppingLeavesNothingBehind) {
  start();
  receive();
  forwarder_.reset();
  receive();
  EXPECT_EQ(registry_.statistics().unknown, 1U);
  EXPECT_EQ(scheduler_.pending(), 0U);
}

TEST_F(FastdpForwarderTest, BeforeConfirmNothingHappens) {
  auto const made = *kind().prepare(peer(), events());
  receive();
  made->on_control(0, {});
  registry_.lose("x", false);
  registry_.use(path_);
  scheduler_.advance(1min);
  EXPECT_EQ(path_.sent, 0U);
  EXPECT_EQ(established_, 0);
  EXPECT_TRUE(health_.empty());
}

} // namespace
} // namespace weave::datapath
