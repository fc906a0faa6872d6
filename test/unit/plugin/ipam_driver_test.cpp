#include "plugin/ipam_driver.hpp"

#include <gtest/gtest.h>

#include "test/unit/plugin/plugin_fakes.hpp"

namespace weave::plugin {
namespace {

using namespace std::chrono_literals;
using test::PluginBench;

std::string pool(std::string const& subnet, std::string const& range = {}, bool v6 = false) {
  return R"({"AddressSpace":"weavelocal","Pool":")" + subnet + R"(","SubPool":")" + range + R"(","Options":{},"V6":)" +
         (v6 ? "true" : "false") + "}";
}
std::string address(std::string const& text = {}, std::string const& id = "weave-10.32.0.0/12-10.32.0.0/12",
                    std::string const& options = "null") {
  return R"({"PoolID":")" + id + R"(","Address":")" + text + R"(","Options":)" + options + "}";
}
std::string release(std::string const& text, std::string const& id = "weave-10.32.0.0/12-10.32.0.0/12") {
  return R"({"PoolID":")" + id + R"(","Address":")" + text + R"("})";
}
std::string granted(std::string const& cidr) { return R"({"Error":"","Address":")" + cidr + R"(","Data":null})"; }
std::string const kGateway = R"({"RequestAddressType":"com.docker.network.gateway"})";

Ipv4Address ip(std::string const& text) { return *Ipv4Address::parse(text); }

TEST(AddressPool, ReadsBackItsId) {
  auto const subnet = *Ipv4Cidr::parse("10.32.0.0/12");
  auto const chosen = AddressPool::choose("10.40.0.0/16", "10.40.7.0/24", subnet);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->id(), "weave-10.40.0.0/16-10.40.7.0/24");
  EXPECT_EQ(AddressPool::parse_id(chosen->id(), subnet), *chosen);
  EXPECT_EQ(AddressPool::parse_id("weavepool", subnet), (AddressPool{subnet, subnet}));
  for (auto const* bad : {"", "weave", "weave-", "weave--", "weave-10.0.0.0/8", "weave-10.0.0.0/8-", "weave-x-y",
                          "weave-10.0.0.0/8-10.0.0.0/8-10.0.0.0/8", "other-10.0.0.0/8-10.0.0.0/8"}) {
    auto const parsed = AddressPool::parse_id(bad, subnet);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().text(), std::string{"Unrecognized pool ID: "} + bad);
  }
}

TEST(AddressPool, KnowsItsEdges) {
  auto const subnet = *Ipv4Cidr::parse("10.32.0.0/12");
  EXPECT_TRUE(is_edge(subnet, ip("10.32.0.0")));
  EXPECT_TRUE(is_edge(subnet, ip("10.47.255.255")));
  EXPECT_FALSE(is_edge(subnet, ip("10.40.0.0")));
  EXPECT_TRUE(contains(subnet, ip("10.47.255.255")));
  EXPECT_FALSE(contains(subnet, ip("10.48.0.0")));
  EXPECT_TRUE(contains(*Ipv4Cidr::parse("0.0.0.0/0"), subnet));
  EXPECT_FALSE(contains(subnet, *Ipv4Cidr::parse("10.0.0.0/8")));
}

TEST(IpamDriver, OffersTheDefaultPool) {
  PluginBench bench;
  EXPECT_EQ(
      bench.good("IpamDriver.RequestPool", pool("")),
      R"({"Error":"","PoolID":"weave-10.32.0.0/12-10.32.0.0/12","Pool":"10.32.0.0/12","Data":{"com.docker.network.gateway":"10.32.0.0/12"}})");
  EXPECT_EQ(bench.good("IpamDriver.ReleasePool", R"({"PoolID":"weave-10.32.0.0/12-10.32.0.0/12"})"), "{}");
}

