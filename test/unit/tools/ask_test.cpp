// The sub-commands that ask the daemon, against the real control API over fake ports on a Unix socket.
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <map>
#include <sstream>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "base/http/server.hpp"
#include "controller/api/control_routes.hpp"
#include "controller/api/flows_text.hpp"
#include "controller/api/status_text.hpp"
#include "test/fixtures/temporary_directory.hpp"
#include "test/unit/api/fake_ports.hpp"
#include "test/unit/tools/printed.hpp"
#include "tools/command.hpp"

namespace weave::tools {
namespace {

using namespace controller::api;

/// Completes at once what the other fake keeps waiting.
class ReadyAddresses final : public AddressPort {
 public:
  FakeAddresses rest;
  std::deque<Result<void>> waits; ///< how the next ones end that wait for the ring

  Cancel allocate(std::string, std::optional<Ipv4Cidr>, bool, Limit, Completion<Ipv4Cidr>) override { return {}; }
  Cancel claim(std::string, Ipv4Cidr, bool, bool, Limit, Completion<void>) override { return {}; }
  std::vector<Ipv4Cidr> lookup(std::string const&, std::optional<Ipv4Cidr>) const override { return {}; }
  std::vector<OwnedAddresses> owned() const override { return {}; }
  Result<void> release(std::string const&, Ipv4Address) override { return {}; }
  Result<void> release_all(std::string const&) override { return {}; }
  Ipv4Cidr default_subnet() const override { return {}; }
  std::string tracker() const override { return {}; }
  Cancel prime(Limit, Completion<void> done) override {
    Result<void> end;
    if (!waits.empty()) {
      end = waits.front();
      waits.pop_front();
    }
    done(end);
    return {};
  }
  void hand_over() override {}
  Result<std::uint32_t> take_over(std::string const& peer) override { return rest.take_over(peer); }
};

class Ask : public ::testing::Test {
 protected:
  ~Ask() override {
    context.stop();
    if (thread.joinable()) thread.join();
  }

  void serve(bool with_addresses = true) {
    ControlPorts const ports{
        .daemon = &daemon, .addresses = with_addresses ? &addresses : nullptr, .docker_network = nullptr};
    server = std::make_unique<http::Server>(context, control_routes(ports));
    ASSERT_TRUE(server->bind_unix(directory + "/control.sock"));
    thread = std::thread{[this] { context.run(); }};
  }

  Printed weave(std::vector<std::string> words) const {
    return run_weave(std::move(words), {{"WEAVE_RUN_DIR", directory}});
  }

