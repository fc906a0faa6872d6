#include "plugin/network_driver.hpp"

#include <gtest/gtest.h>

#include "test/unit/plugin/plugin_fakes.hpp"

namespace weave::plugin {
namespace {

using namespace std::chrono_literals;
using test::PluginBench;

std::string const kNetwork(64, 'a');
std::string const kEndpoint = "960e513ee" + std::string(55, '0');
std::string const kJoined =
    R"({"Err":"","InterfaceName":{"SrcName":"vethwg960e513ee","DstName":"","DstPrefix":"ethwe"},"Gateway":"","GatewayIPv6":"","StaticRoutes":[{"Destination":"224.0.0.0/4","RouteType":1,"NextHop":""}],"DisableGatewayService":false})";
std::string const kJoinedPlain =
    R"({"Err":"","InterfaceName":{"SrcName":"vethwg960e513ee","DstName":"","DstPrefix":"ethwe"},"Gateway":"","GatewayIPv6":"","StaticRoutes":null,"DisableGatewayService":false})";

AddressRange range(char const* universe) {
  auto const cidr = Ipv4Cidr::parse(universe).value();
  return {.universe = cidr, .default_subnet = cidr};
}
std::string network(std::string const& generic) {
  return R"({"NetworkID":")" + kNetwork +
         R"(","Options":{"com.docker.network.enable_ipv6":false,"com.docker.network.generic":)" + generic +
         R"(},"IPv4Data":[{"AddressSpace":"weavelocal","Gateway":"10.32.0.0/12","Pool":"10.32.0.0/12"}],"IPv6Data":[]})";
}
std::string endpoint(std::string const& mac = {}, std::string const& id = kEndpoint) {
  return R"({"NetworkID":")" + kNetwork + R"(","EndpointID":")" + id +
         R"(","Interface":{"Address":"10.32.0.1/12","AddressIPv6":"","MacAddress":")" + mac +
         R"("},"Options":{"com.docker.network.endpoint.dnsservers":["172.17.0.1"],"com.docker.network.endpoint.exposedports":[],"com.docker.network.portmap":[]}})";
}
std::string names(std::string const& id = kEndpoint) {
  return R"({"NetworkID":")" + kNetwork + R"(","EndpointID":")" + id + R"("})";
}
std::string join(std::string const& id = kEndpoint) {
  return R"({"NetworkID":")" + kNetwork + R"(","EndpointID":")" + id +
         R"(","SandboxKey":"/var/run/docker/netns/0123456789ab","Options":{}})";
}
std::string created(std::string const& mac) {
  return R"({"Err":"","Interface":{"Address":"","AddressIPv6":"","MacAddress":")" + mac + R"("}})";
}

TEST(NetworkDriver, ServesTheWholeLifeOfAContainer) {
  PluginBench bench;
  EXPECT_EQ(bench.good("NetworkDriver.CreateNetwork", network(R"({"works.weave.multicast":"true"})")), "{}");
  EXPECT_EQ(bench.good("NetworkDriver.CreateEndpoint", endpoint()), created("46:6a:8f:36:53:50"));
  EXPECT_EQ(bench.attacher.links.begin()->first, "vethwl960e513ee");
  EXPECT_EQ(bench.good("NetworkDriver.Join", join()), kJoined);
  EXPECT_EQ(bench.good("NetworkDriver.EndpointOperInfo", names()), R"({"Err":"","Value":{}})");
  EXPECT_EQ(bench.network->records().endpoint(kEndpoint)->sandbox_key, "/var/run/docker/netns/0123456789ab");
  EXPECT_EQ(bench.good("NetworkDriver.Leave", names()), "{}");
  EXPECT_EQ(bench.network->records().endpoint(kEndpoint)->sandbox_key, "");
  EXPECT_EQ(bench.good("NetworkDriver.DeleteEndpoint", names()), "{}");
  EXPECT_TRUE(bench.attacher.links.empty());
  EXPECT_EQ(bench.good("NetworkDriver.DeleteNetwork", R"({"NetworkID":")" + kNetwork + R"("})"), "{}");
  EXPECT_TRUE(bench.store.records.empty());
}

