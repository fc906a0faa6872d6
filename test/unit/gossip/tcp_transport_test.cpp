// Runs in a network namespace of its own; skipped, with the reason, where the machine does not allow that.
#include "gossip/asio/tcp_transport.hpp"

#include <algorithm>
#include <cstring>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "base/unique_fd.hpp"

namespace weave::gossip {
namespace {

using namespace std::chrono_literals;
using Stream = std::unique_ptr<ByteStream>;

/// Empty if this process has a namespace of its own with loopback up, else why not.
std::string enter_namespace() {
  if (::unshare(CLONE_NEWNET) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
    return std::string{"unshare: "} + std::strerror(errno);
  }
  UniqueFd const socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) return std::string{"loopback: "} + std::strerror(errno);
  return {};
}

class TcpTransportTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { reason_ = enter_namespace(); }
  void SetUp() override {
    if (!reason_.empty()) GTEST_SKIP() << reason_;
  }

  /// Runs the loop until `done`, at most five seconds.
  void run_until(std::function<bool()> const& done) {
    auto const limit = std::chrono::steady_clock::now() + 5s;
    while (!done() && std::chrono::steady_clock::now() < limit) context.run_one_for(10ms);
    ASSERT_TRUE(done());
  }

  void listen(std::string const& host, std::uint16_t port) {
    auto result = transport.listen(host, port, [this](Stream stream) { accepted.push_back(std::move(stream)); });
    ASSERT_TRUE(result) << result.error().text();
    listener = *std::move(result);
  }

  Stream dial(std::string const& address) {
    Stream stream;
    auto const operation = transport.dial(address, [&](Result<Stream> result) {
      ASSERT_TRUE(result) << result.error().text();
      stream = *std::move(result);
    });
    run_until([&] { return stream != nullptr; });
    return stream;
  }

  /// A remote that only does what the test says.
  static UniqueFd connect_raw() {
    UniqueFd remote{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(6783);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(remote.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address), 0);
    return remote;
  }

  std::string dial_error(Transport& through, std::string const& address) {
    std::string text;
    auto const operation =
        through.dial(address, [&](Result<Stream> result) { text = result ? "connected" : result.error().text(); });
    EXPECT_EQ(text, "") << "called back inside the call";
    run_until([&] { return !text.empty(); });
    return text;
  }

  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> busy{context.get_executor()};
  TcpTransport transport{context.get_executor(), "", Logger{}};
  std::vector<Stream> accepted;
  std::unique_ptr<Operation> listener;

 private:
  inline static std::string reason_;
};

/// What one end of a connection saw.
struct Ear {
  Bytes heard;
  int drained = 0;
  std::string end;

  ByteStream::Handlers handlers() {
    return {.on_bytes = [this](ByteView bytes) { heard.insert(heard.end(), bytes.begin(), bytes.end()); },
            .on_drained = [this] { ++drained; },
            .on_closed = [this](Error const& error) { end = error.text(); }};
  }
};

TEST_F(TcpTransportTest, BytesBothWaysAndAddressesAsGossiped) {
  listen("", 6783);
  auto const client = dial("127.0.0.1:6783");
  run_until([&] { return accepted.size() == 1; });
  auto const& server = accepted.front();
  EXPECT_EQ(client->remote_text(), "127.0.0.1:6783");
  EXPECT_EQ(server->local_text(), "127.0.0.1:6783");
  EXPECT_EQ(server->remote_text(), client->local_text());
  EXPECT_EQ(server->local()->address.to_string(), "127.0.0.1");
  EXPECT_EQ(server->remote()->port, client->local()->port);

  Ear at_client;
  Ear at_server;
  // Written before the other end reads: waits in the socket.
  client->start(at_client.handlers());
  client->write({1, 2, 3});
  client->write({4});
  run_until([&] { return at_client.drained >= 1; });
  server->start(at_server.handlers());
  server->write(Bytes(3'000'000, 7));
  run_until([&] { return at_server.heard.size() == 4 && at_client.heard.size() == 3'000'000; });
  EXPECT_EQ(at_server.heard, (Bytes{1, 2, 3, 4}));
  EXPECT_EQ(at_server.drained, 1);
}

TEST_F(TcpTransportTest, IPv6) {
  listen("", 6783);
  auto const client = dial("[::1]:6783");
  run_until([&] { return accepted.size() == 1; });
  EXPECT_EQ(accepted.front()->local_text(), "[::1]:6783");
  EXPECT_EQ(accepted.front()->local(), std::nullopt);
  EXPECT_EQ(client->remote_text(), "[::1]:6783");
}

