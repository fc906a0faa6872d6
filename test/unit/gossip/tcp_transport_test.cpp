// Runs in a network namespace of its own; skipped, with the reason, where the machine does not allow that.
#include "gossip/asio/tcp_transport.hpp"

#include <algorithm>
#include <cstring>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include "base/unique_fd.hpp"
#include "gossip/asio/tcp_stream.hpp"

namespace weave::gossip {
namespace {

using namespace std::chrono_literals;
using Stream = std::unique_ptr<ByteStream>;
using Socket = boost::asio::ip::tcp::socket;
using Acceptor = boost::asio::ip::tcp::acceptor;

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

/// Streams whose remotes do only what the test says.
class FinishingTest : public TcpTransportTest {
 protected:
  /// A stream, and the remote's socket.
  std::pair<Stream, Socket> connected() {
    Acceptor acceptor{context, {boost::asio::ip::address_v4::loopback(), 0}};
    Socket remote{context};
    remote.connect(acceptor.local_endpoint());
    auto stream = make_tcp_stream(acceptor.accept(), finishing);
    EXPECT_TRUE(stream);
    return {*std::move(stream), std::move(remote)};
  }

  /// Everything until the end, which is in order.
  static std::size_t read_all(Socket& remote) {
    Bytes octets;
    boost::system::error_code end;
    boost::asio::read(remote, boost::asio::dynamic_buffer(octets), end);
    EXPECT_EQ(end, boost::asio::error::eof);
    return octets.size();
  }

  FinishingCount finishing = std::make_shared<std::size_t>(0);
};

TEST_F(FinishingTest, EndsAfterASecondThoughTheRemoteDoesNot) {
  auto [stream, remote] = connected();
  stream->finish();
  stream.reset();
  context.run_for(500ms);
  EXPECT_EQ(*finishing, 1U);
  char const octet = 1;
  EXPECT_EQ(::send(remote.native_handle(), &octet, 1, MSG_NOSIGNAL), 1);
  context.run_for(700ms);
  EXPECT_EQ(*finishing, 0U);
  EXPECT_EQ(::send(remote.native_handle(), &octet, 1, MSG_NOSIGNAL), -1) << "it has been reset";
}

TEST_F(FinishingTest, EndsWithTheRemoteEvenIfItBeganInAHandler) {
  auto [stream, remote] = connected();
  stream->start({.on_bytes =
                     [&owner = stream](ByteView) {
                       owner->finish();
                       owner.reset();
                     },
                 .on_drained = nullptr,
                 .on_closed = nullptr});
  boost::asio::write(remote, boost::asio::buffer("octets"));
  run_until([&] { return *finishing == 1; });
  remote.close();
  auto const begin = std::chrono::steady_clock::now();
  run_until([&] { return *finishing == 0; });
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 900ms);
}

TEST_F(FinishingTest, ARemoteThatEndsFirstStillGetsEverything) {
  auto [stream, remote] = connected();
  remote.shutdown(Socket::shutdown_send);
  static constexpr std::size_t kMuch = 1'000'000;
  stream->write(Bytes(kMuch));
  stream->finish();
  stream.reset();
  context.run_for(50ms);
  std::thread reading{[&remote] { EXPECT_EQ(read_all(remote), kMuch); }};
  run_until([&] { return *finishing == 0; });
  reading.join();
}

TEST_F(FinishingTest, IsBoundedInOctets) {
  auto [mute, talker] = connected();
  mute->finish();
  mute.reset();
  talker.non_blocking(true);
  Bytes const octets(64 * 1024);
  std::size_t sent = 0;
  auto const begin = std::chrono::steady_clock::now();
  boost::system::error_code error;
  while (*finishing == 1 && (!error || error == boost::asio::error::would_block)) {
    sent += talker.write_some(boost::asio::buffer(octets), error);
    context.run_one_for(1ms);
  }
  EXPECT_EQ(*finishing, 0U);
  EXPECT_GT(sent, 1024U * 1024U);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 900ms) << "not the end of its time";

  auto [hoarder, remote] = connected();
  // More than the kernel takes at once, and more than may wait.
  for (int i = 0; i < 20; ++i) hoarder->write(Bytes(1024 * 1024));
  hoarder->finish();
  EXPECT_EQ(*finishing, 0U);
}

TEST_F(FinishingTest, IsBoundedInNumber) {
  std::vector<std::pair<Stream, Socket>> pairs;
  for (int i = 0; i < 66; ++i) pairs.push_back(connected());
  for (auto& [stream, remote] : pairs) {
    stream->finish();
    stream.reset();
  }
  EXPECT_EQ(*finishing, 64U);
  std::size_t in_order = 0;
  for (auto& [stream, remote] : pairs) {
    char octet = 0;
    if (::recv(remote.native_handle(), &octet, 1, 0) == 0) ++in_order;
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