  FakeDaemon daemon;
  ReadyAddresses addresses;
  test::TemporaryDirectory own;
  std::string directory = own.path();
  boost::asio::io_context context;
  std::unique_ptr<http::Server> server;
  std::thread thread;
};

TEST_F(Ask, StatusHasABlankLineBeforeAndAfter) {
  serve();
  auto const status = weave({"status"});
  EXPECT_EQ(status.code, 0);
  EXPECT_TRUE(status.out.starts_with("\n        Version: 3.0.0"));
  EXPECT_TRUE(
      status.out.contains("     DriverName: weave\n\n          Check: connection with 2.2.2.2:5 is connecting"));
  EXPECT_TRUE(status.out.ends_with(" is gone for good\n\n"));
  EXPECT_EQ(weave({"status", "targets"}).out, "10.9.9.9:7000\n192.168.77.1\n");
  EXPECT_EQ(weave({"status", "dns"}).code, 0);
}

TEST_F(Ask, StatusOfADaemonNotReadyGoesToStderr) {
  daemon.state.ready = false;
  serve();
  auto const status = weave({"status"});
  EXPECT_EQ(status.code, 1);
  EXPECT_EQ(status.out, "\n\n");
  EXPECT_TRUE(status.err.starts_with("        Version: 3.0.0"));
}

TEST_F(Ask, StatusAsJson) {
  serve();
  EXPECT_EQ(weave({"status", "--json"}).out, to_json(daemon.state) + "\n");
  EXPECT_EQ(weave({"status", "targets", "--json"}).out, "[\n    \"192.168.77.1\",\n    \"10.9.9.9:7000\"\n]\n");
  EXPECT_EQ(weave({"--local", "status", "--json", "dns"}).out, "null\n");
}

TEST_F(Ask, StatusCheckSaysWhatIsNotWellAndWhatToDo) {
  serve();
  auto const status = weave({"status", "--check"});
  EXPECT_EQ(status.code, 2);
  EXPECT_EQ(status.out, "\n" + status_text(daemon.state) + "\n");
  EXPECT_NE(status.out.find("          Check: connection with 10.9.9.9:7000 is retrying: dial tcp :0->10.9.9.9:7000: "
                            "connect: no route to host. Next: let TCP and UDP port 6783"),
            std::string::npos)
      << status.out;
  auto const json = weave({"status", "--check", "--json"});
  EXPECT_EQ(json.code, 2);
  EXPECT_TRUE(json.out.starts_with("{\"ok\":false,\"findings\":[{\"severity\":\"error\",\"subject\":\"router\","))
      << json.out;
  EXPECT_EQ(weave({"status", "dns", "--check"}).code, 1);
}

TEST_F(Ask, StatusCheckTellsWarningsFromErrors) {
  daemon.state.router->connections.resize(1);
  daemon.state.router->connections.front().explanation = "fastdp: not answered";
  serve();
  EXPECT_EQ(weave({"status", "--check"}).code, 1);
}

TEST_F(Ask, StatusCheckWithoutADaemon) {
  auto const status = weave({"status", "--check"});
  EXPECT_EQ(status.code, 3);
  EXPECT_TRUE(status.err.starts_with("weave is not running: nobody answers on ")) << status.err;
  EXPECT_TRUE(status.err.ends_with(". Next: 'weave launch'\n")) << status.err;
  auto const json = weave({"status", "--check", "--json"});
  EXPECT_EQ(json.code, 3);
  EXPECT_TRUE(json.out.starts_with("{\"ok\":false,\"findings\":[{\"severity\":\"error\",\"subject\":\"daemon\","))
      << json.out;
}

TEST_F(Ask, StatusCheckOfAHealthyDaemon) {
  daemon.state.router->connections.resize(1);
  serve();
  auto const status = weave({"status", "--check"});
  EXPECT_EQ(status.code, 0);
  EXPECT_TRUE(status.out.ends_with("\n\n          Check: all is well\n\n")) << status.out;
  EXPECT_EQ(weave({"status", "--check", "--json"}).out, "{\"ok\":true,\"findings\":[]}\n");
}

TEST_F(Ask, StatusFlows) {
  daemon.installed = sample_fast_path();
  serve();
  auto wanted = daemon.state;
  wanted.router->fast_path = sample_fast_path();
  EXPECT_EQ(weave({"status", "flows"}).out, flows_text(wanted));
  EXPECT_TRUE(weave({"status", "flows", "--json"}).out.starts_with("{\n    \"Vports\": [\n"));
}

TEST_F(Ask, AFlowsDumpThatFailsGoesToStderr) {
  daemon.installed = failure(ErrorKind::system, "ovs_flow: No such device");
  serve();
  auto const status = weave({"status", "flows"});
  EXPECT_EQ(status.code, 1);
  EXPECT_EQ(status.err, "ovs_flow: No such device\n");
}

TEST_F(Ask, Report) {
  serve();
  EXPECT_EQ(weave({"report"}).out, to_json(daemon.state));
  EXPECT_EQ(weave({"report", "-f", "{{.Router.Name}}({{.Router.NickName}})"}).out, "00:00:00:00:00:02(two)");
  auto const wrong = weave({"report", "-f", "{{"});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_EQ(wrong.err, "template: format:1: unclosed action\n");
}

TEST_F(Ask, VersionOfTheRunningDaemon) {
  serve();
  EXPECT_EQ(weave({"version", "--json"}).out,
            "{\"command\":\"" + std::string{version()} + "\",\"daemon\":\"3.0.0\",\"running\":true}\n");
  EXPECT_EQ(weave({"version"}).out, "weave script " + std::string{version()} + "\nweave 3.0.0\n");
}

TEST_F(Ask, ConnectAndForget) {
  serve();
  EXPECT_EQ(weave({"connect", "a", "b:7000"}).code, 0);
  EXPECT_EQ(weave({"connect", "--replace", "c d"}).code, 0);
  EXPECT_EQ(weave({"connect", "--replace"}).code, 0) << "empties the list";
  EXPECT_EQ(weave({"forget", "a"}).code, 0);
  EXPECT_EQ(daemon.log, (std::vector<std::string>{"connect a", "connect b:7000", "replace c d", "forget a"}));
}

TEST_F(Ask, AConnectThatFailsSaysWhy) {
  daemon.connect_errors = {"invalid peer name \":99\", should be host[:port]"};
  serve();
  auto const connect = weave({"connect", ":99"});
  EXPECT_EQ(connect.code, 1);
  EXPECT_EQ(connect.out, "");
  EXPECT_EQ(connect.err, "invalid peer name \":99\", should be host[:port]\n");
}

TEST_F(Ask, PrimeAndRmpeer) {
  serve();
  auto const prime = weave({"prime"});
  EXPECT_EQ(prime.code, 0);
  EXPECT_EQ(prime.out + prime.err, "");
  auto const removed = weave({"rmpeer", "dead", "z/z"});
  EXPECT_EQ(removed.code, 0);
  EXPECT_EQ(removed.out, "524288 IPs taken over from dead\n0 IPs taken over from z/z\n");
  EXPECT_EQ(removed.err, "(no peer z/z with addresses of its own is known)\n");
}

TEST_F(Ask, PrimeSaysWhomItWaitsForAndGoesOn) {
  auto const missing = [](char const* who) { return failure(ErrorKind::timed_out, who); };
  addresses.waits = {missing("missing a, b"), missing("missing a, b"), missing("missing b")};
  serve();
  auto const prime = weave({"prime"});
  EXPECT_EQ(prime.code, 0);
  EXPECT_EQ(prime.out, "");
  EXPECT_EQ(prime.err, "missing a, b\nmissing b\n");
}

TEST_F(Ask, AServiceThatIsOffIsCodeFour) {
  serve(false);
  auto const prime = weave({"prime"});
  EXPECT_EQ(prime.code, 4);
  EXPECT_EQ(prime.err, "address allocation is off in the running daemon\n");
  EXPECT_EQ(weave({"rmpeer", "x"}).code, 0);
}

} // namespace
} // namespace weave::tools
