#include "gossip/connection_maker.hpp"

#include <gtest/gtest.h>

#include "test/fakes/log_recorder.hpp"
#include "test/fakes/virtual_scheduler.hpp"

namespace weave::gossip {
namespace {

using std::chrono::seconds;

/// Dials and look-ups that a test answers.
class ScriptedTransport final : public Transport {
 public:
  using Dialled = std::function<void(Result<std::unique_ptr<ByteStream>>)>;
  using Resolved = std::function<void(Result<std::vector<std::string>>)>;

  std::unique_ptr<Operation> dial(std::string const& address, Dialled done) override {
    dialled.push_back(address);
    pending[address] = std::move(done);
    return std::make_unique<Attempt>([this, address] { pending.erase(address); });
  }
  std::unique_ptr<Operation> resolve(std::string const& host, Resolved done) override {
    resolved.push_back(host);
    lookups[host] = std::move(done);
    return std::make_unique<Operation>();
  }
  Result<std::unique_ptr<Operation>> listen(std::string const&, std::uint16_t,
                                            std::function<void(std::unique_ptr<ByteStream>)>) override {
    return failure(ErrorKind::refused, "not here");
  }
  void fail(std::string const& address) {
    auto const done = pending.extract(address);
    done.mapped()(failure(ErrorKind::refused, "connection refused"));
  }
  void succeed(std::string const& address) {
    auto const done = pending.extract(address);
    done.mapped()(std::unique_ptr<ByteStream>{});
  }
  void answer(std::string const& host, Result<std::vector<std::string>> outcome) {
    auto const done = lookups.extract(host);
    done.mapped()(std::move(outcome));
  }

  std::vector<std::string> dialled;
  std::vector<std::string> resolved;
  std::map<std::string, Dialled> pending;
  std::map<std::string, Resolved> lookups;

 private:
  struct Attempt final : Operation {
    explicit Attempt(std::function<void()> end) : give_up{std::move(end)} {}
    Attempt(Attempt const&) = delete;
    Attempt& operator=(Attempt const&) = delete;
    ~Attempt() override { give_up(); }
    std::function<void()> give_up;
  };
};

class ConnectionMakerTest : public testing::Test {
 protected:
  static Peer make_peer(std::uint64_t name, std::vector<PeerConnection> connections = {}) {
    Peer peer;
    peer.name = PeerName{name};
    peer.uid = PeerUid{1};
    peer.version = 1;
    for (auto& each : connections) peer.connections[each.remote] = each;
    return peer;
  }
  static PeerConnection link(std::uint64_t remote, std::string address, bool outbound) {
    return {.remote = PeerName{remote}, .address = std::move(address), .outbound = outbound, .established = true};
  }
  ConnectionMaker& maker(ConnectionMaker::Settings settings = {}) {
    maker_ = std::make_unique<ConnectionMaker>(
        settings, peers, transport, scheduler, random, Logger{log},
        ConnectionMaker::Handlers{.on_dialled = [this](std::unique_ptr<ByteStream>, std::string const& address,
                                                       bool accept) { streams.emplace_back(address, accept); },
                                  .on_direct_peers_changed = [this] { ++changes; }});
    return *maker_;
  }
  void refresh(ConnectionMaker& subject) {
    subject.refresh();
    scheduler.advance(std::chrono::milliseconds{100});
  }
  [[nodiscard]] std::string states() const {
    std::string text;
    for (auto const& line : maker_->status()) {
      text += line.address + " " + std::string{to_string(line.state)} +
              (line.last_error.empty() ? "" : " " + line.last_error) + (line.retry_at ? " retry" : "") + "\n";
    }
    return text;
  }

  test::VirtualScheduler scheduler;
  SeededRandom random{5};
  PeerTable peers{make_peer(1), random};
  ScriptedTransport transport;
  std::shared_ptr<test::LogRecorder> log = std::make_shared<test::LogRecorder>();
  std::vector<std::pair<std::string, bool>> streams;
  int changes = 0;