TEST(IpamDriver, TakesSubnetAndRange) {
  PluginBench bench;
  EXPECT_EQ(
      bench.good("IpamDriver.RequestPool", pool("10.40.0.0/16", "10.40.7.0/24")),
      R"({"Error":"","PoolID":"weave-10.40.0.0/16-10.40.7.0/24","Pool":"10.40.0.0/16","Data":{"com.docker.network.gateway":"10.40.0.0/16"}})");
  EXPECT_NE(bench.good("IpamDriver.RequestPool", pool("10.40.1.5/24")).find("weave-10.40.1.0/24-10.40.1.0/24"),
            std::string::npos);
  EXPECT_EQ(bench.good("IpamDriver.RequestAddress", address("", "weave-10.40.0.0/16-10.40.7.0/24")),
            granted("10.40.7.0/16"));
  EXPECT_EQ(bench.good("IpamDriver.RequestAddress", address("", "weavepool")), granted("10.32.0.1/12"));
}

TEST(IpamDriver, RefusesPoolsItCannotServe) {
  PluginBench bench;
  EXPECT_EQ(
      bench.bad("IpamDriver.RequestPool", pool("10.99.0.0/16")),
      "500 {\"Err\":\"range 10.99.0.0/16 out of bounds: 10.32.0.0/12; choose a --subnet of 10.32.0.0/12, or launch "
      "weave on all hosts with an --ipalloc-range that holds it\"}\n");
  EXPECT_EQ(bench.bad("IpamDriver.RequestPool", pool("10.0.0.0/8")),
            "500 {\"Err\":\"range 10.0.0.0/8 out of bounds: 10.32.0.0/12; choose a --subnet of 10.32.0.0/12, or launch "
            "weave on all hosts with an --ipalloc-range that holds it\"}\n");
  EXPECT_EQ(bench.bad("IpamDriver.RequestPool", pool("", "", true)),
            "500 {\"Err\":\"IPv6 is not supported: leave out --ipv6 and the IPv6 --subnet\"}\n");
  EXPECT_EQ(bench.bad("IpamDriver.RequestPool", pool("10.40.0.0/16", "10.41.0.0/24")),
            "500 {\"Err\":\"range 10.41.0.0/24 is not inside subnet 10.40.0.0/16\"}\n");
  EXPECT_EQ(bench.bad("IpamDriver.RequestPool", pool("10.40.0.0/31")),
            "500 {\"Err\":\"invalid subnet - smaller than minimum size 4: 10.40.0.0/31\"}\n");
  EXPECT_EQ(bench.bad("IpamDriver.RequestPool", pool("nonsense")),
            "500 {\"Err\":\"invalid CIDR address: nonsense\"}\n");
}

TEST(IpamDriver, AllocatesAndReleasesByAddress) {
  PluginBench bench;
  EXPECT_EQ(bench.good("IpamDriver.RequestAddress", address()), granted("10.32.0.1/12"));
  EXPECT_EQ(bench.good("IpamDriver.RequestAddress", address()), granted("10.32.0.2/12"));
  EXPECT_EQ(bench.good("IpamDriver.ReleaseAddress", release("10.32.0.1")), "{}");
  EXPECT_EQ(bench.good("IpamDriver.ReleaseAddress", release("10.32.0.1")), "{}");
  EXPECT_EQ(bench.good("IpamDriver.ReleaseAddress", release("10.32.0.2", "from an older release")), "{}");
  EXPECT_TRUE(bench.allocator.held.empty());
  EXPECT_EQ(bench.bad("IpamDriver.ReleaseAddress", release("10.32.0")),
            "500 {\"Err\":\"invalid IP Address: 10.32.0\"}\n");
  EXPECT_EQ(bench.bad("IpamDriver.RequestAddress", address("", "x")), "500 {\"Err\":\"Unrecognized pool ID: x\"}\n");
}

TEST(IpamDriver, NeverGivesOneAddressToTwo) {
  PluginBench bench;
  EXPECT_EQ(bench.good("IpamDriver.RequestAddress", address("10.40.9.9")), granted("10.40.9.9/12"));
  EXPECT_EQ(bench.bad("IpamDriver.RequestAddress", address("10.40.9.9")),
            "500 {\"Err\":\"address 10.40.9.9/12 is already in use\"}\n");
  bench.allocator.elsewhere.insert(ip("10.41.0.1"));
  EXPECT_EQ(bench.bad("IpamDriver.RequestAddress", address("10.41.0.1")),
            "500 {\"Err\":\"address 10.41.0.1/12 is owned by other peer b\"}\n");
}

