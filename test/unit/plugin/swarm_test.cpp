#include <gtest/gtest.h>

#include "test/unit/plugin/plugin_fakes.hpp"

// What Docker's swarm asks its managed plugin: a manager allocates the network, nodes with a task of it create it, and
// again after each restart of the engine.

namespace weave::plugin {
namespace {

using test::PluginBench;

std::string const kNetwork = "q0u1v6yc9p9tq6b3vy3oxxfha"; // of a swarm: not hexadecimal
std::string const kEndpoint = "4f0b9d0d7" + std::string(55, '0');
std::string const kBalancer = "b1a2c3d4e" + std::string(55, '0');

std::string network(std::string const& generic = "{}", std::string const& pool = "10.0.1.0/24") {
  return R"({"NetworkID":")" + kNetwork +
         R"(","Options":{"com.docker.network.enable_ipv6":false,"com.docker.network.generic":)" + generic +
         R"(},"IPv4Data":[{"AddressSpace":"LocalDefault","Gateway":"10.0.1.1/24","Pool":")" + pool +
         R"("}],"IPv6Data":null})";
}
std::string endpoint(std::string const& id, std::string const& address) {
  return R"({"NetworkID":")" + kNetwork + R"(","EndpointID":")" + id + R"(","Interface":{"Address":")" + address +
         R"(","AddressIPv6":"","MacAddress":""},"Options":{"com.docker.network.endpoint.exposedports":null,"com.docker.network.portmap":null}})";
}
std::string join(std::string const& id = kEndpoint) {
  return R"({"NetworkID":")" + kNetwork + R"(","EndpointID":")" + id +
         R"(","SandboxKey":"/var/run/docker/netns/lb_q0u1v6yc9","Options":{"com.docker.network.endpoint.exposedports":null}})";
}
std::string created(std::string const& mac) {
  return R"({"Err":"","Interface":{"Address":"","AddressIPv6":"","MacAddress":")" + mac + R"("}})";
}
std::string joined(std::string const& routes) {
  return R"({"Err":"","InterfaceName":{"SrcName":"vethwg4f0b9d0d7","DstName":"","DstPrefix":"ethwe"},"Gateway":"","GatewayIPv6":"","StaticRoutes":)" +
         routes + R"(,"DisableGatewayService":false})";
}
std::string const kMulticast = R"([{"Destination":"224.0.0.0/4","RouteType":1,"NextHop":""}])";

struct SwarmBench : PluginBench {
  explicit SwarmBench(bool multicast = false) {
    restart({.default_multicast = multicast, .swarm = true}, Scope::global);
  }
};

TEST(Swarm, AManagerGetsItsOptionsBack) {
  SwarmBench bench;
  EXPECT_EQ(bench.good("NetworkDriver.GetCapabilities", ""), R"({"Err":"","Scope":"global","ConnectivityScope":""})");
  EXPECT_EQ(
      bench.good(
          "NetworkDriver.AllocateNetwork",
          R"({"NetworkID":")" + kNetwork +
              R"(","Options":{"works.weave.multicast":"true"},"IPv4Data":[{"AddressSpace":"","Pool":"10.0.1.0/24","Gateway":"10.0.1.1/24","AuxAddresses":null}],"IPv6Data":null})"),
      R"({"Err":"","Options":{"works.weave.multicast":"true"}})");
  EXPECT_EQ(bench.good("NetworkDriver.AllocateNetwork",
                       R"({"NetworkID":")" + kNetwork + R"(","Options":null,"IPv4Data":null,"IPv6Data":null})"),
            R"({"Err":"","Options":{}})");
  EXPECT_EQ(bench.good("NetworkDriver.FreeNetwork", R"({"NetworkID":")" + kNetwork + R"("})"), "null");
  EXPECT_TRUE(bench.store.records.empty());
}

TEST(Swarm, NewsOfNodesIsTakenNoteOf) {
  SwarmBench bench;
  for (auto const* method : {"NetworkDriver.DiscoverNew", "NetworkDriver.DiscoverDelete"}) {
    EXPECT_EQ(
        bench.good(
            method,
            R"({"DiscoveryType":1,"DiscoveryData":{"Address":"192.0.2.1","BindAddress":"192.0.2.1","Self":true}})"),
        "{}");
  }
}

