#include <gtest/gtest.h>

#include "test/unit/plugin/plugin_fakes.hpp"

namespace weave::plugin {
namespace {

using test::PluginBench;

std::string const kBlue(64, 'b');
std::string const kRed(64, 'c');
std::string const kGreen(64, 'd');
std::string const kFirst = "111111111" + std::string(55, '0');
std::string const kSecond = "222222222" + std::string(55, '0');
constexpr auto kDockerSpace = "LocalDefault";

std::string network(std::string const& id, std::string const& pool, std::string const& options,
                    std::string const& space = "weavelocal", std::string const& ipv6 = "[]") {
  return R"({"NetworkID":")" + id + R"(","Options":{"com.docker.network.generic":)" + options +
         R"(},"IPv4Data":[{"AddressSpace":")" + space + R"(","Pool":")" + pool + R"("}],"IPv6Data":)" + ipv6 + "}";
}
std::string isolated(std::string const& id, std::string const& pool) {
  return network(id, pool, R"({"works.weave.isolate":""})");
}
std::string endpoint(std::string const& network_id, std::string const& id, std::string const& address) {
  return R"({"NetworkID":")" + network_id + R"(","EndpointID":")" + id + R"(","Interface":{"Address":")" + address +
         R"(","AddressIPv6":"","MacAddress":""},"Options":{}})";
}
std::string names(std::string const& network_id, std::string const& id) {
  return R"({"NetworkID":")" + network_id + R"(","EndpointID":")" + id + R"(","SandboxKey":"/s"})";
}

Ipv4Cidr cidr(char const* text) { return Ipv4Cidr::parse(text).value(); }
Ipv4Cidr const kBlueSubnet = cidr("10.40.0.0/16");

/// A mesh with room beside the default subnet.
struct RoomyBench : PluginBench {
  RoomyBench() { restart(); }
  void restart() {
    PluginBench::restart(
        {.range = AddressRange{.universe = cidr("10.32.0.0/12"), .default_subnet = cidr("10.32.0.0/16")}});
  }
};

TEST(NetworkIsolation, FiltersBeforeTheInterfaceIsMadeAndUntilItIsGone) {
  RoomyBench bench;
  EXPECT_EQ(bench.good("NetworkDriver.CreateNetwork", isolated(kBlue, "10.40.0.0/16")), "{}");
  EXPECT_EQ(bench.isolation.plan, (IsolationPlan{{kBlueSubnet, {}}}));
  bench.attacher.slow = true;
  auto const creation = bench.start("NetworkDriver.CreateEndpoint", endpoint(kBlue, kFirst, "10.40.0.1/16"));
  EXPECT_TRUE(bench.attacher.links.empty());
  EXPECT_EQ(bench.isolation.plan, (IsolationPlan{{kBlueSubnet, {"vethwl111111111"}}}));
  ASSERT_TRUE(bench.attacher.finish_one());
  EXPECT_EQ(creation->status, 200);
  EXPECT_EQ(bench.isolation.plan.at(kBlueSubnet).size(), 1U);
  auto const removal = bench.start("NetworkDriver.DeleteEndpoint", names(kBlue, kFirst));
  EXPECT_EQ(bench.isolation.plan.at(kBlueSubnet).size(), 1U);
  ASSERT_TRUE(bench.attacher.finish_one());
  EXPECT_EQ(bench.isolation.plan, (IsolationPlan{{kBlueSubnet, {}}}));
  EXPECT_EQ(bench.good("NetworkDriver.DeleteNetwork", names(kBlue, "")), "{}");
  EXPECT_TRUE(bench.isolation.plan.empty());
}

TEST(NetworkIsolation, NothingIsAttachedThatCannotBeFiltered) {
  RoomyBench bench;
  bench.isolation.broken = true;
  auto const refusal = "500 {\"Err\":\"the network cannot be isolated: nftables: no\"}\n";
  EXPECT_EQ(bench.bad("NetworkDriver.CreateNetwork", isolated(kBlue, "10.40.0.0/16")), refusal);
  EXPECT_TRUE(bench.store.records.empty());
  bench.isolation.broken = false;
  EXPECT_EQ(bench.good("NetworkDriver.CreateNetwork", isolated(kBlue, "10.40.0.0/16")), "{}");
  bench.isolation.broken = true;
  EXPECT_EQ(bench.bad("NetworkDriver.CreateEndpoint", endpoint(kBlue, kFirst, "10.40.0.1/16")), refusal);
  EXPECT_EQ(bench.attacher.creations, 0);
  bench.isolation.broken = false;
  bench.good("NetworkDriver.CreateEndpoint", endpoint(kBlue, kFirst, "10.40.0.1/16"));
  bench.isolation.broken = true;
  EXPECT_EQ(bench.bad("NetworkDriver.Join", names(kBlue, kFirst)), refusal);
  EXPECT_EQ(bench.call("NetworkDriver.Join", names(kBlue, kSecond)).status, 500);
}

