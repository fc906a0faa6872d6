// The sub-commands of the DNS, against the real control API, a Docker engine and a name server that are fakes.
#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <netinet/in.h>
#include <sstream>
#include <sys/socket.h>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/http/server.hpp"
#include "base/unique_fd.hpp"
#include "controller/api/control_routes.hpp"
#include "controller/dns/dns_message.hpp"
#include "test/fixtures/temporary_directory.hpp"
#include "test/unit/api/fake_ports.hpp"
#include "test/unit/tools/printed.hpp"
#include "tools/command.hpp"
#include "tools/dns_names.hpp"

namespace weave::tools {
namespace {

using namespace controller::api;
namespace dns = controller::dns;

class FakeNames final : public NamePort {
 public:
  std::vector<std::string> log;
  std::vector<DnsEntryStatus> known;
  std::string address = "192.0.2.1:53";

  void add(std::string id, Ipv4Address where, std::string fqdn, bool check_alive, Completion<void> done) override {
    log.push_back(
        fmt::format("add {} {} {}{}", id.substr(0, 12), where.to_string(), fqdn, check_alive ? " if alive" : ""));
    done({});
  }
  Result<void> remove(Filter filter) override {
    log.push_back(fmt::format("remove {} {} {}", filter.container_id.value_or("*").substr(0, 12),
                              filter.address ? filter.address->to_string() : "*", filter.fqdn.value_or("*")));
    return {};
  }
  [[nodiscard]] std::vector<DnsEntryStatus> entries() const override { return known; }
  [[nodiscard]] std::string domain() const override { return "weave.local."; }
  [[nodiscard]] std::string listen_address() const override { return address; }
};

/// Knows `foo.`, and `big.` which is too big for UDP; everything else does not exist.
class FakeNameServer {
 public:
  FakeNameServer() {
    sockaddr_in here{};
    here.sin_family = AF_INET;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(udp_.get(), reinterpret_cast<sockaddr*>(&here), sizeof here), 0);
    socklen_t size = sizeof here;
    ::getsockname(udp_.get(), reinterpret_cast<sockaddr*>(&here), &size);
    EXPECT_EQ(::bind(tcp_.get(), reinterpret_cast<sockaddr*>(&here), sizeof here), 0);
    EXPECT_EQ(::listen(tcp_.get(), 1), 0);
    address = fmt::format("127.0.0.1:{}", ntohs(here.sin_port));
    over_udp_ = std::thread{[this] { serve_udp(); }};
    over_tcp_ = std::thread{[this] { serve_tcp(); }};
  }
  ~FakeNameServer() {
    ::shutdown(udp_.get(), SHUT_RDWR);
    ::shutdown(tcp_.get(), SHUT_RDWR);
    over_udp_.join();
    over_tcp_.join();
  }

  std::string address;
  std::atomic<int> asked_over_tcp = 0;