TEST(IpamDriver, RefusesTheSecondOfTwoClaimsAtOnce) {
  PluginBench bench;
  bench.allocator.waiting = true;
  auto const first = bench.start("IpamDriver.RequestAddress", address("10.40.9.9"));
  EXPECT_EQ(bench.bad("IpamDriver.RequestAddress", address("10.40.9.9")),
            "500 {\"Err\":\"address 10.40.9.9 is already in use\"}\n");
  bench.allocator.reach_quorum();
  EXPECT_EQ(first->status, 200);
  bench.good("IpamDriver.ReleaseAddress", release("10.40.9.9"));
  EXPECT_EQ(bench.good("IpamDriver.RequestAddress", address("10.40.9.9")), granted("10.40.9.9/12"));
}

TEST(IpamDriver, RefusesImpossibleAddresses) {
  PluginBench bench;
  EXPECT_EQ(bench.bad("IpamDriver.RequestAddress", address("10.99.0.1")),
            "500 {\"Err\":\"address 10.99.0.1 is not inside subnet 10.32.0.0/12\"}\n");
  EXPECT_EQ(bench.bad("IpamDriver.RequestAddress", address("10.32.0.0")),
            "500 {\"Err\":\"10.32.0.0 is the network or broadcast address of 10.32.0.0/12\"}\n");
  EXPECT_TRUE(bench.bad("IpamDriver.RequestAddress", address("10.47.255.255")).starts_with("500 "));
  EXPECT_TRUE(bench.bad("IpamDriver.RequestAddress", address("fe80::1")).starts_with("500 "));
  // Networks that the original made outside the range still have their specific addresses.
  auto const old = std::string{"weave-10.99.0.0/16-10.99.0.0/16"};
  EXPECT_EQ(bench.good("IpamDriver.RequestAddress", address("10.99.0.1", old)), granted("10.99.0.1/16"));
  EXPECT_TRUE(bench.bad("IpamDriver.RequestAddress", address("", old)).starts_with("500 "));
}

TEST(IpamDriver, SpendsNoAddressOnAGatewayNobodyAskedFor) {
  PluginBench bench;
  EXPECT_EQ(bench.good("IpamDriver.RequestAddress", address("", "weavepool", kGateway)), granted("10.32.0.0/12"));
  EXPECT_EQ(bench.good("IpamDriver.RequestAddress", address("10.32.0.0", "weavepool", kGateway)),
            granted("10.32.0.0/12"));
  EXPECT_TRUE(bench.allocator.held.empty());
  EXPECT_EQ(bench.good("IpamDriver.ReleaseAddress", release("10.32.0.0")), "{}");
}

TEST(IpamDriver, ReservesAGatewayOnceInTheMesh) {
  PluginBench bench;
  auto const id = std::string{"weave-10.40.1.0/24-10.40.1.0/24"};
  EXPECT_EQ(bench.good("IpamDriver.RequestAddress", address("10.40.1.1", id, kGateway)), granted("10.40.1.1/24"));
  EXPECT_TRUE(bench.allocator.held.contains(ip("10.40.1.1")));
  EXPECT_TRUE(bench.bad("IpamDriver.RequestAddress", address("10.40.1.1", id, kGateway)).starts_with("500 "));
  // The same network made on the second host.
  bench.allocator.elsewhere.insert(ip("10.40.1.254"));
  EXPECT_EQ(bench.good("IpamDriver.RequestAddress", address("10.40.1.254", id, kGateway)), granted("10.40.1.254/24"));
  EXPECT_FALSE(bench.allocator.held.contains(ip("10.40.1.254")));
  EXPECT_EQ(bench.good("IpamDriver.ReleaseAddress", release("10.40.1.254", id)), "{}");
}

TEST(IpamDriver, SaysWhoIsMissingAfterTenSeconds) {
  PluginBench bench;
  bench.allocator.waiting = true;
  auto const any = bench.start("IpamDriver.RequestAddress", address());
  auto const claim = bench.start("IpamDriver.RequestAddress", address("10.40.9.9"));
  bench.scheduler.advance(9900ms);
  EXPECT_EQ(any->status, 0);
  bench.scheduler.advance(200ms);
  EXPECT_EQ(any->body, "{\"Err\":\"no address within 10 s: 1 of 3 peers reachable: a; missing b, c\"}\n");
  EXPECT_EQ(any->status, 500);
  EXPECT_EQ(claim->status, 500);
  EXPECT_EQ(bench.allocator.cancels, 2);
  bench.allocator.reach_quorum();
  EXPECT_TRUE(bench.allocator.held.empty());
  EXPECT_EQ(bench.good("IpamDriver.RequestAddress", address("10.40.9.9")), granted("10.40.9.9/12"));
}

