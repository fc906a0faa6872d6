// The DNS server with real sockets: both transports, several addresses, other servers alive and dead.
#include <fstream>
#include <future>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include "base/async/asio_scheduler.hpp"
#include "controller/dns/server.hpp"
#include "test/system/scratch_namespace.hpp"
#include "test/unit/dns/dns_text.hpp"

namespace weave::controller::dns {
namespace {

using namespace weave::controller::dns::test;
using namespace std::chrono_literals;

/// A server with a control thread of its own.
class RunningServer {
 public:
  RunningServer(NameSnapshot names, ServerOptions options) {
    names_.publish(std::move(names));
    server_ = std::make_unique<Server>(context_, scheduler_, random_, names_, std::move(options));
    started_ = server_->start();
    addresses_ = server_->addresses();
    thread_ = std::thread{[this] { context_.run(); }};
  }
  RunningServer(RunningServer const&) = delete;
  RunningServer& operator=(RunningServer const&) = delete;
  ~RunningServer() {
    boost::asio::post(context_, [this] { server_.reset(); });
    guard_.reset();
    thread_.join();
  }

  [[nodiscard]] Result<void> const& started() const { return started_; }
  [[nodiscard]] std::vector<SocketAddress> const& addresses() const { return addresses_; }
  [[nodiscard]] ServerStatistics statistics() {
    std::promise<ServerStatistics> promise;
    boost::asio::post(context_, [&] { promise.set_value(server_->statistics()); });
    return promise.get_future().get();
  }
  PublishedNames& names() { return names_; }

 private:
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_{context_.get_executor()};
  AsioScheduler scheduler_{context_.get_executor()};
  SystemRandom random_;
  PublishedNames names_;
  std::unique_ptr<Server> server_;
  Result<void> started_;
  std::vector<SocketAddress> addresses_;
  std::thread thread_;
};

/// A client's socket, connected, hence deaf to replies from any other address.
class Client {
 public:
  Client(SocketAddress const& server, int type) {
    auto raw = raw_address(server).value();
    fd_.reset(::socket(raw.storage.ss_family, type | SOCK_CLOEXEC, 0));
    timeval const patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    connected_ = ::connect(fd_.get(), raw.generic(), raw.length) == 0;
  }

  [[nodiscard]] bool connected() const { return connected_; }
  void send(ByteView bytes) const {
    ASSERT_EQ(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), bytes.size());
  }
  void send_framed(ByteView bytes) const {
    Bytes framed{static_cast<std::uint8_t>(bytes.size() >> 8U), static_cast<std::uint8_t>(bytes.size())};
    framed.insert(framed.end(), bytes.begin(), bytes.end());
    send(framed);
  }
  [[nodiscard]] std::optional<Message> datagram() const {
    Bytes bytes(65535);
    auto const size = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
    if (size < 0) return std::nullopt;
    bytes.resize(static_cast<std::size_t>(size));
    return decode_message(bytes).value();
  }
  /// None when the server has closed.
  [[nodiscard]] std::optional<Message> framed() const {
    Bytes length(2);
    if (::recv(fd_.get(), length.data(), 2, MSG_WAITALL) != 2) return std::nullopt;
    Bytes bytes(std::size_t{length[0]} << 8U | length[1]);
    if (::recv(fd_.get(), bytes.data(), bytes.size(), MSG_WAITALL) != static_cast<ssize_t>(bytes.size())) return {};
    return decode_message(bytes).value();
  }
  void end_sending() const { ::shutdown(fd_.get(), SHUT_WR); }