 private:
  static Bytes answer(ByteView query, bool udp) {
    auto message = dns::decode_message(query).value();
    auto const name = message.questions.at(0).name.to_string();
    message.header.response = true;
    message.edns.reset();
    auto const add = [&](dns::RecordData data) {
      message.answers.push_back({.owner = message.questions[0].name,
                                 .type = message.questions[0].type,
                                 .klass = 1,
                                 .ttl = 1,
                                 .data = std::move(data)});
    };
    if (name == "foo.") {
      add(Ipv4Address{0x0a20'0001});
      add(Ipv4Address{0x0a20'0002});
    } else if (name == "1.0.32.10.in-addr.arpa.") {
      add(dns::DomainName::parse("foo.weave.local.").value());
    } else if (name == "big.") {
      message.header.truncated = udp;
      if (!udp) {
        for (std::uint32_t i = 0; i < 100; ++i) add(Ipv4Address{0x0a20'0000 + i});
      }
    } else if (name == "refused.") {
      message.header.rcode = dns::Rcode::refused;
    } else {
      message.header.rcode = dns::Rcode::name_error;
    }
    return dns::encode_message(message);
  }
  void serve_udp() {
    std::array<std::uint8_t, 2048> room{};
    sockaddr_in from{};
    socklen_t size = sizeof from;
    ssize_t got = 0;
    while ((got = ::recvfrom(udp_.get(), room.data(), room.size(), 0, reinterpret_cast<sockaddr*>(&from), &size)) > 0) {
      Bytes const reply = answer(ByteView{room}.first(static_cast<std::size_t>(got)), true);
      // First one that is none of the client's business.
      Bytes stray = reply;
      stray[0] ^= 0xff;
      for (auto const& each : {stray, reply}) {
        ::sendto(udp_.get(), each.data(), each.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
      }
    }
  }
  void serve_tcp() {
    while (true) {
      UniqueFd const client{::accept(tcp_.get(), nullptr, nullptr)};
      if (!client) return;
      ++asked_over_tcp;
      std::array<std::uint8_t, 2048> room{};
      auto const got = ::recv(client.get(), room.data(), room.size(), 0);
      if (got <= 2) continue;
      Bytes const reply = answer(ByteView{room}.subspan(2, static_cast<std::size_t>(got) - 2), false);
      ByteWriter out;
      out.u16(static_cast<std::uint16_t>(reply.size())).raw(reply);
      auto const bytes = out.take();
      // In two pieces, as TCP may.
      ::send(client.get(), bytes.data(), 10, MSG_NOSIGNAL);
      ::send(client.get(), bytes.data() + 10, bytes.size() - 10, MSG_NOSIGNAL);
    }
  }

  UniqueFd udp_{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  UniqueFd tcp_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::thread over_udp_;
  std::thread over_tcp_;
};

std::string const kContainer(64, 'c');

class DnsCommands : public ::testing::Test {
 protected:
  DnsCommands() {
    variables["WEAVE_RUN_DIR"] = directory;
    variables["DOCKER_HOST"] = "unix://" + directory + "/docker.sock";
  }
  ~DnsCommands() override {
    context.stop();
    if (thread.joinable()) thread.join();
  }

  void serve(bool with_names = true) {
    server = std::make_unique<http::Server>(
        context, control_routes({.daemon = &daemon, .names = with_names ? &names : nullptr}));
    ASSERT_TRUE(server->bind_unix(directory + "/control.sock"));
    docker = std::make_unique<http::Server>(context, [this](http::Request const& request, http::Responder responder) {
      auto const at = docker_answers.find(request.target);
      if (at != docker_answers.end()) return responder.send(http::Response::json(at->second));
      responder.send(http::Response::json(R"({"message":"No such container"})", 404));
    });
    ASSERT_TRUE(docker->bind_unix(directory + "/docker.sock"));
    thread = std::thread{[this] { context.run(); }};
  }
  void set_container(std::string const& hostname, std::string const& domain, bool running = true) {
    docker_answers["/containers/c1/json"] = fmt::format(
        R"({{"Id":"{}","Name":"/c1","State":{{"Running":{},"Pid":7}},"Config":{{"Hostname":"{}","Domainname":"{}"}},)"
        R"("NetworkSettings":{{"Networks":{{"bridge":{{"NetworkID":"n1","IPAddress":"172.17.0.5"}},)"
        R"("weave":{{"NetworkID":"n2","IPAddress":"10.32.0.7"}}}}}}}})",
        kContainer, running, hostname, domain);
    docker_answers["/networks/n1"] = R"({"Id":"n1","Name":"bridge","Driver":"bridge"})";
    docker_answers["/networks/n2"] = R"({"Id":"n2","Name":"weave","Driver":"weavemesh"})";
  }

  Printed weave(std::vector<std::string> words) const { return run_weave(std::move(words), variables); }

  test::TemporaryDirectory own;
  std::string directory = own.path();
  std::map<std::string, std::string> variables;
  std::map<std::string, std::string> docker_answers;
  FakeDaemon daemon;
  FakeNames names;
  boost::asio::io_context context;
  std::unique_ptr<http::Server> server;
  std::unique_ptr<http::Server> docker;
  std::thread thread;
};

TEST(NameWords, both_forms) {
  Ipv4Address const one{0x0a20'0001};
  Ipv4Address const two{0x0a20'0002};
  using Words = NameWords;
  EXPECT_EQ(parse_name_words({"c1"}), (Words{{}, "c1", {}}));
  EXPECT_EQ(parse_name_words({"10.32.0.1", "c1"}), (Words{{one}, "c1", {}}));
  EXPECT_EQ(parse_name_words({"10.32.0.1", "10.32.0.2", "c1", "-h", "x"}), (Words{{one, two}, "c1", "x"}));
  EXPECT_EQ(parse_name_words({"10.32.0.1", "-h", "x"}), (Words{{one}, {}, "x"}));
  for (auto const& wrong : std::vector<std::vector<std::string>>{
           {}, {"10.32.0.1"}, {"-h", "x"}, {"c1", "-h"}, {"c1", "c2"}, {"c1", "-h", "x", "y"}, {"c1", "10.32.0.1"}}) {
    EXPECT_EQ(parse_name_words(wrong), std::nullopt);
  }
}

TEST_F(DnsCommands, ArgsForDocker) {
  serve();
  auto const printed = weave({"dns-args"});
  EXPECT_EQ(printed.code, 0);
  EXPECT_EQ(printed.out, "--dns=192.0.2.1 --dns-search=weave.local.");
  EXPECT_EQ(printed.err, "");
}

TEST_F(DnsCommands, ArgsForADockerRun) {
  serve();
  auto const args = [this](std::vector<std::string> words) {
    words.insert(words.begin(), "dns-args");
    return weave(words).out;
  };
  EXPECT_EQ(args({"-ti"}), "--dns 192.0.2.1 --dns-search=weave.local.");
  EXPECT_EQ(args({"--name", "foo"}), "--dns 192.0.2.1 --hostname=foo.weave.local --dns-search=.");
  EXPECT_EQ(args({"--name=foo"}), "--dns 192.0.2.1 --hostname=foo.weave.local --dns-search=.");
  EXPECT_EQ(args({"--name=foo", "-h", "bar.weave.local"}), "--dns 192.0.2.1 --dns-search=.");
  EXPECT_EQ(args({"--name=foo", "--hostname=bar"}), "--dns 192.0.2.1 --dns-search=.");
  EXPECT_EQ(args({"--dns-search=x", "--name", "foo"}), "--dns 192.0.2.1 --hostname=foo.weave.local");
  EXPECT_EQ(args({"--without-dns", "--name", "foo"}), "");
  auto const printed = weave({"dns-args", "--name", std::string(60, 'x')});
  EXPECT_EQ(printed.out, "--dns 192.0.2.1 --dns-search=weave.local.");
  EXPECT_EQ(printed.err, "Container name too long to be used as hostname\n");
}

TEST_F(DnsCommands, ArgsFromTheEnvironmentNeedNoDaemon) {
  variables["DNS_DOMAIN"] = "example.org.";
  variables["DNS_ADDRESS"] = "10.0.0.53";
  EXPECT_EQ(weave({"dns-args"}).out, "--dns=10.0.0.53 --dns-search=example.org.");
}

TEST_F(DnsCommands, NobodyThere) {
  auto const args = weave({"dns-args"});
  EXPECT_EQ(args.code, 7);
  EXPECT_EQ(args.out, "");
  EXPECT_EQ(weave({"dns-lookup", "foo"}).code, 7);
  EXPECT_EQ(weave({"dns-add", "c1"}).code, 1);
  EXPECT_EQ(weave({"dns-remove", "c1"}).code, 1);
}

TEST_F(DnsCommands, ServiceOff) {
  serve(false);
  for (auto const& [words, code] : std::vector<std::pair<std::vector<std::string>, int>>{
           {{"dns-args"}, 0}, {{"dns-lookup", "foo"}, 4}, {{"dns-add", "c1"}, 0}, {{"dns-remove", "c1"}, 0}}) {
    auto const printed = weave(words);
    EXPECT_EQ(printed.code, code) << words[0];
    EXPECT_EQ(printed.out, "");
    EXPECT_EQ(printed.err, "the name service is off in the running daemon\n");
  }
}

TEST_F(DnsCommands, Misuse) {
  serve();
  for (auto const& words : std::vector<std::vector<std::string>>{
           {"dns-add"}, {"dns-remove", "10.32.0.1"}, {"dns-lookup"}, {"dns-lookup", "a", "b"}}) {
    auto const printed = weave(words);
    EXPECT_EQ(printed.code, 1);
    EXPECT_TRUE(printed.err.starts_with("Usage:\n"));
  }
}

TEST_F(DnsCommands, AddsNames) {
  serve();
  set_container("web", "weave.local");
  EXPECT_EQ(weave({"dns-add", "c1"}).code, 0);
  EXPECT_EQ(weave({"dns-add", "c1", "-h", "other.weave.local"}).code, 0);
  EXPECT_EQ(weave({"dns-add", "10.32.0.9", "10.32.0.10", "c1"}).code, 0);
  EXPECT_EQ(weave({"dns-add", "1.2.3.4", "-h", "db.weave.local"}).code, 0);
  EXPECT_EQ(names.log, (std::vector<std::string>{"add cccccccccccc 10.32.0.7 web.weave.local if alive",
                                                 "add cccccccccccc 10.32.0.7 other.weave.local if alive",
                                                 "add cccccccccccc 10.32.0.9 web.weave.local if alive",
                                                 "add cccccccccccc 10.32.0.10 web.weave.local if alive",
                                                 "add weave:extern 1.2.3.4 db.weave.local"}));
}

TEST_F(DnsCommands, SaysWhyNothingWasAdded) {
  serve();
  auto printed = weave({"dns-add", "1.2.3.4", "-h", "db.example.com"});
  EXPECT_EQ(printed.code, 0);
  EXPECT_EQ(printed.err, "(db.example.com is not in the domain weave.local. and was ignored)\n");
  for (auto const& name : {std::string(64, 'x') + ".weave.local", std::string{"a..weave.local"}}) {
    printed = weave({"dns-add", "10.32.0.9", "-h", name});
    EXPECT_EQ(printed.code, 1);
    EXPECT_EQ(printed.err, name + " is not a name that DNS can hold\n");
  }
  printed = weave({"dns-add", "c1"});
  EXPECT_EQ(printed.code, 1);
  EXPECT_EQ(printed.err, "unable to inspect container c1: No such container: c1\n");
  set_container("web", "");
  printed = weave({"dns-add", "c1"});
  EXPECT_EQ(printed.code, 0);
  EXPECT_EQ(printed.err, "(the host name of container c1 has no domain: give a name with -h)\n");
  set_container("web", "weave.local", false);
  printed = weave({"dns-add", "c1"});
  EXPECT_EQ(printed.code, 1);
  EXPECT_EQ(printed.err, "container c1 not running\n");
  EXPECT_TRUE(names.log.empty());
}

TEST_F(DnsCommands, RemovesNames) {
  serve();
  set_container("web", "weave.local");
  names.known = {{.hostname = "Web.weave.local.", .origin = PeerName{1}, .container_id = kContainer, .address = {}},
                 {.hostname = "Web.weave.local.", .origin = PeerName{1}, .container_id = "other", .address = {}}};
  EXPECT_EQ(weave({"dns-remove", "c1"}).code, 0);
  EXPECT_EQ(weave({"dns-remove", "10.32.0.7", "10.32.0.8", "c1"}).code, 0);
  EXPECT_EQ(weave({"dns-remove", "1.2.3.4", "-h", "db.weave.local"}).code, 0);
  auto const last = weave({"dns-remove", "c1", "-h", "web.weave.local"});
  EXPECT_EQ(last.code, 0);
  EXPECT_EQ(last.err, "(web.weave.local is still registered by peer 00:00:00:00:00:01: remove it on that host)\n");
  EXPECT_EQ(names.log, (std::vector<std::string>{
                           "remove cccccccccccc * *", "remove cccccccccccc 10.32.0.7 *",
                           "remove cccccccccccc 10.32.0.8 *", "remove weave:extern 1.2.3.4 db.weave.local",
                           "remove cccccccccccc * Web.weave.local.", "remove cccccccccccc * web.weave.local"}));
}

TEST_F(DnsCommands, LooksUp) {
  FakeNameServer name_server;
  names.address = name_server.address;
  serve();
  EXPECT_EQ(weave({"dns-lookup", "foo"}).out, "10.32.0.1\n10.32.0.2\n");
  EXPECT_EQ(weave({"dns-lookup", "10.32.0.1"}).out, "foo.weave.local.\n");
  EXPECT_EQ(weave({"dns-lookup", "foo", "--json"}).out,
            "{\"question\":\"foo\",\"answers\":[\"10.32.0.1\",\"10.32.0.2\"]}\n");
  EXPECT_EQ(weave({"dns-lookup", "--json", "nothing"}).out, "{\"question\":\"nothing\",\"answers\":[]}\n");
  auto const nothing = weave({"dns-lookup", "nothing.weave.local"});
  EXPECT_EQ(nothing.code, 0);
  EXPECT_EQ(nothing.out, "");
  auto const big = weave({"dns-lookup", "big"});
  EXPECT_EQ(std::ranges::count(big.out, '\n'), 100);
  EXPECT_EQ(name_server.asked_over_tcp, 1);
  auto const refused = weave({"dns-lookup", "refused"});
  EXPECT_EQ(refused.code, 9);
  EXPECT_EQ(refused.err, name_server.address + ": the name server cannot answer (code 5)\n");
  EXPECT_EQ(weave({"dns-lookup", "a..b"}).code, 1);
}

TEST_F(DnsCommands, NoNameServerThere) {
  std::string address;
  { address = FakeNameServer{}.address; }
  names.address = address;
  serve();
  auto const printed = weave({"dns-lookup", "foo"});
  EXPECT_EQ(printed.code, 9);
  EXPECT_EQ(printed.err, address + ": recv: Connection refused\n");
}

} // namespace
} // namespace weave::tools