 private:
  std::unique_ptr<ConnectionMaker> maker_;
};

TEST(TargetAddress, ReadsWhatUsersType) {
  auto const read = [](std::string_view text) {
    auto const parsed = TargetAddress::parse(text);
    return parsed ? parsed->host + "|" + (parsed->port ? std::to_string(*parsed->port) : "-") : parsed.error().text();
  };
  EXPECT_EQ(read("host"), "host|-");
  EXPECT_EQ(read("host:7000"), "host|7000");
  EXPECT_EQ(read("host:"), "host|-");
  EXPECT_EQ(read("host:0"), "host|-");
  EXPECT_EQ(read("10.1.2.3:6783"), "10.1.2.3|6783");
  EXPECT_EQ(read("fe80::1%eth0"), "fe80::1%eth0|-");
  EXPECT_EQ(read("[fe80::1%eth0]:7"), "fe80::1%eth0|7");
  EXPECT_EQ(read("[::1]"), "::1|-");
  EXPECT_EQ(read(""), "invalid peer name \"\", should be host[:port]");
  EXPECT_EQ(read(":80"), "invalid peer name \":80\", should be host[:port]");
  EXPECT_EQ(read("host:-1"), "invalid peer name \"host:-1\", should be host[:port]");
  EXPECT_EQ(read("host:99999"), "unknown port in peer name \"host:99999\"");
}

TEST(TargetAddress, SplitsWhatPeersGossip) {
  using Parts = std::pair<std::string, std::uint16_t>;
  EXPECT_EQ(split_host_port("10.1.2.3:6783"), (Parts{"10.1.2.3", 6783}));
  EXPECT_EQ(split_host_port("[fe80::1%eth0]:7"), (Parts{"fe80::1%eth0", 7}));
  for (auto const* const bad :
       {"", ":", "[]:6", "[:6", "]:6", "[[ee]:6", "[a]b]:6", "a[b:6", "::1:6", "host", "host:0", "host:"}) {
    EXPECT_EQ(split_host_port(bad), std::nullopt) << bad;
  }
}

TEST_F(ConnectionMakerTest, DialsDirectPeersAndBacksOff) {
  auto& subject = maker();
  EXPECT_TRUE(subject.initiate({"10.0.0.2", "10.0.0.3:7000"}, false).empty());
  EXPECT_EQ(transport.dialled, (std::vector<std::string>{"10.0.0.2:6783", "10.0.0.3:7000"}));
  EXPECT_EQ(states(), "10.0.0.2:6783 connecting\n10.0.0.3:7000 connecting\n");
  transport.fail("10.0.0.2:6783");
  EXPECT_EQ(states(), "10.0.0.2:6783 failed connection refused retry\n10.0.0.3:7000 connecting\n");

  auto interval = Duration{seconds{2}};
  for (int attempt = 0; attempt < 20; ++attempt) {
    auto const before = transport.dialled.size();
    auto const failed_at = scheduler.now();
    while (transport.dialled.size() == before) ASSERT_TRUE(scheduler.step());
    EXPECT_GE(scheduler.now() - failed_at, interval / 2);
    EXPECT_LT(scheduler.now() - failed_at, interval * 3 / 2);
    EXPECT_EQ(states(), "10.0.0.2:6783 retrying connection refused\n10.0.0.3:7000 connecting\n");
    interval = std::min<Duration>(interval * 3 / 2, std::chrono::minutes{6});
    transport.fail("10.0.0.2:6783");
  }
}

TEST_F(ConnectionMakerTest, ReportsWhatItCannotParseAndTakesTheRest) {
  auto& subject = maker();
  auto const errors = subject.initiate({"a:b:c]", ":1", "10.0.0.2"}, false);
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_EQ(errors[1].text(), "invalid peer name \":1\", should be host[:port]");
  EXPECT_EQ(transport.dialled, std::vector<std::string>{"10.0.0.2:6783"});
  EXPECT_EQ(changes, 1);
}

TEST_F(ConnectionMakerTest, AConnectionThatLastedIsRedialledAsSoonAsTheRemoteHasForgottenIt) {
  auto& subject = maker();
  (void)subject.initiate({"10.0.0.2"}, false);
  transport.succeed("10.0.0.2:6783");
  ASSERT_EQ(streams.size(), 1U);
  EXPECT_TRUE(streams[0].second);
  peers.add_connection(link(2, "10.0.0.2:6783", true));
  subject.on_connection_added("10.0.0.2:6783");
  EXPECT_EQ(states(), "");
  scheduler.advance(seconds{61});
  peers.remove_connection(PeerName{2});
  subject.on_connection_ended("10.0.0.2:6783", true, PeerName{2}, Error{ErrorKind::timed_out, "gone"},
                              ConnectionMaker::Ending::ordinary);
  EXPECT_EQ(states(), "10.0.0.2:6783 failed gone retry\n");
  scheduler.advance(std::chrono::milliseconds{199});
  EXPECT_EQ(transport.dialled.size(), 1U);
  scheduler.advance(std::chrono::milliseconds{1});
  EXPECT_EQ(transport.dialled.size(), 2U);
  EXPECT_EQ(states(), "10.0.0.2:6783 retrying gone\n");
  EXPECT_EQ(subject.termination_count(), 1U);
}

TEST_F(ConnectionMakerTest, ConnectionsThatEndTogetherAreOneReasonToLook) {
  auto& subject = maker();
  auto const before = scheduler.pending();
  for (std::uint64_t number = 2; number < 200; ++number) {
    subject.on_connection_ended("10.0.0." + std::to_string(number) + ":40000", false, PeerName{number},
                                Error{ErrorKind::timed_out, "gone"}, ConnectionMaker::Ending::ordinary);
  }
  EXPECT_EQ(scheduler.pending(), before + 1) << "each look goes through all that the mesh knows";
}

TEST_F(ConnectionMakerTest, CollisionsAreNotRetriedUntilAskedAgain) {
  auto& subject = maker();
  (void)subject.initiate({"10.0.0.2"}, false);
  transport.succeed("10.0.0.2:6783");
  subject.on_connection_ended("10.0.0.2:6783", true, PeerName{2},
                              Error{ErrorKind::refused, "cannot connect to ourself"},
                              ConnectionMaker::Ending::connected_to_ourself);
  EXPECT_EQ(subject.termination_count(), 0U);
  scheduler.advance(std::chrono::hours{2});
  EXPECT_EQ(transport.dialled.size(), 1U);
  EXPECT_EQ(states(), "10.0.0.2:6783 failed cannot connect to ourself\n");
  (void)subject.initiate({"10.0.0.2"}, false);
  EXPECT_EQ(transport.dialled.size(), 2U);
}

TEST_F(ConnectionMakerTest, LeavesHostsAloneThatConnectedToUs) {
  auto& subject = maker();
  peers.add_connection(link(2, "10.0.0.2:40000", false));
  (void)subject.initiate({"10.0.0.2", "10.0.0.2:6783"}, false);
  EXPECT_EQ(transport.dialled.size(), 1U) << "only because a port was given with one of them";
  peers.remove_connection(PeerName{2});
  subject.forget({"10.0.0.2:6783"});
  transport.fail("10.0.0.2:6783");
  EXPECT_EQ(subject.direct_peers(), std::vector<std::string>{"10.0.0.2"});
  peers.add_connection(link(2, "10.0.0.2:40000", false));
  refresh(subject);
  EXPECT_EQ(states(), "") << "suspended";
  peers.remove_connection(PeerName{2});
  refresh(subject);
  EXPECT_EQ(states(), "10.0.0.2:6783 failed connection refused retry\n");
}

TEST_F(ConnectionMakerTest, DiscoversPeersBehindOthersWithOurPort) {
  auto& subject = maker();
  peers.add_connection(link(2, "10.0.0.2:6783", true));
  peers.merge({make_peer(2, {link(1, "10.0.0.1:33000", false), link(3, "10.0.0.3:44000", false),
                             link(4, "10.0.0.4:7777", true), link(5, "not an address", true)})});
  refresh(subject);
  EXPECT_EQ(transport.dialled, (std::vector<std::string>{"10.0.0.3:6783", "10.0.0.4:7777"}));
  transport.succeed("10.0.0.3:6783");
  ASSERT_EQ(streams.size(), 1U);
  EXPECT_FALSE(streams[0].second) << "a peer met by discovery must be known already";
  transport.fail("10.0.0.4:7777");
  auto gone = make_peer(2, {link(1, "10.0.0.1:33000", false)});
  gone.version = 2;
  peers.merge({gone});
  refresh(subject);
  EXPECT_EQ(states(), "10.0.0.3:6783 connecting\n") << "no longer wanted: forgotten, except what is under way";

  auto& quiet = maker({.port = 6783, .discovery = false, .connection_limit = 0});
  refresh(quiet);
  EXPECT_EQ(transport.dialled.size(), 2U);
}

TEST_F(ConnectionMakerTest, AnAddressThatOneStatesBadlyIsTakenFromAnother) {
  auto& subject = maker();
  peers.add_connection(link(2, "10.0.0.2:6783", true));
  peers.merge({make_peer(2, {link(3, "10.0.0.3:0", false), link(4, "10.0.0.4:40000", false),
                             link(5, "10.0.0.5:6783", true), link(6, "10.0.0.6", false)})});
  peers.merge({make_peer(4, {link(3, "10.0.0.3:44000", false), link(5, "10.0.0.5:50000", false),
                             link(6, "10.0.0.6:40000", false)}),
               make_peer(5, {link(4, "10.0.0.4:7777", true)})});
  refresh(subject);
  EXPECT_EQ(transport.dialled, (std::vector<std::string>{"10.0.0.3:6783", "10.0.0.4:6783", "10.0.0.4:7777",
                                                         "10.0.0.5:6783", "10.0.0.6:6783"}));
}

TEST_F(ConnectionMakerTest, HonoursTheConnectionLimit) {
  auto& subject = maker({.port = 6783, .discovery = true, .connection_limit = 1});
  peers.add_connection(link(2, "10.0.0.2:6783", true));
  (void)subject.initiate({"10.0.0.3"}, false);
  EXPECT_TRUE(transport.dialled.empty());
  EXPECT_EQ(states(), "10.0.0.3:6783 failed Connection limit reached (1) retry\n");
  peers.remove_connection(PeerName{2});
  scheduler.advance(seconds{4});
  EXPECT_EQ(transport.dialled.size(), 1U);
}

TEST_F(ConnectionMakerTest, AnUnknownNameStaysAndIsResolvedAgain) {
  auto& subject = maker();
  EXPECT_TRUE(subject.initiate({"peer.example"}, false).empty());
  EXPECT_EQ(states(), "peer.example connecting\n");
  transport.answer("peer.example", failure(ErrorKind::not_found, "lookup peer.example: no such host"));
  EXPECT_EQ(states(), "peer.example failed lookup peer.example: no such host retry\n");
  EXPECT_EQ(subject.direct_peers(), std::vector<std::string>{"peer.example"});
  scheduler.advance(seconds{3});
  EXPECT_EQ(transport.resolved.size(), 2U);
  EXPECT_EQ(states(), "peer.example retrying lookup peer.example: no such host\n");
  transport.answer("peer.example", std::vector<std::string>{"10.0.0.7"});
  EXPECT_EQ(transport.dialled, std::vector<std::string>{"10.0.0.7:6783"});
  EXPECT_EQ(states(), "10.0.0.7:6783 connecting\n");
}

TEST_F(ConnectionMakerTest, EachRetryOfANameResolvesAnewAndFollowsIt) {
  auto& subject = maker();
  (void)subject.initiate({"peer.example:7000"}, false);
  transport.answer("peer.example", std::vector<std::string>{"10.0.0.7"});
  transport.fail("10.0.0.7:7000");
  scheduler.advance(seconds{3});
  EXPECT_EQ(transport.dialled.size(), 1U) << "resolving first";
  transport.answer("peer.example", std::vector<std::string>{"10.0.0.8"});
  EXPECT_EQ(transport.dialled.back(), "10.0.0.8:7000");
  EXPECT_EQ(states(), "10.0.0.8:7000 retrying connection refused\n") << "back-off moves along";
  transport.fail("10.0.0.8:7000");
  scheduler.advance(seconds{5});
  transport.answer("peer.example", failure(ErrorKind::unavailable, "lookup peer.example: server misbehaving"));
  EXPECT_EQ(transport.dialled.back(), "10.0.0.8:7000") << "the last known address is the best guess";
  EXPECT_EQ(transport.dialled.size(), 3U);
}

TEST_F(ConnectionMakerTest, AnAttemptOfAForgottenPeerIsGivenUp) {
  auto& subject = maker();
  (void)subject.initiate({"10.0.0.2", "10.0.0.3"}, false);
  subject.forget({"10.0.0.2"});
  EXPECT_EQ(states(), "10.0.0.3:6783 connecting\n");
  EXPECT_FALSE(transport.pending.contains("10.0.0.2:6783"));
  (void)subject.initiate({"10.0.0.4"}, true);
  EXPECT_EQ(states(), "10.0.0.4:6783 connecting\n");
  // One that has got through is not.
  transport.succeed("10.0.0.4:6783");
  subject.forget({"10.0.0.4"});
  EXPECT_EQ(states(), "10.0.0.4:6783 connecting\n");

  (void)subject.initiate({"10.0.0.2"}, false);
  transport.fail("10.0.0.2:6783");
  EXPECT_EQ(transport.dialled,
            (std::vector<std::string>{"10.0.0.2:6783", "10.0.0.3:6783", "10.0.0.4:6783", "10.0.0.2:6783"}));
}

TEST_F(ConnectionMakerTest, ReplacingForgetsOthersButClosesNothing) {
  auto& subject = maker();
  (void)subject.initiate({"10.0.0.2", "pending.example"}, false);
  transport.succeed("10.0.0.2:6783");
  peers.add_connection(link(2, "10.0.0.2:6783", true));
  subject.on_connection_added("10.0.0.2:6783");
  (void)subject.initiate({"10.0.0.9"}, true);
  EXPECT_EQ(subject.direct_peers(), std::vector<std::string>{"10.0.0.9"});
  EXPECT_EQ(states(), "10.0.0.9:6783 connecting\n");
}

} // namespace
} // namespace weave::gossip
