#include "controller/app/leftovers.hpp"

#include <gtest/gtest.h>

#include "controller/app/survey_source.hpp"
#include "test/unit/docker/scripted_engine.hpp"
#include "test/unit/plugin/plugin_fakes.hpp"

namespace weave::controller {
namespace {

using namespace std::chrono_literals;

std::string id_of(char letter) { return std::string(64, letter); }

class LeftoversTest : public testing::Test {
 protected:
  void look() {
    leftovers.look(survey);
    bench.scheduler.settle();
  }
  void look_twice() {
    look();
    EXPECT_TRUE(removed.empty());
    bench.scheduler.advance(10s);
    EXPECT_EQ(asked, 1) << "Docker is asked again for what was seen";
    look();
  }
  static EngineSurvey survey_of(std::string const& endpoint, std::string const& network) {
    EngineSurvey survey;
    docker::ContainerPlace place{.network_id = network, .address = {}, .requested = {}};
    place.endpoint_id = endpoint;
    survey.containers.push_back({.id = "c", .name = "c", .state = "running", .networks = {}, .places = {place}});
    return survey;
  }

  test::PluginBench bench;
  EngineSurvey survey;
  std::vector<datapath::HostEnd> ends;
  std::vector<std::string> removed;
  int asked = 0;
  Leftovers leftovers{{.scheduler = bench.scheduler,
                       .driver = *bench.network,
                       .host_ends = [this] { return ends; },
                       .remove =
                           [this](std::string const& name) {
                             removed.push_back(name);
                             return Result<void>{};
                           },
                       .ask = [this] { ++asked; },
                       .logger = Logger{bench.log}},
                      {}};
};

TEST_F(LeftoversTest, PairsOfNobodyGo) {
  ends = {{.name = "vethwl111111111", .index = datapath::LinkIndex{7}, .peer_here = true},
          {.name = "vethwepl4711", .index = datapath::LinkIndex{8}, .peer_here = true}};
  look_twice();
  EXPECT_EQ(removed, (std::vector<std::string>{"vethwepl4711", "vethwl111111111"}));
  EXPECT_EQ(bench.log->count("removed what a crash has left: interface vethwepl4711"), 1U);
}

TEST_F(LeftoversTest, WhatSomebodyMayHaveStays) {
  auto const network = id_of('a');
  bench.good("NetworkDriver.CreateEndpoint", R"({"NetworkID":")" + network + R"(","EndpointID":")" + id_of('1') +
                                                 R"(","Interface":{"Address":"10.32.0.1/12"},"Options":{}})");
  survey = survey_of(id_of('2'), network);
  auto const end = [](std::string const& id, bool here) {
    return datapath::HostEnd{
        .name = plugin::EndpointLink::of(id).host_name, .index = datapath::LinkIndex{7}, .peer_here = here};
  };
  // One on record and in its container, one that Docker has, one in a container that nobody has told of.
  ends = {end(id_of('1'), false), end(id_of('2'), true), end(id_of('3'), false)};
  look();
  bench.scheduler.advance(10s);
  look();
  EXPECT_TRUE(removed.empty());
  EXPECT_NE(bench.network->records().endpoint(id_of('1')), nullptr);
}

TEST_F(LeftoversTest, APairThatWasMadeAnewIsAnother) {
  ends = {{.name = "vethwl111111111", .index = datapath::LinkIndex{7}, .peer_here = true}};
  look();
  bench.scheduler.advance(10s);
  ends.front().index = datapath::LinkIndex{9};
  look();
  EXPECT_TRUE(removed.empty());
  bench.scheduler.advance(9s);
  look();
  EXPECT_TRUE(removed.empty()) << "not for so long";
}

