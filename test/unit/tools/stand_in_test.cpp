#include "tools/stand_in.hpp"

#include <gtest/gtest.h>

#include "tools/docker_networks.hpp"

namespace weave::tools {
namespace {

TEST(StandIn, WhatGivesSomethingUpSucceedsAndIsOnRecord) {
  for (auto const* method :
       {"/NetworkDriver.DeleteEndpoint", "/NetworkDriver.DeleteNetwork", "/IpamDriver.ReleaseAddress"}) {
    EXPECT_EQ(stand_in_answer(method, "local"), (StandInAnswer{.status = 200, .body = "{}", .record = true})) << method;
  }
  EXPECT_EQ(stand_in_answer("/NetworkDriver.Leave", "local"),
            (StandInAnswer{.status = 200, .body = "{}", .record = false}));
}

TEST(StandIn, WhatAsksForSomethingIsToldWhatToDo) {
  for (auto const* method : {"/NetworkDriver.CreateNetwork", "/NetworkDriver.CreateEndpoint", "/NetworkDriver.Join",
                             "/IpamDriver.RequestPool", "/IpamDriver.RequestAddress"}) {
    auto const answer = stand_in_answer(method, "local");
    EXPECT_EQ(answer.status, 500) << method;
    EXPECT_NE(answer.body.find("'weave launch'"), std::string::npos) << method;
    EXPECT_FALSE(answer.record) << method;
  }
}

TEST(StandIn, HasTheScopeOfTheDriverItStandsInFor) {
  EXPECT_NE(stand_in_answer("/NetworkDriver.GetCapabilities", "global").body.find(R"("Scope":"global")"),
            std::string::npos);
  EXPECT_EQ(stand_in_answer("/NetworkDriver.DiscoverNew", "local").status, 404);
}

TEST(StandIn, TheRecordIsReadAsItWasWritten) {
  auto const record = released_line("/NetworkDriver.DeleteEndpoint", "{\"EndpointID\":\n\"e\"}") +
                      released_line("/IpamDriver.ReleaseAddress", R"({"Address":"10.32.0.1"})");
  EXPECT_EQ(released_calls(record), (std::vector<ReleasedCall>{
                                        {.path = "/NetworkDriver.DeleteEndpoint", .body = R"({"EndpointID": "e"})"},
                                        {.path = "/IpamDriver.ReleaseAddress", .body = R"({"Address":"10.32.0.1"})"},
                                    }));
}

TEST(StandIn, IsNeededWhileDockerHasNetworksOfItsDrivers) {
  auto const drivers = driver_names({"/run/docker/plugins/weave.sock", "/tmp/other.sock"});
  EXPECT_EQ(drivers, (std::set<std::string>{"weave", "other"}));
  EXPECT_FALSE(names_network_of(drivers, R"([{"Name":"weave","Id":"1","Driver":"bridge"}])"));
  EXPECT_TRUE(names_network_of(drivers, R"([{"Name":"n","Id":"1","Driver":"bridge"},{"Id":"2","Driver":"other"}])"));
  EXPECT_TRUE(names_network_of(drivers, "rubbish"));
}

TEST(StandIn, ATornOrForeignLineIsNoCall) {
  EXPECT_TRUE(released_calls("/IpamDriver.ReleaseAddress {\"Addr").empty());
  EXPECT_TRUE(released_calls("/NetworkDriver.CreateNetwork {}\nrubbish\n\n").empty());
}

TEST(StandIn, ATornLineTakesNoLaterOneWithIt) {
  auto const record = "/IpamDriver.ReleaseAddress {\"Addr" + released_line("/NetworkDriver.DeleteNetwork", "{}");
  auto const calls = released_calls(record);
  ASSERT_FALSE(calls.empty());
  EXPECT_EQ(calls.back(), (ReleasedCall{.path = "/NetworkDriver.DeleteNetwork", .body = "{}"}));
}

} // namespace
} // namespace weave::tools