TEST(IpamDriver, AnswersOnceTheQuorumIsThere) {
  PluginBench bench;
  bench.allocator.waiting = true;
  auto const reply = bench.start("IpamDriver.RequestAddress", address());
  bench.scheduler.advance(3s);
  bench.allocator.reach_quorum();
  EXPECT_EQ(reply->body, granted("10.32.0.1/12") + "\n");
  bench.scheduler.advance(20s);
  EXPECT_EQ(bench.allocator.held.size(), 1U);
}

TEST(IpamDriver, GivesBackWhatIsGrantedAfterTheDeadline) {
  PluginBench bench;
  bench.allocator.waiting = true;
  bench.allocator.heeds_cancel = false;
  auto const any = bench.start("IpamDriver.RequestAddress", address());
  auto const claim = bench.start("IpamDriver.RequestAddress", address("10.40.9.9"));
  bench.scheduler.advance(10s);
  bench.allocator.reach_quorum();
  EXPECT_TRUE(bench.allocator.held.empty());
}

TEST(IpamDriver, StopsWhenTheClientLeaves) {
  PluginBench bench;
  bench.allocator.waiting = true;
  auto const reply = bench.start("IpamDriver.RequestAddress", address());
  bench.last_sink->leave();
  EXPECT_EQ(bench.allocator.cancels, 1);
  bench.allocator.reach_quorum();
  bench.scheduler.advance(20s);
  EXPECT_TRUE(bench.allocator.held.empty());
  bench.allocator.waiting = true;
  auto const claim = bench.start("IpamDriver.RequestAddress", address("10.40.9.9"));
  bench.last_sink->leave();
  bench.allocator.reach_quorum();
  EXPECT_EQ(bench.good("IpamDriver.RequestAddress", address("10.40.9.9")), granted("10.40.9.9/12"));
}

TEST(IpamDriver, EndsQuietlyWithWorkUnderWay) {
  PluginBench bench;
  bench.allocator.waiting = true;
  bench.allocator.heeds_cancel = false;
  auto const any = bench.start("IpamDriver.RequestAddress", address());
  auto const claim = bench.start("IpamDriver.RequestAddress", address("10.40.9.9"));
  bench.restart();
  bench.scheduler.advance(20s);
  bench.allocator.reach_quorum();
  SUCCEED();
}

TEST(IpamDriver, EndsDockersSearchForAPoolThatDoesNotOverlap) {
  PluginBench bench;
  int granted_pools = 0;
  while (granted_pools < 1000 && bench.call("IpamDriver.RequestPool", pool("")).status == 200) ++granted_pools;
  EXPECT_EQ(granted_pools, 50);
  EXPECT_EQ(
      bench.bad("IpamDriver.RequestPool", pool("")),
      "500 {\"Err\":\"the default subnet 10.32.0.0/12 overlaps an address or a route of this host, where Docker does "
      "not want it; to have it nevertheless, name it: --subnet 10.32.0.0/12\"}\n");
  EXPECT_TRUE(bench.good("IpamDriver.RequestPool", pool("10.32.0.0/12")).starts_with("{\"Error\":\"\""));
  bench.scheduler.advance(2s);
  EXPECT_TRUE(bench.good("IpamDriver.RequestPool", pool("")).starts_with("{\"Error\":\"\""));
}

TEST(IpamDriver, ReleasesWithoutQuorum) {
  PluginBench bench;
  bench.allocator.waiting = true;
  EXPECT_EQ(bench.good("IpamDriver.ReleaseAddress", release("10.32.0.7")), "{}");
  EXPECT_TRUE(bench.good("IpamDriver.RequestPool", pool("")).starts_with("{\"Error\":\"\""));
}

} // namespace
} // namespace weave::plugin
