#include "controller/docker/docker_client.hpp"

#include <optional>

#include <gtest/gtest.h>

#include "base/http/router.hpp"
#include "test/unit/http/http_fixture.hpp"

namespace weave::controller::docker {
namespace {

TEST(ApiVersion, ParsesAndOrders) {
  EXPECT_EQ(ApiVersion::parse("1.41")->to_string(), "1.41");
  EXPECT_LT(*ApiVersion::parse("1.9"), *ApiVersion::parse("1.24"));
  for (auto const* bad : {"", "1", "1.", ".41", "1.41x", "v1.41", "1.-1", "99999999999.1"}) {
    EXPECT_FALSE(ApiVersion::parse(bad)) << bad;
  }
}

TEST(ApiVersion, IsTheOlderOfOursAndTheirsButOneTheyStillSpeak) {
  auto const choose = [](std::string const& newest, std::string const& oldest) {
    auto const versions = decode_versions(R"({"ApiVersion":")" + newest + R"(","MinAPIVersion":")" + oldest + R"("})");
    auto const chosen = choose_version(*versions);
    return chosen ? chosen->to_string() : chosen.error().text();
  };
  EXPECT_EQ(choose("1.24", "1.12"), "1.24");
  EXPECT_EQ(choose("1.41", "1.12"), "1.41");
  EXPECT_EQ(choose("1.43", "1.12"), "1.41");
  EXPECT_EQ(choose("1.44", "1.24"), "1.41");
  EXPECT_EQ(choose("1.52", "1.44"), "1.44");
  EXPECT_EQ(choose("1.23", ""), "1.23");
  EXPECT_EQ(choose("1.18", ""), "the Docker engine speaks API 1.18, and 1.21 is needed");
  EXPECT_FALSE(decode_versions("{}"));
  EXPECT_FALSE(decode_versions("[]"));
  EXPECT_FALSE(decode_versions("<html>"));
}

TEST(EngineJson, NamesTheOtherManagersOfASwarm) {
  auto const swarm = decode_swarm(
      R"({"ID":"x","Swarm":{"NodeID":"a","NodeAddr":"192.0.2.3","LocalNodeState":"active","RemoteManagers":[{"NodeID":"a","Addr":"192.0.2.3:2377"},{"NodeID":"b","Addr":"192.0.2.1:2377"},{"NodeID":"c","Addr":"192.0.2.2:2377"},{"NodeID":"d","Addr":"192.0.2.1:2378"},{"NodeID":"e","Addr":"[2001:db8::1]:2377"},7,{"Addr":""},{}]}})");
  EXPECT_TRUE(swarm->member);
  EXPECT_EQ(swarm->other_managers, (std::vector<std::string>{"192.0.2.1", "192.0.2.2"}));
  for (auto const* outside : {R"({"Swarm":{"LocalNodeState":"inactive","RemoteManagers":null}})", "{}"}) {
    EXPECT_FALSE(decode_swarm(outside)->member);
    EXPECT_EQ(decode_swarm(outside)->other_managers.size(), 0U);
  }
  EXPECT_FALSE(decode_swarm("[]"));
  EXPECT_FALSE(decode_swarm("no JSON"));
}

TEST(EngineJson, WritesANetwork) {
  EXPECT_EQ(
      encode_network(NetworkSpec{.name = "weave",
                                 .driver = "weavemesh",
                                 .ipam_driver = "weavemesh",
                                 .subnet = "10.32.0.0/12",
                                 .options = {{"works.weave.multicast", "true"}}}),
      R"({"Name":"weave","CheckDuplicate":true,"Driver":"weavemesh","IPAM":{"Driver":"weavemesh","Config":[{"Subnet":"10.32.0.0/12"}]},"Options":{"works.weave.multicast":"true"}})");
}

TEST(EngineJson, ReadsNetworksAndContainers) {
  auto const network = decode_network(
      R"({"Name":"weave","Id":"abc","Scope":"local","Driver":"weavemesh","IPAM":{"Driver":"weavemesh","Options":null,"Config":[{"Subnet":"10.32.0.0/12"}]},"Containers":{"c1":{"Name":"x"}},"Options":{"works.weave.multicast":"true"},"Labels":{}})");
  ASSERT_TRUE(network);
  EXPECT_EQ(*network, (NetworkInfo{.id = "abc",
                                   .name = "weave",
                                   .driver = "weavemesh",
                                   .subnets = {"10.32.0.0/12"},
                                   .options = {{"works.weave.multicast", "true"}},
                                   .containers = {"c1"},
                                   .ipam_driver = "weavemesh"}));
  auto const containers = decode_containers(
      R"([{"Id":"c1","Names":["/one","/other/alias"],"State":"running","NetworkSettings":{"Networks":{"weave":{"IPAMConfig":{"IPv4Address":"10.32.0.9"},"NetworkID":"abc","IPAddress":"10.32.0.1","IPPrefixLen":12},"odd":null}}},{"Id":"c2"}])");
  ASSERT_TRUE(containers);
  auto const address = [](char const* text) { return *Ipv4Address::parse(text); };
  EXPECT_EQ(containers->at(0), (ContainerSummary{.id = "c1",
                                                 .name = "one",
                                                 .state = "running",
                                                 .networks = {{"weave", "10.32.0.1"}, {"odd", ""}},
                                                 .places = {{.network_id = "abc",
                                                             .address = {{address("10.32.0.1"), 12}},
                                                             .requested = address("10.32.0.9")}}}));
  EXPECT_EQ(containers->at(1).id, "c2");
  for (auto const* bad : {"", "{}", "[]", "null", "7", R"({"Id":7})"}) EXPECT_FALSE(decode_network(bad)) << bad;
  for (auto const* bad : {"", "{}", "[7]", "null"}) EXPECT_FALSE(decode_containers(bad)) << bad;
}

TEST(EngineJson, ReadsGatewaysAndAuxiliaryAddresses) {
  auto const networks = decode_networks(
      R"([{"Name":"n1","Id":"abc","Driver":"weavemesh","IPAM":{"Driver":"weavemesh","Config":[)"
      R"({"Subnet":"10.40.0.0/16","Gateway":"10.40.0.1","AuxiliaryAddresses":{"router":"10.40.0.2"}},)"
      R"({"Subnet":"10.41.0.0/16","Gateway":"10.41.0.0/16"},{"Subnet":"fd00::/64","Gateway":"fd00::1"}]}},{"Id":"b"}])");
  ASSERT_TRUE(networks);
  std::vector<std::string> reserved;
  for (auto const& cidr : networks->at(0).reserved) reserved.push_back(cidr.to_string());
  EXPECT_EQ(reserved, (std::vector<std::string>{"10.40.0.1/16", "10.40.0.2/16", "10.41.0.0/16"}));
  EXPECT_EQ(networks->at(0).subnets.size(), 3U);
  EXPECT_EQ(networks->at(1).ipam_driver, "");
  for (auto const* bad : {"", "{}", "[7]", "null", R"([{"Id":7}])"}) EXPECT_FALSE(decode_networks(bad)) << bad;
}

TEST(EngineJson, SaysWhatTheEngineSaid) {
  EXPECT_EQ(decode_error(404, R"({"message":"No such network: x"})"),
            (Error{ErrorKind::not_found, "No such network: x"}));
  EXPECT_EQ(decode_error(500, "plain\n"), (Error{ErrorKind::system, "plain"}));
  EXPECT_EQ(decode_error(403, ""), (Error{ErrorKind::refused, "the Docker engine answers with status 403"}));
}

/// A scripted engine behind a Unix socket.
class DockerClientTest : public ::testing::Test {
 protected:
  DockerClientTest() {
    router.add("GET", "/version", [this](http::Request, http::PathValues, http::Responder responder) {
      ++negotiations;
      responder.send(http::Response::json(R"({"ApiVersion":")" + newest + R"(","MinAPIVersion":")" + oldest + "\"}"));
    });
    router.add("GET", "/{version}/networks/{name}",
               [this](http::Request, http::PathValues values, http::Responder responder) {
                 seen.push_back(values[0] + " " + values[1]);
                 if (*ApiVersion::parse(values[0].substr(1)) < *ApiVersion::parse(oldest)) {
                   return responder.send(http::Response::json(
                       R"({"message":"client version 1.41 is too old. Minimum supported API version is 1.44"})", 400));
                 }
                 if (values[1] != "weave") {
                   return responder.send(http::Response::json(R"({"message":"network not found"})", 404));
                 }
                 responder.send(http::Response::json(
                     R"({"Id":"abc","Name":"weave","Driver":"weavemesh","Options":{"works.weave.multicast":"true"}})"));
               });
    router.add("POST", "/{version}/networks/create",
               [this](http::Request request, http::PathValues, http::Responder responder) {
                 seen.push_back(request.body);
                 responder.send(http::Response::json(R"({"Id":"new","Warning":""})", 201));
               });
    router.add(
        "DELETE", "/{version}/networks/{name}", [](http::Request, http::PathValues values, http::Responder responder) {
          if (values[1] == "busy") {
            return responder.send(http::Response::json(R"({"message":"network busy has active endpoints"})", 403));
          }
          responder.send(http::Response::no_content());
        });
    router.add("GET", "/{version}/containers/json",
               [this](http::Request request, http::PathValues, http::Responder responder) {
                 seen.push_back(request.target);
                 responder.send(http::Response::json("[]"));
               });
    start_engine();
  }