TEST_F(TcpTransportTest, ClosingResets) {
  listen("127.0.0.1", 6783);
  auto client = dial("127.0.0.1:6783");
  run_until([&] { return accepted.size() == 1; });
  auto& server = accepted.front();
  std::string const route = server->local_text() + "->" + server->remote_text();
  Ear at_server;
  server->start(at_server.handlers());
  client.reset();
  run_until([&] { return !at_server.end.empty(); });
  EXPECT_EQ(at_server.end, "read tcp " + route + ": read: connection reset by peer");
}

TEST_F(TcpTransportTest, FinishingDeliversThoughInputIsUnread) {
  listen("127.0.0.1", 6783);
  auto client = dial("127.0.0.1:6783");
  run_until([&] { return accepted.size() == 1; });
  Ear at_client;
  Ear at_server;
  client->start(at_client.handlers());
  // Never read by the handler: a plain close would reset and take the answer away.
  client->write(Bytes(300'000, 1));
  run_until([&] { return at_client.drained == 1; });
  auto& server = accepted.front();
  server->start(at_server.handlers());
  server->write(Bytes(500'000, 2));
  server->finish();
  server.reset();
  run_until([&] { return !at_client.end.empty(); });
  EXPECT_EQ(at_client.heard.size(), 500'000U);
  EXPECT_EQ(at_client.end, "EOF");
  EXPECT_TRUE(at_server.heard.empty() && at_server.end.empty()) << "no handler runs after finish()";
}

TEST_F(TcpTransportTest, FinishingMayBeginInAHandlerAndAtBothEnds) {
  listen("127.0.0.1", 6783);
  auto client = dial("127.0.0.1:6783");
  run_until([&] { return accepted.size() == 1; });
  auto const finish = [](Stream& stream) {
    return ByteStream::Handlers{.on_bytes =
                                    [&stream](ByteView) {
                                      stream->finish();
                                      stream.reset();
                                    },
                                .on_drained = nullptr,
                                .on_closed = [](Error const&) { ADD_FAILURE(); }};
  };
  client->start(finish(client));
  accepted.front()->start(finish(accepted.front()));
  client->write({1});
  accepted.front()->write({2});
  run_until([&] { return client == nullptr && accepted.front() == nullptr; });
  context.run_for(50ms);
}

TEST_F(TcpTransportTest, FinishingEndsAfterASecondThoughTheRemoteDoesNot) {
  listen("127.0.0.1", 6783);
  auto const remote = connect_raw();
  run_until([&] { return accepted.size() == 1; });
  accepted.front()->finish();
  accepted.clear();
  context.run_for(500ms);
  char const octet = 1;
  EXPECT_EQ(::send(remote.get(), &octet, 1, MSG_NOSIGNAL), 1);
  context.run_for(700ms);
  EXPECT_EQ(::send(remote.get(), &octet, 1, MSG_NOSIGNAL), -1) << "it has been reset";
}

TEST_F(TcpTransportTest, FinishingIsBoundedInNumber) {
  constexpr std::size_t kMany = 66;
  std::vector<UniqueFd> remotes;
  listen("127.0.0.1", 6783);
  for (std::size_t i = 0; i < kMany; ++i) remotes.push_back(connect_raw());
  run_until([&] { return accepted.size() == kMany; });
  for (auto const& stream : accepted) stream->finish();
  accepted.clear();
  std::size_t in_order = 0;
  for (auto const& remote : remotes) {
    char octet = 0;
    if (::recv(remote.get(), &octet, 1, 0) == 0) ++in_order;
  }
  EXPECT_EQ(in_order, 64U);
  // Those that are still ending when the loop goes away leave nothing behind: the address sanitizer would say so.
}

TEST_F(TcpTransportTest, AHandlerMayDestroyItsStream) {
  listen("127.0.0.1", 6783);
  auto client = dial("127.0.0.1:6783");
  run_until([&] { return accepted.size() == 1; });
  bool is_gone = false;
  accepted.front()->start({.on_bytes =
                               [&](ByteView) {
                                 EXPECT_FALSE(is_gone);
                                 accepted.clear();
                                 is_gone = true;
                               },
                           .on_drained = nullptr,
                           .on_closed = [](Error const&) { ADD_FAILURE(); }});
  Ear at_client;
  client->start(at_client.handlers());
  client->write({1});
  run_until([&] { return !at_client.end.empty(); });
  EXPECT_TRUE(is_gone);
}

TEST_F(TcpTransportTest, DialErrorsReadLikeTheOriginals) {
  EXPECT_EQ(dial_error(transport, "127.0.0.1:7000"), "dial tcp :0->127.0.0.1:7000: connect: connection refused");
  EXPECT_EQ(dial_error(transport, "10.9.9.9:7000"), "dial tcp :0->10.9.9.9:7000: connect: network is unreachable");
  EXPECT_EQ(dial_error(transport, "host:7000"), "dial tcp :0->host:7000: not an address");
  TcpTransport elsewhere{context.get_executor(), "10.1.1.1", Logger{}};
  EXPECT_EQ(dial_error(elsewhere, "127.0.0.1:7000"),
            "dial tcp 10.1.1.1:0->127.0.0.1:7000: bind: cannot assign requested address");
}

TEST_F(TcpTransportTest, OutboundConnectionsComeFromTheHostGiven) {
  listen("", 6783);
  TcpTransport bound{context.get_executor(), "127.0.0.9", Logger{}};
  Stream client;
  auto const operation = bound.dial("127.0.0.1:6783", [&](Result<Stream> result) { client = *std::move(result); });
  run_until([&] { return client != nullptr && accepted.size() == 1; });
  EXPECT_TRUE(accepted.front()->remote_text().starts_with("127.0.0.9:"));
}

TEST_F(TcpTransportTest, AnAbandonedDialNeverCallsBack) {
  listen("", 6783);
  {
    auto const operation = transport.dial("127.0.0.1:6783", [](Result<Stream>) { ADD_FAILURE(); });
  }
  {
    auto const operation = transport.dial("nonsense", [](Result<Stream>) { ADD_FAILURE(); });
  }
  context.run_for(50ms);
}

TEST_F(TcpTransportTest, ListenErrors) {
  listen("", 6783);
  auto const again = transport.listen("", 6783, [](Stream) {});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().text(), "listen tcp :6783: bind: address already in use");
  EXPECT_EQ(transport.listen("10.1.1.1", 6783, [](Stream) {}).error().text(),
            "listen tcp 10.1.1.1:6783: bind: cannot assign requested address");
  EXPECT_EQ(transport.listen("weave", 6783, [](Stream) {}).error().text(), "listen tcp: weave is not an IP address");
}

TEST_F(TcpTransportTest, AcceptsTwentyAtOnceAndThenAtAPace) {
  listen("127.0.0.1", 6783);
  auto const begin = std::chrono::steady_clock::now();
  std::vector<Stream> clients;
  std::vector<std::unique_ptr<Operation>> operations;
  for (int i = 0; i < 30; ++i) {
    operations.push_back(transport.dial("127.0.0.1:6783", [&](Result<Stream> result) {
      ASSERT_TRUE(result);
      clients.push_back(*std::move(result));
    }));
  }
  run_until([&] { return accepted.size() == 30; });
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 450ms);
}

TEST_F(TcpTransportTest, ListenerEndsWithItsOperation) {
  listen("127.0.0.1", 6783);
  listener.reset();
  EXPECT_EQ(dial_error(transport, "127.0.0.1:6783"), "dial tcp :0->127.0.0.1:6783: connect: connection refused");
}

TEST_F(TcpTransportTest, ResolvesLiteralsAndTheHostsFile) {
  std::vector<Result<std::vector<std::string>>> results;
  auto const keep = [&](Result<std::vector<std::string>> result) { results.push_back(std::move(result)); };
  auto const literal = transport.resolve("192.0.2.7", keep);
  auto const mapped = transport.resolve("::ffff:192.0.2.8", keep);
  EXPECT_TRUE(results.empty());
  run_until([&] { return results.size() == 2; });
  EXPECT_EQ(results[0].value(), std::vector<std::string>{"192.0.2.7"});
  EXPECT_EQ(results[1].value(), std::vector<std::string>{"192.0.2.8"});

  auto const local = transport.resolve("localhost", keep);
  run_until([&] { return results.size() == 3; });
  ASSERT_TRUE(results[2]) << results[2].error().text();
  EXPECT_EQ(results[2]->front(), "127.0.0.1");
}

TEST_F(TcpTransportTest, UnknownNamesAreErrorsAndAbandonedLookupsStaySilent) {
  std::string text;
  auto const operation = transport.resolve("no-such-host.invalid", [&](Result<std::vector<std::string>> result) {
    text = result ? "found" : result.error().text();
  });
  run_until([&] { return !text.empty(); });
  EXPECT_TRUE(text.starts_with("lookup no-such-host.invalid: ")) << text;
  {
    auto const abandoned =
        transport.resolve("also-none.invalid", [](Result<std::vector<std::string>>) { ADD_FAILURE(); });
  }
  context.run_for(50ms);
}

} // namespace
} // namespace weave::gossip