TEST(NetworkIsolation, AFailedCreationLeavesNoPort) {
  RoomyBench bench;
  bench.good("NetworkDriver.CreateNetwork", isolated(kBlue, "10.40.0.0/16"));
  bench.attacher.bridge = false;
  EXPECT_EQ(bench.call("NetworkDriver.CreateEndpoint", endpoint(kBlue, kFirst, "10.40.0.1/16")).status, 500);
  EXPECT_EQ(bench.isolation.plan, (IsolationPlan{{kBlueSubnet, {}}}));
}

TEST(NetworkIsolation, ARestartPutsInForceWhatWas) {
  RoomyBench bench;
  bench.good("NetworkDriver.CreateNetwork", isolated(kBlue, "10.40.0.0/16"));
  bench.good("NetworkDriver.CreateEndpoint", endpoint(kBlue, kFirst, "10.40.0.1/16"));
  bench.isolation.plan.clear();
  bench.restart();
  ASSERT_TRUE(bench.network->isolate());
  EXPECT_EQ(bench.isolation.plan, (IsolationPlan{{kBlueSubnet, {"vethwl111111111"}}}));
}

TEST(NetworkIsolation, ANetworkThatWasForgottenIsClosedOnceDockerTells) {
  RoomyBench bench;
  bench.good("NetworkDriver.CreateEndpoint", endpoint(kBlue, kFirst, "10.40.0.1/16"));
  ASSERT_EQ(bench.source.asked.size(), 1U);
  bench.source.asked.front().second(
      NetworkFacts{.options = {{"works.weave.isolate", "true"}}, .pools = {"10.40.0.0/16"}});
  EXPECT_EQ(bench.isolation.plan, (IsolationPlan{{kBlueSubnet, {"vethwl111111111"}}}));
}

TEST(NetworkIsolation, ContainersThatWereForgottenAreKnownAgain) {
  RoomyBench bench;
  bench.isolation.broken = true;
  NetworkFacts const facts{.options = {{"works.weave.isolate", "true"}}, .pools = {"10.40.0.0/16"}};
  std::map<std::string, EndpointRecord> const endpoints{
      {kFirst, {.network_id = kBlue, .mac_address = {}, .address = "10.40.0.1/16", .sandbox_key = {}}},
      {"../x", {.network_id = kBlue, .mac_address = {}, .address = "10.40.0.2/16", .sandbox_key = {}}}};
  bench.network->learn_network({.id = kBlue, .facts = facts, .endpoints = endpoints});
  ASSERT_TRUE(bench.isolation.ensured) << "it is tried again";
  bench.isolation.broken = false;
  EXPECT_TRUE(bench.isolation.ensured());
  EXPECT_EQ(bench.isolation.plan, (IsolationPlan{{kBlueSubnet, {"vethwl111111111"}}}));
  bench.restart();
  ASSERT_TRUE(bench.network->isolate());
  EXPECT_EQ(bench.isolation.plan, (IsolationPlan{{kBlueSubnet, {"vethwl111111111"}}}));
}

TEST(NetworkIsolation, WhatIsLearnedTogetherIsClosedTogether) {
  RoomyBench bench;
  NetworkFacts const blue{.options = {{"works.weave.isolate", "true"}}, .pools = {"10.40.0.0/16"}};
  NetworkFacts const red{.options = {{"works.weave.isolate", "true"}}, .pools = {"10.41.0.0/16"}};
  bench.network->learn_networks({{.id = kBlue, .facts = blue}, {.id = kRed, .facts = red}});
  ASSERT_EQ(bench.isolation.plan.size(), 2U);
  EXPECT_EQ(bench.isolation.applied, 1) << "rules of before for one of them would be gone in between";
}

TEST(NetworkIsolation, ANetworkThatCannotBeRememberedIsNotMade) {
  RoomyBench bench;
  bench.store.full = true;
  EXPECT_EQ(bench.call("NetworkDriver.CreateNetwork", isolated(kBlue, "10.40.0.0/16")).status, 500);
  EXPECT_TRUE(bench.isolation.plan.empty());
}