TEST_F(LeftoversTest, RecordsOfWhatDockerHasForgottenGo) {
  auto const gone = id_of('a');
  auto const kept = id_of('b');
  for (auto const& id : {gone, kept}) {
    bench.good("NetworkDriver.CreateNetwork",
               R"({"NetworkID":")" + id + R"(","Options":{},"IPv4Data":[],"IPv6Data":[]})");
  }
  bench.good("NetworkDriver.CreateEndpoint", R"({"NetworkID":")" + gone + R"(","EndpointID":")" + id_of('1') +
                                                 R"(","Interface":{"Address":"10.32.0.1/12"},"Options":{}})");
  docker::NetworkInfo info;
  info.id = kept;
  survey.networks.push_back(info);
  look_twice();
  bench.scheduler.advance(160s);
  look();
  EXPECT_NE(bench.network->records().endpoint(id_of('1')), nullptr) << "its container may still be starting";
  bench.scheduler.advance(10s);
  look();
  EXPECT_EQ(bench.network->records().endpoint(id_of('1')), nullptr);
  EXPECT_NE(bench.network->records().network(gone), nullptr) << "only after its endpoints";
  look();
  bench.scheduler.advance(10s);
  look();
  EXPECT_EQ(bench.network->records().network(gone), nullptr);
  EXPECT_NE(bench.network->records().network(kept), nullptr);
}

TEST_F(LeftoversTest, EndpointsOfADaemonThatHasEndedGoSooner) {
  bench.good("NetworkDriver.CreateEndpoint", R"({"NetworkID":")" + id_of('a') + R"(","EndpointID":")" + id_of('1') +
                                                 R"(","Interface":{"Address":"10.32.0.1/12"},"Options":{}})");
  bench.restart();
  Leftovers anew{{.scheduler = bench.scheduler,
                  .driver = *bench.network,
                  .host_ends = [this] { return ends; },
                  .remove = [](std::string const&) { return Result<void>{}; },
                  .ask = [] {},
                  .logger = Logger{bench.log}},
                 {}};
  anew.look(survey);
  bench.scheduler.advance(10s);
  anew.look(survey);
  EXPECT_NE(bench.network->records().endpoint(id_of('1')), nullptr);
  bench.scheduler.advance(10s);
  anew.look(survey);
  bench.scheduler.settle();
  EXPECT_EQ(bench.network->records().endpoint(id_of('1')), nullptr);
}

TEST_F(LeftoversTest, InASwarmEndpointsWithoutAnInterfaceGo) {
  Leftovers swarm{{.scheduler = bench.scheduler,
                   .driver = *bench.network,
                   .host_ends = [this] { return ends; },
                   .remove = [](std::string const&) { return Result<void>{}; },
                   .ask = [this] { ++asked; },
                   .logger = Logger{bench.log}},
                  {.networks_are_listed = false}};
  auto const network = id_of('a');
  bench.good("NetworkDriver.CreateNetwork",
             R"({"NetworkID":")" + network + R"(","Options":{},"IPv4Data":[],"IPv6Data":[]})");
  for (auto const letter : {'1', '2'}) {
    bench.good("NetworkDriver.CreateEndpoint", R"({"NetworkID":")" + network + R"(","EndpointID":")" + id_of(letter) +
                                                   R"(","Interface":{"Address":"10.32.0.1/12"},"Options":{}})");
  }
  ends = {
      {.name = plugin::EndpointLink::of(id_of('2')).host_name, .index = datapath::LinkIndex{7}, .peer_here = false}};
  swarm.look({});
  bench.scheduler.advance(10s);
  EXPECT_EQ(asked, 1);
  swarm.look({});
  bench.scheduler.advance(170s);
  swarm.look({});
  bench.scheduler.settle();
  EXPECT_EQ(bench.network->records().endpoint(id_of('1')), nullptr);
  EXPECT_NE(bench.network->records().endpoint(id_of('2')), nullptr) << "it is in its container";
  EXPECT_NE(bench.network->records().network(network), nullptr) << "Docker has not been asked";
}

TEST(SurveySource, TellsOfAllNetworksBeforeItAnswersForOne) {
  test::VirtualScheduler clock;
  docker::ScriptedEngine engine{clock};
  engine.drivers = {{"one", "weave"}, {"two", "weave"}};
  std::size_t told = 0;
  SurveySource source{engine, [&](EngineSurvey const& survey) { told = survey.networks.size(); }};
  std::optional<Result<plugin::NetworkFacts>> answer;
  source.look_up("two", [&](Result<plugin::NetworkFacts> const& found) {
    EXPECT_EQ(told, 2U) << "isolated networks are closed together";
    answer = found;
  });
  clock.advance(1s);
  ASSERT_TRUE(answer && *answer);
  source.look_up("three", [&](Result<plugin::NetworkFacts> const& found) { answer = found; });
  clock.advance(1s);
  EXPECT_EQ(answer->error().kind(), ErrorKind::not_found);
}

} // namespace
} // namespace weave::controller
