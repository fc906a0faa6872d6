#include "datapath/link/firewall.hpp"

#include <gtest/gtest.h>

#include "test/system/scratch_namespace.hpp"

namespace weave::datapath {
namespace {

Exposure exposure(char const* text) { return {.address = Ipv4Cidr::parse(text).value()}; }

TEST(OverlayFirewallSystem, AppliesNoticesAndRemoves) {
  WEAVE_SCRATCH_NAMESPACE(host);
  if (run_command({"iptables-save", "--version"}).value_or(1) != 0) GTEST_SKIP() << "no iptables";
  if (host->shell("iptables -N PROBE 2>/dev/null && iptables -X PROBE") != 0) {
    GTEST_SKIP() << "this iptables has no tables in this kernel";
  }
  OverlayFirewall firewall;
  auto const inside = [&](auto work) {
    Result<void> outcome;
    EXPECT_TRUE(host->run([&]() -> Result<void> { return outcome = work(); })) << outcome.error().text();
  };
  auto const intact = [&] {
    bool is = false;
    inside([&]() -> Result<void> {
      is = firewall.intact().value();
      return {};
    });
    return is;
  };
  auto const has = [&](std::string const& rule) {
    return host->shell("iptables-save | grep -qx -- '" + rule + "'") == 0;
  };

  ASSERT_EQ(host->shell("iptables -P FORWARD DROP && iptables -A FORWARD -i eth7 -j ACCEPT"), 0);
  FirewallWish wish{.bridge = "weave", .docker_bridge = "docker0", .exposures = {}};
  inside([&] { return firewall.apply(wish); });
  EXPECT_TRUE(has("-A WEAVE-FORWARD -i weave -o weave -j ACCEPT"));
  EXPECT_FALSE(has("-A POSTROUTING -j WEAVE"));
  EXPECT_TRUE(intact());

  wish.exposures = {exposure("10.2.1.254/24"), exposure("10.2.2.254/24")};
  inside([&] { return firewall.apply(wish); });
  inside([&] { return firewall.apply(wish); });
  EXPECT_TRUE(has("-A WEAVE-EXPOSE -d 10.2.1.0/24 -j ACCEPT"));
  EXPECT_TRUE(has("-A WEAVE -s 10.2.1.0/24 -d 224.0.0.0/4 -j RETURN"));
  EXPECT_EQ(host->shell("test $(iptables-save | grep -c MASQUERADE) = 4"), 0);
  EXPECT_EQ(host->shell("test $(iptables -S FORWARD | grep -c WEAVE-FORWARD) = 1"), 0);
  EXPECT_TRUE(intact());

  for (auto const* const harm : {"iptables -F", "iptables -t nat -F", "iptables -D FORWARD -j WEAVE-FORWARD",
                                 "iptables -F && iptables -X", "iptables -t nat -D POSTROUTING -j WEAVE"}) {
    ASSERT_EQ(host->shell(harm), 0) << harm;
    EXPECT_FALSE(intact()) << harm;
    inside([&] { return firewall.apply(wish); });
    EXPECT_TRUE(intact()) << harm;
    EXPECT_EQ(host->shell("test $(iptables-save | grep -c MASQUERADE) = 4"), 0) << harm;
  }
  ASSERT_EQ(host->shell("iptables -A INPUT -i eth7 -j DROP"), 0);
  EXPECT_TRUE(intact());

  inside([&] { return firewall.remove(); });
  EXPECT_NE(host->shell("iptables-save | grep -qi weave"), 0);
  EXPECT_TRUE(has("-A INPUT -i eth7 -j DROP"));
  inside([&] { return firewall.remove(); });
}

} // namespace
} // namespace weave::datapath