TEST(Swarm, AddressesOfDockersIpamAreAsGoodAsAny) {
  SwarmBench bench;
  EXPECT_EQ(bench.good("NetworkDriver.CreateNetwork", network()), "{}");
  EXPECT_EQ(bench.log->count("not coordinated"), 0U);
  EXPECT_EQ(bench.good("NetworkDriver.CreateEndpoint", endpoint(kEndpoint, "10.0.1.3/24")),
            created("02:77:0a:00:01:03"));
  EXPECT_EQ(bench.good("NetworkDriver.Join", join()), joined("null"));
  // The end of a network that balances load, on each node.
  EXPECT_EQ(bench.good("NetworkDriver.CreateEndpoint", endpoint(kBalancer, "10.0.1.4/24")),
            created("02:77:0a:00:01:04"));
  // With a range of ours for the host it is the same.
  auto const ours = Ipv4Cidr::parse("10.32.0.0/12").value();
  bench.restart({.range = AddressRange{.universe = ours, .default_subnet = ours}, .swarm = true}, Scope::global);
  EXPECT_EQ(bench.good("NetworkDriver.CreateNetwork", network("{}", "10.0.2.0/24")), "{}");
}

TEST(Swarm, NodesCreateTheNetworkAgainWhenTheyStart) {
  SwarmBench bench;
  EXPECT_EQ(bench.good("NetworkDriver.CreateNetwork", network(R"({"works.weave.isolate":""})")), "{}");
  EXPECT_EQ(bench.good("NetworkDriver.CreateNetwork", network(R"({"works.weave.isolate":""})")), "{}");
  EXPECT_EQ(bench.good("NetworkDriver.CreateEndpoint", endpoint(kEndpoint, "10.0.1.3/24")),
            created("02:77:0a:00:01:03"));
  EXPECT_EQ(bench.good("NetworkDriver.DeleteNetwork", R"({"NetworkID":")" + kNetwork + R"("})"), "{}");
  EXPECT_EQ(bench.network->records().networks().size(), 0U);
}

TEST(Swarm, ANetworkThatWasDeletedWhileNobodyWasToldMakesRoom) {
  SwarmBench bench;
  std::string const isolated = R"({"works.weave.isolate":""})";
  bench.good("NetworkDriver.CreateNetwork", network(isolated));
  bench.good("NetworkDriver.CreateEndpoint", endpoint(kEndpoint, "10.0.1.3/24"));
  auto const another = [](std::string request) {
    return request.replace(request.find(kNetwork), kNetwork.size(), "another0network");
  };
  EXPECT_EQ(bench.call("NetworkDriver.CreateNetwork", another(network(isolated))).status, 500) << "it is in use here";
  bench.good("NetworkDriver.DeleteEndpoint", join());
  EXPECT_EQ(bench.good("NetworkDriver.CreateNetwork", another(network(isolated, "10.0.2.0/24"))), "{}");
  EXPECT_EQ(bench.network->records().networks().size(), 2U) << "nothing is known of the first one";
  bench.good("NetworkDriver.DeleteNetwork", another(join()));
  EXPECT_EQ(bench.good("NetworkDriver.CreateNetwork", another(network("{}", "10.0.1.0/24"))), "{}");
  EXPECT_EQ(bench.network->records().network(kNetwork), nullptr);
  EXPECT_TRUE(bench.isolation.plan.empty());
  // Elsewhere the user chooses subnets, and may choose wrongly.
  bench.restart({});
  EXPECT_EQ(bench.call("NetworkDriver.CreateNetwork", network(isolated)).status, 500);
}

TEST(Swarm, MulticastIsForAllNetworksThatDoNotSayOtherwise) {
  SwarmBench bench{true};
  bench.good("NetworkDriver.CreateNetwork", network());
  EXPECT_EQ(bench.good("NetworkDriver.Join", join()), joined(kMulticast));
  bench.good("NetworkDriver.CreateNetwork", network(R"({"works.weave.multicast":"false"})"));
  EXPECT_EQ(bench.good("NetworkDriver.Join", join()), joined("null"));
  SwarmBench without;
  without.good("NetworkDriver.CreateNetwork", network(R"({"works.weave.multicast":"true"})"));
  EXPECT_EQ(without.good("NetworkDriver.Join", join()), joined(kMulticast));
}

} // namespace
} // namespace weave::plugin