 private:
  UniqueFd fd_;
  bool connected_ = false;
};

std::optional<Message> ask_udp(SocketAddress const& server, Bytes const& query) {
  Client const client{server, SOCK_DGRAM};
  client.send(query);
  return client.datagram();
}
std::optional<Message> ask_tcp(SocketAddress const& server, Bytes const& query) {
  Client const client{server, SOCK_STREAM};
  client.send_framed(query);
  return client.framed();
}

/// Connections to it are made, and nothing comes.
UniqueFd silent_tcp(SocketAddress const& address) {
  auto raw = raw_address(address).value();
  UniqueFd fd{::socket(raw.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (::bind(fd.get(), raw.generic(), raw.length) != 0 || ::listen(fd.get(), 8) != 0) fd.reset();
  return fd;
}

NameSnapshot crowd(std::string_view name, std::uint32_t count) {
  NameSnapshot names;
  std::vector<Ipv4Address> addresses;
  for (std::uint32_t i = 0; i < count; ++i) addresses.emplace_back(0x0a200000 + i);
  names.set_addresses(lower_case(name), addresses);
  names.set_addresses("one.weave.local.", {Ipv4Address{0x0a200001}});
  names.set_names(Ipv4Address{0x0a200001}, {"one.weave.local."});
  return names;
}

class DnsServerTest : public testing::Test {
 protected:
  ~DnsServerTest() override { std::remove(resolver_file_.c_str()); }
  /// Everything happens in a network namespace of this test's own.
  void in_namespace(std::function<void(weave::test::ScratchNamespace&)> const& body) {
    WEAVE_SCRATCH_NAMESPACE(scratch);
    WEAVE_ASSERT_OK(scratch->run([&]() -> Result<void> {
      body(*scratch);
      return {};
    }));
  }
  [[nodiscard]] ServerOptions options(std::vector<std::string> const& upstream = {}) const {
    std::ofstream file{resolver_file_};
    for (auto const& host : upstream) file << "nameserver " << host << '\n';
    return {.listen = {{.host = "127.0.0.1", .port = 53}}, .resolver_file = resolver_file_};
  }
  /// Knows example.com.
  [[nodiscard]] static std::unique_ptr<RunningServer> other_server(std::string const& host,
                                                                   std::uint32_t addresses = 2) {
    return std::make_unique<RunningServer>(
        crowd("www.example.com.", addresses),
        ServerOptions{.listen = {{.host = host, .port = 53}}, .domain = "example.com", .ttl = 60, .resolver_file = {}});
  }

  std::string resolver_file_ = testing::TempDir() + "/dns-server-" + std::to_string(::getpid());
  SocketAddress const server_{.host = "127.0.0.1", .port = 53};
};

TEST_F(DnsServerTest, AnswersOverBothTransports) {
  in_namespace([this](weave::test::ScratchNamespace& scratch) {
    RunningServer server{crowd("many.weave.local.", 100), options()};
    WEAVE_ASSERT_OK(server.started());
    auto const one = query_for("one.weave.local", record_type::a);
    EXPECT_EQ(record_texts(ask_udp(server_, one)->answers),
              std::vector<std::string>{"one.weave.local. 1 IN A 10.32.0.1"});
    EXPECT_EQ(ask_tcp(server_, one)->answers.size(), 1U);
    auto const many = query_for("many", record_type::a);
    EXPECT_TRUE(ask_udp(server_, many)->header.truncated);
    EXPECT_EQ(ask_tcp(server_, many)->answers.size(), 100U);
    EXPECT_EQ(ask_udp(server_, query_for("many", record_type::a, 1, 4096))->answers.size(), 100U);
    EXPECT_EQ(ask_udp(server_, query_for("www.example.com", record_type::a))->header.rcode, Rcode::server_failure);
    // What is published is seen at once.
    server.names().publish(NameSnapshot::of({{"new.weave.local.", Ipv4Address{7}}}));
    EXPECT_EQ(ask_udp(server_, query_for("new", record_type::a))->answers.size(), 1U);
    EXPECT_EQ(ask_tcp(server_, one)->header.rcode, Rcode::name_error);
    auto const statistics = server.statistics();
    EXPECT_EQ(statistics.udp.forwarded, 1U);
    EXPECT_EQ(statistics.udp.truncated, 1U);
    EXPECT_EQ(statistics.tcp.queries, 3U);
    if (scratch.shell("command -v dig >/dev/null") == 0) {
      server.names().publish(crowd("many.weave.local.", 100));
      EXPECT_EQ(scratch.shell("test $(dig @127.0.0.1 many.weave.local +short | wc -l) = 100"), 0);
      EXPECT_EQ(
          scratch.shell("test $(dig @127.0.0.1 many.weave.local +short +notcp +ignore +bufsize=512 | wc -l) -lt 20"),
          0);
      EXPECT_EQ(scratch.shell("test \"$(dig @127.0.0.1 -x 10.32.0.1 +short)\" = one.weave.local."), 0);
      EXPECT_EQ(scratch.shell("dig @127.0.0.1 nope.weave.local | grep -q '^weave.local.*SOA'"), 0);
    }
  });
}

TEST_F(DnsServerTest, RepliesComeFromTheAddressAsked) {
  in_namespace([this](weave::test::ScratchNamespace&) {
    auto wanted = options();
    wanted.listen = {{.host = "0.0.0.0", .port = 53}, {.host = "::1", .port = 53}, {.host = "127.0.0.1", .port = 5353}};
    wanted.threads = 2;
    RunningServer server{crowd("x.", 1), wanted};
    WEAVE_ASSERT_OK(server.started());
    for (auto const* host : {"127.0.0.1", "127.0.0.2", "127.1.2.3", "::1"}) {
      for (int i = 0; i < 8; ++i) {
        EXPECT_TRUE(ask_udp({.host = host, .port = 53}, query_for("one", record_type::a))) << host;
      }
      EXPECT_TRUE(ask_tcp({.host = host, .port = 53}, query_for("one", record_type::a))) << host;
    }
    EXPECT_TRUE(ask_udp({.host = "127.0.0.1", .port = 5353}, query_for("one", record_type::a)));
    // Forwarded ones, too.
    EXPECT_TRUE(ask_udp({.host = "127.0.0.9", .port = 53}, query_for("www.example.com", record_type::a)));
  });
}

TEST_F(DnsServerTest, AnAddressInUseIsAnError) {
  in_namespace([this](weave::test::ScratchNamespace&) {
    auto wanted = options();
    RunningServer const first{crowd("x.", 1), wanted};
    WEAVE_ASSERT_OK(first.started());
    for (unsigned const threads : {1U, 2U}) {
      wanted.threads = threads;
      RunningServer const second{crowd("x.", 1), wanted};
      ASSERT_FALSE(second.started());
      EXPECT_EQ(second.started().error().text(), "listen udp 127.0.0.1:53: Address already in use");
    }
    wanted.listen = {{.host = "127.0.0.1", .port = 0}};
    RunningServer const third{crowd("x.", 1), wanted};
    WEAVE_ASSERT_OK(third.started());
    EXPECT_TRUE(ask_udp(third.addresses().at(0), query_for("one", record_type::a)));
    EXPECT_TRUE(ask_tcp(third.addresses().at(0), query_for("one", record_type::a)));
    wanted.listen = {{.host = "localhost"}};
    EXPECT_FALSE((RunningServer{crowd("x.", 1), wanted}.started()));
    wanted.listen = {{.host = "127.0.0.5"}};
    wanted.domain = "a..b";
    EXPECT_FALSE((RunningServer{crowd("x.", 1), wanted}.started()));
  });
}

TEST_F(DnsServerTest, ForwardsAndAsksAgainOverTcp) {
  in_namespace([this](weave::test::ScratchNamespace&) {
    auto const other = other_server("127.0.0.2", 200);
    RunningServer server{crowd("x.", 1), options({"127.0.0.2"})};
    auto const www = query_for("www.example.com", record_type::a);
    EXPECT_TRUE(ask_udp(server_, www)->header.truncated);
    EXPECT_EQ(other->statistics().tcp.queries, 1U);
    // From the cache, which has all of it.
    EXPECT_EQ(ask_tcp(server_, www)->answers.size(), 200U);
    EXPECT_EQ(other->statistics().tcp.queries, 1U);
    EXPECT_EQ(other->statistics().udp.queries, 1U);
    EXPECT_EQ(ask_tcp(server_, query_for("nope.example.com", record_type::a))->header.rcode, Rcode::name_error);
    EXPECT_EQ(other->statistics().tcp.queries, 2U);
  });
}

TEST_F(DnsServerTest, DeadServersAreOvercome) {
  in_namespace([this](weave::test::ScratchNamespace&) {
    // One refuses, one is silent, one cannot be reached, one is no address.
    auto const silent = UdpSocket::bind({.host = "127.0.0.4", .port = 53});
    WEAVE_ASSERT_OK(silent);
    auto const other = other_server("127.0.0.2");
    RunningServer server{crowd("x.", 1),
                         options({"127.0.0.3", "203.0.113.1", "name.example", "127.0.0.4", "127.0.0.2"})};
    auto const begin = std::chrono::steady_clock::now();
    EXPECT_EQ(ask_udp(server_, query_for("www.example.com", record_type::a))->answers.size(), 2U);
    auto const middle = std::chrono::steady_clock::now();
    EXPECT_GE(middle - begin, 300ms);
    EXPECT_LT(middle - begin, 2s);
    // The silent one is known by now. Not from the cache: another question.
    EXPECT_EQ(ask_udp(server_, query_for("nope.example.com", record_type::a))->header.rcode, Rcode::name_error);
    EXPECT_LT(std::chrono::steady_clock::now() - middle, 250ms);
  });
}

TEST_F(DnsServerTest, NoServerLeft) {
  in_namespace([this](weave::test::ScratchNamespace&) {
    auto const silent = UdpSocket::bind({.host = "127.0.0.4", .port = 53});
    auto wanted = options({"127.0.0.4"});
    wanted.forwarding.reply_timeout = 300ms;
    RunningServer server{crowd("x.", 1), wanted};
    EXPECT_EQ(ask_udp(server_, query_for("www.example.com", record_type::a))->header.rcode, Rcode::server_failure);
    EXPECT_EQ(ask_tcp(server_, query_for("www.example.com", record_type::a))->header.rcode, Rcode::server_failure);
    EXPECT_EQ(server.statistics().forwarding.failures, 2U);
    EXPECT_EQ(server.statistics().forwarding.pending, 0U);
  });
}

TEST_F(DnsServerTest, TcpQueriesMayFollowEachOtherAndOvertake) {
  in_namespace([this](weave::test::ScratchNamespace&) {
    auto const silent = silent_tcp({.host = "127.0.0.4", .port = 53});
    auto wanted = options({"127.0.0.4"});
    wanted.forwarding.reply_timeout = 500ms;
    wanted.tcp = {.first_query = 400ms, .idle = 200ms, .max_queries = 6};
    RunningServer server{crowd("x.", 1), wanted};
    Client const client{server_, SOCK_STREAM};
    // The answer to the first comes last: the server waits for another one, longer than the client may be idle.
    client.send_framed(query_for("www.example.com", record_type::a, 1));
    for (std::uint16_t id = 2; id <= 8; ++id) client.send_framed(query_for("one", record_type::a, id));
    for (std::uint16_t id = 2; id <= 6; ++id) EXPECT_EQ(client.framed()->header.id, id);
    auto const last = client.framed();
    ASSERT_TRUE(last);
    EXPECT_EQ(last->header.id, 1);
    EXPECT_EQ(last->header.rcode, Rcode::server_failure);
    EXPECT_FALSE(client.framed());

    Client const late{server_, SOCK_STREAM};
    EXPECT_FALSE(late.framed());
    Client const large{server_, SOCK_STREAM};
    large.send(Bytes{0xff, 0xff});
    EXPECT_FALSE(large.framed());
    Client const half{server_, SOCK_STREAM};
    half.send_framed(query_for("one", record_type::a));
    half.end_sending();
    EXPECT_TRUE(half.framed());
    EXPECT_FALSE(half.framed());
  });
}

TEST_F(DnsServerTest, TcpConnectionsAreBounded) {
  in_namespace([this](weave::test::ScratchNamespace&) {
    auto wanted = options();
    wanted.tcp.max_connections_per_client = 2;
    RunningServer server{crowd("x.", 1), wanted};
    Client const first{server_, SOCK_STREAM};
    Client const second{server_, SOCK_STREAM};
    for (auto const* client : {&first, &second}) {
      client->send_framed(query_for("one", record_type::a));
      EXPECT_TRUE(client->framed());
    }
    Client const third{server_, SOCK_STREAM};
    EXPECT_FALSE(third.framed());
    EXPECT_EQ(server.statistics().tcp_connections, 2U);
    first.end_sending();
    EXPECT_FALSE(first.framed());
    EXPECT_TRUE(ask_tcp(server_, query_for("one", record_type::a)));
  });
}

TEST_F(DnsServerTest, StopsWithQueriesUnderWay) {
  in_namespace([this](weave::test::ScratchNamespace&) {
    auto const silent = UdpSocket::bind({.host = "127.0.0.4", .port = 53});
    Client const client{server_, SOCK_DGRAM};
    {
      RunningServer server{crowd("x.", 1), options({"127.0.0.4"})};
      for (int i = 0; i < 100; ++i) client.send(query_for(fmt::format("{}.example.com", i), record_type::a));
      EXPECT_TRUE(ask_udp(server_, query_for("one", record_type::a)));
    }
    RunningServer again{crowd("x.", 1), options()};
    WEAVE_ASSERT_OK(again.started());
    EXPECT_TRUE(ask_tcp(server_, query_for("one", record_type::a)));
  });
}

} // namespace
} // namespace weave::controller::dns