TEST(NetworkIsolation, SharesAddressesWithNobody) {
  RoomyBench bench;
  EXPECT_EQ(bench.bad("NetworkDriver.CreateNetwork", isolated(kBlue, "10.32.128.0/24")),
            "500 {\"Err\":\"an isolated network cannot share addresses with the default subnet 10.32.0.0/16: give it "
            "another --subnet of 10.32.0.0/12, and if there is none, launch weave on all hosts with a smaller "
            "--ipalloc-default-subnet\"}\n");
  EXPECT_EQ(bench.good("NetworkDriver.CreateNetwork", network(kRed, "10.41.0.0/16", "{}")), "{}");
  EXPECT_EQ(bench.bad("NetworkDriver.CreateNetwork", isolated(kBlue, "10.40.0.0/14")),
            "500 {\"Err\":\"an isolated network cannot share addresses with another one: 10.40.0.0/14 overlaps "
            "10.41.0.0/16 of network cccccccccccc; choose another --subnet\"}\n");
  EXPECT_EQ(bench.good("NetworkDriver.CreateNetwork", isolated(kBlue, "10.40.0.0/16")), "{}");
  EXPECT_EQ(bench.good("NetworkDriver.CreateNetwork", isolated(kBlue, "10.40.0.0/16")), "{}") << "a repetition";
  auto const neighbours =
      "500 {\"Err\":\"subnet 10.40.7.0/24 overlaps 10.40.0.0/16 of the isolated network "
      "bbbbbbbbbbbb: choose another --subnet\"}\n";
  EXPECT_EQ(bench.bad("NetworkDriver.CreateNetwork", network(kGreen, "10.40.7.0/24", "{}")), neighbours);
  EXPECT_EQ(bench.call("NetworkDriver.CreateNetwork", isolated(kGreen, "10.40.7.0/24")).status, 500);
  EXPECT_EQ(bench.good("NetworkDriver.CreateNetwork", isolated(kGreen, "10.42.0.0/16")), "{}");
}

TEST(NetworkIsolation, IsRefusedWhereItCannotBe) {
  RoomyBench bench;
  bench.isolation.reason = "no bridge";
  EXPECT_EQ(bench.bad("NetworkDriver.CreateNetwork", isolated(kBlue, "10.40.0.0/16")),
            "500 {\"Err\":\"networks cannot be isolated on this host: no bridge\"}\n");
  EXPECT_EQ(
      bench.good("NetworkDriver.CreateNetwork", network(kBlue, "10.40.0.0/16", R"({"works.weave.isolate":"false"})")),
      "{}");
  bench.isolation.reason.reset();
  EXPECT_EQ(
      bench.bad("NetworkDriver.CreateNetwork", network(kRed, "10.41.0.0/16", R"({"works.weave.isolate":"perhaps"})")),
      "500 {\"Err\":\"unrecognized value \\\"perhaps\\\" for option works.weave.isolate\"}\n");
  EXPECT_EQ(bench
                .call("NetworkDriver.CreateNetwork",
                      network(kRed, "10.41.0.0/16", R"({"works.weave.isolate":"1","works.weave.ipam":"docker"})",
                              kDockerSpace, R"([{"Pool":"fd00::/64"}])"))
                .status,
            500);
}

TEST(NetworkRules, AddressesOfDockersOwnIpamAreRefusedUnlessAskedFor) {
  RoomyBench bench;
  EXPECT_EQ(bench.bad("NetworkDriver.CreateNetwork", network(kBlue, "172.18.0.0/16", "{}", kDockerSpace)),
            "500 {\"Err\":\"Docker's own IPAM would give the same addresses to containers of other hosts: add "
            "--ipam-driver weave; or, if you share them out with --ip-range, -o works.weave.ipam=docker\"}\n");
  EXPECT_EQ(bench.good("NetworkDriver.CreateNetwork",
                       network(kBlue, "172.18.0.0/16", R"({"works.weave.ipam":"docker"})", kDockerSpace)),
            "{}");
  EXPECT_EQ(bench.bad("NetworkDriver.CreateNetwork",
                      network(kRed, "172.19.0.0/16", R"({"works.weave.ipam":"mine"})", kDockerSpace)),
            "500 {\"Err\":\"unrecognized value \\\"mine\\\" for option works.weave.ipam: docker or weave\"}\n");
  // A cluster store of Docker's knows the other hosts.
  EXPECT_EQ(bench.good("NetworkDriver.CreateNetwork", network(kRed, "172.19.0.0/16", "{}", "GlobalDefault")), "{}");
  // Without a range of our own there is nothing better.
  bench.PluginBench::restart();
  EXPECT_EQ(bench.good("NetworkDriver.CreateNetwork", network(kGreen, "172.20.0.0/16", "{}", kDockerSpace)), "{}");
}

TEST(NetworkRules, Ipv6PoolsAreRefused) {
  RoomyBench bench;
  EXPECT_EQ(bench.bad("NetworkDriver.CreateNetwork",
                      network(kBlue, "10.40.0.0/16", "{}", "weavelocal", R"([{"Pool":"fd00::/64"}])")),
            "500 {\"Err\":\"IPv6 is not supported: leave out --ipv6 and the IPv6 --subnet\"}\n");
}

} // namespace
} // namespace weave::plugin