TEST(NetworkDriver, AContainerThatComesBackWithItsAddressHasItsOldMac) {
  PluginBench bench;
  bench.restart({.range = range("10.32.0.0/12")});
  EXPECT_EQ(bench.good("NetworkDriver.CreateEndpoint", endpoint()), created("02:77:0a:20:00:01"));
  EXPECT_EQ(bench.good("NetworkDriver.DeleteEndpoint", names()), "{}");
  auto const again = "b60e513ee" + std::string(55, '0');
  EXPECT_EQ(bench.good("NetworkDriver.CreateEndpoint", endpoint({}, again)), created("02:77:0a:20:00:01"));
  // Its own wish goes first, and an address that others may have as well gives no MAC.
  auto const third = "c60e513ee" + std::string(55, '0');
  EXPECT_EQ(bench.good("NetworkDriver.CreateEndpoint", endpoint("02:00:00:00:00:09", third)), created(""));
  bench.restart({.range = range("10.99.0.0/16")});
  auto const fourth = "d60e513ee" + std::string(55, '0');
  EXPECT_EQ(bench.good("NetworkDriver.CreateEndpoint", endpoint({}, fourth)).find("02:77"), std::string::npos);
}

TEST(NetworkDriver, RemovingWhatDoesNotExistSucceeds) {
  PluginBench bench;
  bench.attacher.bridge = false;
  EXPECT_EQ(bench.good("NetworkDriver.Leave", names()), "{}");
  EXPECT_EQ(bench.good("NetworkDriver.DeleteEndpoint", names()), "{}");
  EXPECT_EQ(bench.good("NetworkDriver.DeleteEndpoint", "{}"), "{}");
  EXPECT_EQ(bench.good("NetworkDriver.DeleteNetwork", R"({"NetworkID":"unknown"})"), "{}");
}

TEST(NetworkDriver, RepeatedCreationGivesTheSameAnswer) {
  PluginBench bench;
  EXPECT_EQ(bench.good("NetworkDriver.CreateNetwork", network("{}")), "{}");
  EXPECT_EQ(bench.good("NetworkDriver.CreateNetwork", network("{}")), "{}");
  auto const first = bench.good("NetworkDriver.CreateEndpoint", endpoint());
  EXPECT_EQ(bench.good("NetworkDriver.CreateEndpoint", endpoint()), first);
  bench.restart();
  EXPECT_EQ(bench.good("NetworkDriver.CreateEndpoint", endpoint()), first);
  bench.attacher.moved.insert("vethwl960e513ee"); // joined meanwhile
  EXPECT_EQ(bench.good("NetworkDriver.CreateEndpoint", endpoint()), first);
  bench.attacher.moved.clear();
  bench.attacher.links.clear(); // the machine was started anew
  EXPECT_EQ(bench.good("NetworkDriver.CreateEndpoint", endpoint()), first);
}

TEST(NetworkDriver, HonoursTheRequestedMac) {
  PluginBench bench;
  EXPECT_EQ(bench.good("NetworkDriver.CreateEndpoint", endpoint("02:42:ac:11:00:07")), created(""));
  EXPECT_EQ(bench.attacher.links.at("vethwl960e513ee").to_string(), "02:42:ac:11:00:07");
  EXPECT_EQ(bench.bad("NetworkDriver.CreateEndpoint", endpoint("03:42:ac:11:00:07")),
            "500 {\"Err\":\"03:42:ac:11:00:07 cannot be the address of an interface\"}\n");
  EXPECT_TRUE(bench.bad("NetworkDriver.CreateEndpoint", endpoint("nonsense")).starts_with("500 {\"Err\":"));
}

TEST(NetworkDriver, RefusesWhatItCannotDo) {
  PluginBench bench;
  EXPECT_EQ(bench.bad("NetworkDriver.CreateEndpoint", names()),
            "500 {\"Err\":\"Not supported: creating an interface from within CreateEndpoint\"}\n");
  EXPECT_EQ(bench.bad("NetworkDriver.CreateEndpoint", endpoint("", "../../x")),
            "500 {\"Err\":\"invalid endpoint ID: \\\"../../x\\\"\"}\n");
  EXPECT_TRUE(bench.bad("NetworkDriver.Join", join("")).starts_with("500 "));
  EXPECT_TRUE(bench.bad("NetworkDriver.CreateNetwork", "{}").starts_with("500 "));
  bench.attacher.bridge = false;
  EXPECT_EQ(bench.bad("NetworkDriver.CreateEndpoint", endpoint()),
            "500 {\"Err\":\"bridge \\\"weave\\\" not present; did you launch weave?\"}\n");
  EXPECT_EQ(bench.network->records().endpoint(kEndpoint), nullptr);
}