  void start_engine() {
    engine = std::make_unique<http::Server>(context, [this](http::Request request, http::Responder responder) {
      router(std::move(request), std::move(responder));
    });
    ASSERT_TRUE(engine->bind_unix(path));
  }
  /// Runs one call to its end.
  template <class T, class Start>
  Result<T> wait(Start start) {
    std::optional<Result<T>> result;
    start([&](Result<T> answer) { result = std::move(answer); });
    EXPECT_FALSE(result) << "completed inside the call";
    context.restart();
    while (!result && context.run_one_for(std::chrono::seconds{5}) > 0) {
    }
    if (!result) return failure(ErrorKind::timed_out, "the test waited too long");
    return *std::move(result);
  }
  Result<NetworkInfo> inspect(std::string const& name) {
    return wait<NetworkInfo>([&](auto done) { client.inspect_network(name, done); });
  }

  test::TemporaryDirectory directory;
  std::string path = directory.file("docker.sock");
  boost::asio::io_context context;
  http::Router router;
  std::unique_ptr<http::Server> engine;
  std::string newest = "1.41";
  std::string oldest = "1.12";
  int negotiations = 0;
  std::vector<std::string> seen;
  DockerClient client{context, http::Endpoint::unix_socket(path), {.ask = std::chrono::milliseconds{300}}};
};

TEST_F(DockerClientTest, NegotiatesOnceAndAsks) {
  EXPECT_EQ(inspect("weave")->id, "abc");
  EXPECT_EQ(inspect("a b/c").error().kind(), ErrorKind::not_found);
  EXPECT_EQ(negotiations, 1);
  EXPECT_EQ(seen, (std::vector<std::string>{"v1.41 weave", "v1.41 a b/c"}));
}

TEST_F(DockerClientTest, SpeaksWhatOldAndNewEnginesUnderstand) {
  newest = "1.24";
  EXPECT_TRUE(inspect("weave"));
  EXPECT_EQ(client.version()->to_string(), "1.24");
  // Replaced by engine 29 without our noticing: the first call fails, the next one negotiates anew.
  newest = "1.52";
  oldest = "1.44";
  EXPECT_FALSE(inspect("weave"));
  EXPECT_TRUE(inspect("weave"));
  EXPECT_EQ(client.version()->to_string(), "1.44");
}

TEST_F(DockerClientTest, CreatesRemovesAndLists) {
  NetworkSpec const spec{.name = "weave", .driver = "d", .ipam_driver = "i", .subnet = "10.32.0.0/12", .options = {}};
  EXPECT_EQ(*wait<std::string>([&](auto done) { client.create_network(spec, done); }), "new");
  EXPECT_EQ(seen.at(0), encode_network(spec));
  EXPECT_TRUE(wait<void>([&](auto done) { client.remove_network("weave", done); }));
  auto const busy = wait<void>([&](auto done) { client.remove_network("busy", done); });
  EXPECT_EQ(busy.error(), (Error{ErrorKind::refused, "network busy has active endpoints"}));
  EXPECT_TRUE(wait<std::vector<ContainerSummary>>([&](auto done) { client.list_containers(true, done); }));
  EXPECT_EQ(seen.at(1), "/v1.41/containers/json?all=1");
}

TEST_F(DockerClientTest, TellsAbsenceFromRefusalAndSilence) {
  engine.reset();
  EXPECT_EQ(inspect("weave").error().kind(), ErrorKind::unavailable);
  start_engine();
  EXPECT_TRUE(inspect("weave"));
  engine.reset();
  EXPECT_EQ(inspect("weave").error().kind(), ErrorKind::unavailable);
  EXPECT_FALSE(client.version());

  std::vector<http::Responder> held;
  engine = std::make_unique<http::Server>(
      context, [&](http::Request, http::Responder responder) { held.push_back(std::move(responder)); });
  ASSERT_TRUE(engine->bind_unix(path));
  EXPECT_EQ(inspect("weave").error().kind(), ErrorKind::timed_out);
}

TEST_F(DockerClientTest, SurvivesNonsense) {
  engine = std::make_unique<http::Server>(context, [](http::Request request, http::Responder responder) {
    if (request.target == "/version") return responder.send(http::Response::json(R"({"ApiVersion":"1.41"})"));
    responder.send(http::Response::json("<html>"));
  });
  std::filesystem::remove(path);
  ASSERT_TRUE(engine->bind_unix(path));
  EXPECT_EQ(inspect("weave").error().kind(), ErrorKind::malformed);
}

} // namespace
} // namespace weave::controller::docker
