#include "controller/api/control_routes.hpp"

#include <gtest/gtest.h>

#include "test/unit/api/fake_ports.hpp"

namespace weave::controller::api {
namespace {

using http::Request;
using http::Response;

/// Catches the answer of one request and plays the client that goes away.
struct Caught final : http::Responder::Sink {
  std::optional<Response> response;
  std::function<void()> on_abandoned;
  bool gone = false;

  void deliver(Response answer) override { response = std::move(answer); }
  [[nodiscard]] bool abandoned() const override { return gone; }
  void set_on_abandoned(std::function<void()> call) override { on_abandoned = std::move(call); }
};

class ControlRoutes : public ::testing::Test {
 protected:
  FakeDaemon daemon;
  FakeAddresses addresses;
  FakeNetwork network;
  http::Router router = control_routes({.daemon = &daemon, .addresses = &addresses, .docker_network = &network});

  std::shared_ptr<Caught> start(Request request) {
    auto caught = std::make_shared<Caught>();
    router(std::move(request), http::Responder{caught});
    return caught;
  }
  Response ask(Request request) {
    auto const caught = start(std::move(request));
    if (!caught->response) ADD_FAILURE() << "no answer";
    return caught->response.value_or(Response{.status = 0, .headers = {}, .body = {}});
  }
  Response ask(std::string method, std::string target) { return ask(request(std::move(method), std::move(target))); }
  static Request request(std::string method, std::string target) {
    return {.method = std::move(method), .target = std::move(target), .headers = {}, .body = {}};
  }
};

#define EXPECT_ANSWER(response, wanted_status, wanted_body) \
  do {                                                      \
    auto const got = (response);                            \
    EXPECT_EQ(got.status, wanted_status);                   \
    EXPECT_EQ(got.body, wanted_body);                       \
  } while (false)

TEST_F(ControlRoutes, StatusIs503WithTheSameBodyUntilReady) {
  auto const ready = ask("GET", "/status");
  EXPECT_EQ(ready.status, 200);
  EXPECT_TRUE(ready.body.starts_with("        Version: 3.0.0"));
  EXPECT_EQ(ready.headers.get("Content-Type"), "text/plain; charset=utf-8");
  daemon.state.ready = false;
  EXPECT_ANSWER(ask("GET", "/status"), 503, ready.body);
  EXPECT_ANSWER(ask("GET", "/status/targets"), 503, "10.9.9.9:7000\n192.168.77.1\n");
}

TEST_F(ControlRoutes, PartsThatAreOffAreEmpty) {
  EXPECT_ANSWER(ask("GET", "/status/dns"), 200, "");
  daemon.state.ipam.reset();
  EXPECT_ANSWER(ask("GET", "/status/ipam"), 200, "");
}

TEST_F(ControlRoutes, FlowsAreAskedForOnlyWhereTheyAreWanted) {
  EXPECT_ANSWER(ask("GET", "/status/flows"), 200, "");
  daemon.installed = sample_fast_path();
  EXPECT_TRUE(ask("GET", "/status/flows").body.starts_with("in_port(2),eth(dst=02:77:0a:20:00:01), packets:3, "));
  auto json = request("GET", "/report");
  json.headers.add("Accept", "application/json");
  auto wanted = daemon.state;
  wanted.router->fast_path = sample_fast_path();
  EXPECT_EQ(ask(json).body, to_json(wanted));
  EXPECT_ANSWER(ask("GET", "/report?format=%7B%7Blen+.Router.OverlayDiagnostics.fastdp.Flows%7D%7D"), 200, "2");
  daemon.installed = failure(ErrorKind::system, "ovs_flow: No such device");
  EXPECT_ANSWER(ask("GET", "/status/flows"), 503, "ovs_flow: No such device\n");
  EXPECT_EQ(ask(json).body, to_json(daemon.state));
}

TEST_F(ControlRoutes, UnknownPathAndWrongMethod) {
  EXPECT_ANSWER(ask("GET", "/status/bogus"), 404, "404 page not found\n");
  EXPECT_ANSWER(ask("POST", "/status"), 405, "");
  EXPECT_ANSWER(ask("GET", "/domain"), 404, "404 page not found\n");
  EXPECT_ANSWER(ask("GET", "/proxyaddrs"), 404, "404 page not found\n");
}

TEST_F(ControlRoutes, ReportAsJsonOrThroughOneTemplate) {
  auto json = request("GET", "/report");
  json.headers.add("Accept", "application/json");
  auto const answer = ask(json);
  EXPECT_EQ(answer.body, to_json(daemon.state));
  EXPECT_EQ(answer.headers.get("Content-Type"), "application/json");
  json.target += "?format=a";
  EXPECT_EQ(ask(json).body, answer.body) << "the header decides";
  EXPECT_ANSWER(ask("GET", "/report"), 400, "error: must supply one format parameter\n");
  EXPECT_ANSWER(ask("GET", "/report?format=a&format=b"), 400, "error: must supply one format parameter\n");
  EXPECT_ANSWER(ask("GET", "/report?format=%7B%7B+.Version+%7D%7D"), 200, "3.0.0");
  EXPECT_ANSWER(ask("GET", "/report?format=%7B%7B.Bogus%7D%7D"), 500,
                "error during template execution\ntemplate: format:1: can't evaluate field Bogus\n");
  EXPECT_ANSWER(ask("GET", "/report?format=%7B%7B"), 400, "template: format:1: unclosed action\n");
}

TEST_F(ControlRoutes, ConnectTakesPeersFromBodyOrQueryAndTellsEveryError) {
  EXPECT_ANSWER(ask(Request::post_form("/connect",
                                       [] {
                                         http::Form form;
                                         form.add("peer", "a");
                                         form.add("peer", "b:1");
                                         return form;
                                       }())),
                200, "");
  EXPECT_ANSWER(ask("POST", "/connect?peer=c&replace=true"), 200, "");
  EXPECT_EQ(daemon.log, (std::vector<std::string>{"connect a", "connect b:1", "replace c"}));
  daemon.connect_errors = {"invalid peer name \":99\", should be host[:port]", "lookup x: no such host"};
  EXPECT_ANSWER(ask("POST", "/connect?peer=:99&peer=x"), 400,
                "invalid peer name \":99\", should be host[:port]\nlookup x: no such host\n");
}

TEST_F(ControlRoutes, ForgetNeverFails) {
  EXPECT_ANSWER(ask("POST", "/forget?peer=a"), 200, "");
  EXPECT_EQ(daemon.log, (std::vector<std::string>{"forget a"}));
}

TEST_F(ControlRoutes, AllocateWaitsAndAnswersWithoutNewline) {
  auto const caught = start(request("POST", "/ip/c1?check-alive=true"));
  EXPECT_FALSE(caught->response);
  std::exchange(addresses.waiting_allocate, nullptr)(Ipv4Cidr::parse("10.32.0.1/12").value());
  EXPECT_ANSWER(*caught->response, 200, "10.32.0.1/12");
  (void)start(request("POST", "/ip/weave%3Aexpose/10.40.0.0/24"));
  EXPECT_EQ(addresses.log,
            (std::vector<std::string>{"allocate c1 default alive 60s", "allocate weave:expose 10.40.0.0/24 60s"}));
}

TEST_F(ControlRoutes, TheClientSaysHowLongItWaits) {
  (void)start(request("POST", "/ip/c1?timeout=5"));
  (void)start(request("POST", "/ip/c1?timeout=0"));
  (void)start(request("PUT", "/ip/c1/10.32.0.9/12?timeout=7"));
  (void)start(request("GET", "/ring"));
  (void)start(request("GET", "/ring?timeout=2"));
  EXPECT_EQ(addresses.log, (std::vector<std::string>{"allocate c1 default 5s", "allocate c1 default",
                                                     "claim c1 10.32.0.9/12 7s", "prime", "prime 2s"}));
  for (auto const* path : {"/ip/c1?timeout=soon", "/ip/c1?timeout=", "/ip/c1?timeout=-1", "/ip/c1?timeout=1.5"}) {
    EXPECT_EQ(ask("POST", path).status, 400) << path;
  }
  EXPECT_ANSWER(ask("PUT", "/ip/c1/10.32.0.9/12?timeout=1h"), 400, "timeout must be a number of seconds, not '1h'\n");
  EXPECT_ANSWER(ask("GET", "/ring?timeout=1h"), 400, "timeout must be a number of seconds, not '1h'\n");
}

TEST_F(ControlRoutes, WaitingInVainIsNoSuccess) {
  auto const caught = start(request("POST", "/ip/c1"));
  std::exchange(addresses.waiting_allocate, nullptr)(failure(ErrorKind::timed_out, "timed out: nobody is here"));
  EXPECT_ANSWER(*caught->response, 503, "timed out: nobody is here\n");
}

TEST_F(ControlRoutes, AClientThatGoesAwayCancelsItsAllocation) {
  auto const caught = start(request("POST", "/ip/c1"));
  ASSERT_TRUE(caught->on_abandoned);
  caught->gone = true;
  caught->on_abandoned();
  EXPECT_EQ(addresses.log.back(), "cancelled");
  EXPECT_FALSE(addresses.waiting_allocate);
}

TEST_F(ControlRoutes, GivingUpIsNoSuccess) {
  auto const caught = start(request("POST", "/ip/c1?check-alive=true"));
  std::exchange(addresses.waiting_allocate,
                nullptr)(failure(ErrorKind::cancelled, "Allocate request for c1 cancelled"));
  EXPECT_ANSWER(*caught->response, 503, "Allocate request for c1 cancelled\n");
}

TEST_F(ControlRoutes, AllocateChecksTheSubnetFirst) {
  EXPECT_ANSWER(ask("POST", "/ip/c1/10.2.3.1/24"), 400,
                "invalid subnet - bits after network prefix are not all zero: 10.2.3.1/24\n");
  EXPECT_ANSWER(ask("POST", "/ip/c1/10.2.3.2/31"), 400, "invalid subnet - smaller than minimum size 4: 10.2.3.2/31\n");
  EXPECT_ANSWER(ask("POST", "/ip/c1/x/24"), 400, "invalid CIDR address: x/24\n");
  auto const caught = start(request("POST", "/ip/c1/10.99.0.0/16"));
  std::exchange(addresses.waiting_allocate,
                nullptr)(failure(ErrorKind::out_of_range, "range 10.99.0.0/16 out of bounds: 10.32.0.0/12"));
  EXPECT_ANSWER(*caught->response, 400, "range 10.99.0.0/16 out of bounds: 10.32.0.0/12\n");
}

TEST_F(ControlRoutes, Claim) {
  EXPECT_ANSWER(ask("PUT", "/ip/_/10.32.0.9/12?check-alive=true&noErrorOnUnknown=true"), 204, "");
  EXPECT_EQ(addresses.log, (std::vector<std::string>{"claim _ 10.32.0.9/12 alive lenient 60s"}));
  addresses.claim_result = failure(ErrorKind::already_exists, "address 10.32.0.9/12 is already owned by c1");
  EXPECT_ANSWER(ask("PUT", "/ip/c2/10.32.0.9/12"), 400,
                "Unable to claim: address 10.32.0.9/12 is already owned by c1\n");
  EXPECT_ANSWER(ask("PUT", "/ip/c2/10.32.0.9"), 405, "");
}

TEST_F(ControlRoutes, LookupAndList) {
  EXPECT_ANSWER(ask("GET", "/ip/c1"), 200, "");
  EXPECT_ANSWER(ask("GET", "/ip"), 200, "{\"owned\":null}\n");
  addresses.held = {Ipv4Cidr::parse("10.32.0.1/12").value(), Ipv4Cidr::parse("10.40.0.1/24").value()};
  EXPECT_ANSWER(ask("GET", "/ip/c1/10.40.0.0/24"), 200, "10.32.0.1/12 10.40.0.1/24");
  EXPECT_ANSWER(ask("GET", "/ip/c1/10.40.0.1/24"), 400,
                "invalid subnet - bits after network prefix are not all zero: 10.40.0.1/24\n");
  EXPECT_ANSWER(ask("GET", "/ip"), 200,
                "{\"owned\":[{\"containerid\":\"c1\",\"addrs\":[\"10.32.0.1/12\",\"10.40.0.1/24\"]}]}\n");
}

TEST_F(ControlRoutes, Release) {
  EXPECT_ANSWER(ask("DELETE", "/ip/c1/10.32.0.1"), 204, "");
  EXPECT_ANSWER(ask("DELETE", "/ip/c1"), 204, "");
  EXPECT_EQ(addresses.log, (std::vector<std::string>{"release c1 10.32.0.1", "release c1"}));
  EXPECT_ANSWER(ask("DELETE", "/ip/c1/x"), 400, "invalid IP Address: x\n");
  addresses.release_result = failure(ErrorKind::not_found, "Free: address 10.32.0.1 not found for c1");
  EXPECT_ANSWER(ask("DELETE", "/ip/c1/10.32.0.1"), 400, "Unable to free: Free: address 10.32.0.1 not found for c1\n");
  addresses.release_result = failure(ErrorKind::not_found, "Delete: no addresses for c1");
  EXPECT_ANSWER(ask("DELETE", "/ip/c1"), 400, "Delete: no addresses for c1\n");
}

TEST_F(ControlRoutes, RingInformation) {
  EXPECT_ANSWER(ask("GET", "/ipinfo/defaultsubnet"), 200, "10.32.0.0/12");
  EXPECT_ANSWER(ask("GET", "/ipinfo/tracker"), 200, "\n");
  auto const caught = start(request("GET", "/ring"));
  EXPECT_FALSE(caught->response);
  addresses.waiting_prime({});
  EXPECT_ANSWER(*caught->response, 200, "");
}

TEST_F(ControlRoutes, HandOverAndTakeOver) {
  EXPECT_ANSWER(ask("DELETE", "/peer"), 204, "");
  EXPECT_EQ(addresses.log, (std::vector<std::string>{"hand over"}));
  EXPECT_ANSWER(ask("DELETE", "/peer/dead"), 200, "524288 IPs taken over from dead\n");
  EXPECT_ANSWER(ask("DELETE", "/peer/zz"), 200, "0 IPs taken over from zz\n");
}

TEST_F(ControlRoutes, RemovesTheDockerNetworkOrNamesWhoHindersIt) {
  EXPECT_ANSWER(ask("DELETE", "/plugin/network"), 204, "");
  network.result = DockerNetworkPort::Removal{.removed = false, .attached_containers = {"abc", "def"}};
  EXPECT_ANSWER(ask("DELETE", "/plugin/network"), 409, "abc def\n");
  network.result = DockerNetworkPort::Removal{.removed = true, .attached_containers = {}, .others = true};
  EXPECT_ANSWER(ask("DELETE", "/plugin/network"), 200, "Docker has other networks of weave\n");
  network.result = failure(ErrorKind::unavailable, "Docker does not answer");
  EXPECT_ANSWER(ask("DELETE", "/plugin/network"), 503, "Docker does not answer\n");
}

TEST_F(ControlRoutes, SwitchesThePluginOffAndOn) {
  EXPECT_ANSWER(ask("PUT", "/plugin"), 204, "");
  EXPECT_ANSWER(ask("DELETE", "/plugin"), 204, "");
  EXPECT_EQ(network.log, (std::vector<std::string>{"on", "off"}));
  network.result = DockerNetworkPort::Removal{.removed = false, .attached_containers = {"abc", "def"}};
  EXPECT_ANSWER(ask("DELETE", "/plugin"), 409, "abc def\n");
  network.result = failure(ErrorKind::unavailable, "Docker does not answer");
  EXPECT_ANSWER(ask("DELETE", "/plugin"), 503, "Docker does not answer\n");
  EXPECT_ANSWER(ask("PUT", "/plugin"), 503, "Docker does not answer\n");
  network.result = failure(ErrorKind::refused, "there is no socket for Docker");
  EXPECT_ANSWER(ask("PUT", "/plugin"), 400, "there is no socket for Docker\n");
}

TEST_F(ControlRoutes, WithAllocationOffItsPathsAreUnknown) {
  router = control_routes({.daemon = &daemon, .addresses = nullptr, .docker_network = nullptr});
  for (auto const* path : {"/ip/c1", "/ip", "/ipinfo/defaultsubnet", "/ipinfo/tracker", "/ring"}) {
    EXPECT_ANSWER(ask("GET", path), 404, "404 page not found\n");
  }
  EXPECT_ANSWER(ask("DELETE", "/peer"), 204, "");
  EXPECT_ANSWER(ask("DELETE", "/peer/dead"), 200, "");
  EXPECT_ANSWER(ask("DELETE", "/plugin/network"), 404, "404 page not found\n");
}

TEST_F(ControlRoutes, TheMetricsAddressServesMetricsAlone) {
  router = metrics_routes(daemon);
  EXPECT_EQ(ask("GET", "/metrics").status, 200);
  for (auto const* path : {"/status", "/report", "/ip"}) EXPECT_ANSWER(ask("GET", path), 404, "404 page not found\n");
}

TEST_F(ControlRoutes, TheStatusAddressChangesNothing) {
  router = status_routes(daemon);
  EXPECT_EQ(ask("GET", "/status").status, 200);
  EXPECT_EQ(ask("POST", "/connect?peer=a").status, 404);
  EXPECT_EQ(ask("DELETE", "/peer").status, 404);
  EXPECT_TRUE(daemon.log.empty());
}

} // namespace
} // namespace weave::controller::api