TEST(NetworkDriver, NeverGivesTwoEndpointsOneInterface) {
  PluginBench bench;
  bench.good("NetworkDriver.CreateEndpoint", endpoint());
  auto const twin = "960e513ee" + std::string(55, '1');
  EXPECT_TRUE(bench.bad("NetworkDriver.CreateEndpoint", endpoint("", twin)).starts_with("500 {\"Err\":\"endpoint 960"));
  auto const smaller = "960e513ee" + std::string(54, '0');
  EXPECT_TRUE(bench.bad("NetworkDriver.CreateEndpoint", endpoint("", smaller)).starts_with("500 "));
  bench.good("NetworkDriver.DeleteEndpoint", names());
  EXPECT_TRUE(bench.good("NetworkDriver.CreateEndpoint", endpoint("", twin)).starts_with("{\"Err\":\"\""));
}

TEST(NetworkDriver, ReadsTheMulticastOption) {
  PluginBench bench;
  auto const with = [&](std::string const& generic) {
    auto const made = bench.bad("NetworkDriver.CreateNetwork", network(generic));
    if (made != "200 {}\n") return made;
    return bench.good("NetworkDriver.Join", join()) == kJoined ? std::string{"yes"} : std::string{"no"};
  };
  for (auto const* text : {"", "1", "t", "T", "TRUE", "true", "True"}) {
    EXPECT_EQ(with(std::string{R"({"works.weave.multicast":")"} + text + "\"}"), "yes") << text;
  }
  for (auto const* text : {"0", "f", "F", "FALSE", "false", "False"}) {
    EXPECT_EQ(with(std::string{R"({"works.weave.multicast":")"} + text + "\"}"), "no") << text;
  }
  EXPECT_EQ(with(R"({"works.weave.multicast":"yes"})"),
            "500 {\"Err\":\"unrecognized value \\\"yes\\\" for option works.weave.multicast\"}\n");
  EXPECT_EQ(with("{}"), "no");
  EXPECT_EQ(with("null"), "no");
  EXPECT_EQ(with(R"({"works.weave.multicast":true})"), "no"); // only strings are read
  EXPECT_EQ(with(R"({"other":"x"})"), "no");
  EXPECT_EQ(bench.log->count("unknown option other"), 1U);
}

TEST(NetworkDriver, RemembersNetworksOverARestart) {
  PluginBench bench;
  bench.good("NetworkDriver.CreateNetwork", network(R"({"works.weave.multicast":"true"})"));
  bench.store.records["network/broken"] = "{";
  bench.store.records["endpoint/odd"] = R"({"mac":7})";
  bench.restart();
  EXPECT_EQ(bench.good("NetworkDriver.Join", join()), kJoined);
  EXPECT_EQ(bench.log->count("network/broken"), 1U);
  EXPECT_TRUE(bench.source.asked.empty());
}

TEST(NetworkDriver, ServesAnUnknownNetworkAtOnceAndLearnsLater) {
  PluginBench bench;
  EXPECT_EQ(bench.good("NetworkDriver.Join", join()), kJoinedPlain);
  EXPECT_EQ(bench.good("NetworkDriver.Join", join()), kJoinedPlain);
  ASSERT_EQ(bench.source.asked.size(), 1U);
  EXPECT_EQ(bench.source.asked[0].first, kNetwork);
  bench.source.asked[0].second(NetworkFacts{.options = {{"works.weave.multicast", "true"}}, .pools = {}});
  EXPECT_EQ(bench.good("NetworkDriver.Join", join()), kJoined);
  bench.restart();
  EXPECT_EQ(bench.good("NetworkDriver.Join", join()), kJoined);
  // An answer that comes when the driver has gone is nobody's.
  EXPECT_NO_THROW(bench.source.asked[0].second(NetworkFacts{}));
}

TEST(NetworkDriver, AsksAgainWhenTheSourceFailed) {
  PluginBench bench;
  bench.good("NetworkDriver.Join", join());
  bench.source.asked.at(0).second(failure(ErrorKind::unavailable, "docker is not running"));
  bench.good("NetworkDriver.Join", join());
  EXPECT_EQ(bench.source.asked.size(), 2U);
}

TEST(NetworkDriver, GivesEveryNetworkTheDefaultWhenTold) {
  PluginBench bench;
  bench.restart(NetworkDriver::Config{.default_multicast = true});
  EXPECT_EQ(bench.good("NetworkDriver.Join", join()), kJoined);
  bench.good("NetworkDriver.CreateNetwork", network(R"({"works.weave.multicast":"false"})"));
  EXPECT_EQ(bench.good("NetworkDriver.Join", join()), kJoinedPlain);
}

TEST(NetworkDriver, SurvivesAFullDisk) {
  PluginBench bench;
  bench.store.full = true;
  EXPECT_EQ(bench.good("NetworkDriver.CreateNetwork", network(R"({"works.weave.multicast":"true"})")), "{}");
  EXPECT_EQ(bench.good("NetworkDriver.CreateEndpoint", endpoint()), created("46:6a:8f:36:53:50"));
  EXPECT_EQ(bench.good("NetworkDriver.Join", join()), kJoined);
  EXPECT_GE(bench.log->count("no space left"), 2U);
}

TEST(NetworkDriver, AnswersInBoundedTimeAndUndoesWhatCameTooLate) {
  PluginBench bench;
  bench.attacher.slow = true;
  auto const reply = bench.start("NetworkDriver.CreateEndpoint", endpoint());
  bench.scheduler.advance(4900ms);
  EXPECT_EQ(reply->status, 0);
  bench.scheduler.advance(200ms);
  EXPECT_EQ(reply->status, 500);
  EXPECT_EQ(reply->body, "{\"Err\":\"creating endpoint 960e513ee000 did not finish within 5 s\"}\n");
  EXPECT_TRUE(bench.attacher.finish_one()); // made, too late
  EXPECT_EQ(bench.attacher.links.size(), 1U);
  EXPECT_TRUE(bench.attacher.finish_one()); // removed
  EXPECT_TRUE(bench.attacher.links.empty());
  EXPECT_EQ(bench.network->records().endpoint(kEndpoint), nullptr);
  bench.attacher.slow = false;
  EXPECT_EQ(bench.good("NetworkDriver.CreateEndpoint", endpoint()), created("46:6a:8f:36:53:50"));
}

TEST(NetworkDriver, DeletesEventuallyButAnswersInTime) {
  PluginBench bench;
  bench.good("NetworkDriver.CreateEndpoint", endpoint());
  bench.attacher.slow = true;
  auto const reply = bench.start("NetworkDriver.DeleteEndpoint", names());
  bench.scheduler.advance(5s);
  EXPECT_EQ(reply->body, "{}\n");
  EXPECT_TRUE(bench.attacher.finish_one());
  EXPECT_TRUE(bench.store.records.empty());
}

TEST(NetworkDriver, RunsCallsForOneEndpointOneAfterTheOther) {
  PluginBench bench;
  bench.attacher.slow = true;
  auto const create = bench.start("NetworkDriver.CreateEndpoint", endpoint());
  auto const again = bench.start("NetworkDriver.CreateEndpoint", endpoint());
  auto const joined = bench.start("NetworkDriver.Join", join());
  auto const removed = bench.start("NetworkDriver.DeleteEndpoint", names());
  auto const other = bench.start("NetworkDriver.CreateEndpoint", endpoint("", "b" + kEndpoint));
  EXPECT_EQ(bench.attacher.queue.size(), 2U); // the first of each endpoint
  EXPECT_TRUE(bench.attacher.finish_one());
  EXPECT_EQ(create->status, 200);
  EXPECT_EQ(joined->status, 0);
  EXPECT_TRUE(bench.attacher.finish_one());
  EXPECT_EQ(other->status, 200);
  EXPECT_TRUE(bench.attacher.finish_one());
  EXPECT_EQ(again->body, create->body);
  EXPECT_EQ(joined->body, kJoinedPlain + "\n");
  EXPECT_EQ(removed->status, 0);
  EXPECT_TRUE(bench.attacher.finish_one());
  EXPECT_EQ(removed->status, 200);
  EXPECT_EQ(bench.attacher.links.size(), 1U);
}

TEST(NetworkDriver, EndsQuietlyWithWorkUnderWay) {
  PluginBench bench;
  bench.attacher.slow = true;
  auto const reply = bench.start("NetworkDriver.CreateEndpoint", endpoint());
  bench.restart();
  EXPECT_TRUE(bench.attacher.finish_one());
  bench.scheduler.advance(10s);
  EXPECT_FALSE(bench.attacher.finish_one());
}

} // namespace
} // namespace weave::plugin
