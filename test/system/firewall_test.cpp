#include "datapath/link/firewall.hpp"

#include <gtest/gtest.h>

#include "datapath/link/overlay_table_script.hpp"
#include "test/system/scratch_namespace.hpp"

namespace weave::datapath {
namespace {

Exposure exposure(char const* text) { return {.address = Ipv4Cidr::parse(text).value()}; }

FirewallWish usual_wish() {
  return {.bridge = "weave",
          .docker_bridge = "docker0",
          .exposures = {exposure("10.2.1.254/24"), exposure("10.2.2.254/24")},
          .local_ranges = {Ipv4Cidr::parse("10.2.0.0/17").value()},
          .tcp_ports = {6783},
          .udp_ports = {6783, 6784},
          .loopback_ports = {6782, 6784},
          .names = true,
          .container_bridges = {"br-0123456789ab"},
          .keep_sources = true};
}

class OverlayFirewallSystem : public testing::Test {
 protected:
  void inside(std::function<Result<void>()> const& work) {
    Result<void> outcome;
    EXPECT_TRUE(host_->run([&]() -> Result<void> { return outcome = work(); })) << outcome.error().text();
  }
  void apply(FirewallWish const& wish) {
    inside([&] { return firewall_.apply(wish); });
  }
  bool intact() {
    bool is = false;
    inside([&]() -> Result<void> {
      auto const answer = firewall_.intact();
      if (!answer) return failure_of(answer);
      is = *answer;
      return {};
    });
    return is;
  }
  int shell(std::string const& command) { return host_->shell(command); }
  bool saved(std::string const& kind, std::string const& rule) {
    return shell(kind + "-save 2>/dev/null | grep -qx -- '" + rule + "'") == 0;
  }
  bool has_table() { return shell("nft list table inet weave >/dev/null 2>&1") == 0; }
  /// Empty: as it should be.
  std::string harmed_by(std::string const& harm, FirewallWish const& wish) {
    if (shell(harm) != 0) return harm + " failed";
    if (intact()) return harm + " is not noticed";
    apply(wish);
    return intact() ? std::string{} : "not whole again after " + harm;
  }

  std::unique_ptr<test::ScratchNamespace> host_;
  OverlayFirewall firewall_;
};

#define NEEDS(command)                                                       \
  do {                                                                       \
    std::string reason;                                                      \
    host_ = test::ScratchNamespace::create(reason);                          \
    if (!host_) GTEST_SKIP() << "no network namespace: " << reason;          \
    if (shell(command) != 0) GTEST_SKIP() << "not in this kernel: " command; \
  } while (false)

TEST_F(OverlayFirewallSystem, KeepsItsOwnTableAndAcceptsInIptables) {
  NEEDS("nft add table inet probe && nft delete table inet probe && iptables-nft -N PROBE && iptables-nft -X PROBE");
  ASSERT_EQ(shell("iptables-nft -P FORWARD DROP && iptables-nft -A FORWARD -i eth7 -j ACCEPT"), 0);
  auto wish = usual_wish();
  wish.exposures.clear();
  apply(wish);
  EXPECT_FALSE(firewall_.state().table_refusal) << firewall_.state().table_refusal->text();
  EXPECT_EQ(firewall_.state().iptables, std::vector<std::string>{"iptables-nft"});
  EXPECT_TRUE(saved("iptables-nft", "-A WEAVE-FORWARD -i weave -o weave -j ACCEPT"));
  EXPECT_NE(shell("nft list table inet weave | grep -q 'type nat'"), 0);
  EXPECT_TRUE(intact());

  wish = usual_wish();
  apply(wish);
  apply(wish);
  EXPECT_TRUE(intact());
  EXPECT_TRUE(saved("iptables-nft", "-A WEAVE-EXPOSE -d 10.2.1.0/24 -j ACCEPT"));
  EXPECT_NE(shell("iptables-nft-save | grep -q MASQUERADE"), 0);
  EXPECT_EQ(shell("test $(nft list table inet weave | grep -c masquerade) = 4"), 0);
  EXPECT_EQ(shell("test $(iptables-nft -S FORWARD | grep -c WEAVE-FORWARD) = 1"), 0);

  for (auto const* const harm :
       {"iptables-nft -F", "iptables-nft -D FORWARD -j WEAVE-FORWARD", "iptables-nft -F && iptables-nft -X",
        "nft flush ruleset", "nft delete table inet weave", "nft flush chain inet weave input",
        "nft delete element inet weave container_bridges '{ \"docker0\" }'"}) {
    EXPECT_EQ(harmed_by(harm, wish), "");
  }
  ASSERT_EQ(shell("iptables-nft -F && nft list table inet weave | grep -q 'dport @host_tcp_ports drop'"), 0);
  apply(wish);
  ASSERT_EQ(shell("iptables-nft -A INPUT -i eth7 -j DROP && nft add table inet elsewhere"), 0);
  EXPECT_TRUE(intact());

  inside([&] { return firewall_.remove(); });
  EXPECT_NE(shell("nft list ruleset | grep -qi weave"), 0);
  EXPECT_TRUE(saved("iptables-nft", "-A INPUT -i eth7 -j DROP"));
  inside([&] { return firewall_.remove(); });
}

TEST_F(OverlayFirewallSystem, TakesOverFromRulesOfBefore) {
  NEEDS("nft add table inet probe && nft delete table inet probe && iptables-nft -N PROBE && iptables-nft -X PROBE");
  auto const wish = usual_wish();
  OverlayFirewall before{[](auto const&) -> Result<std::string> { return failure(ErrorKind::system, "as of old"); }};
  inside([&] { return before.apply(wish); });
  ASSERT_EQ(shell("test $(iptables-nft-save | grep -c MASQUERADE) = 4"), 0);
  apply(wish);
  EXPECT_NE(shell("iptables-nft-save -t nat | grep -q WEAVE"), 0);
  EXPECT_NE(shell("iptables-nft-save | grep -qE 'WEAVE.*DROP'"), 0);
  EXPECT_TRUE(has_table());
  EXPECT_TRUE(intact());
}

TEST_F(OverlayFirewallSystem, FollowsWhoeverFiltersByTheOlderTables) {
  NEEDS("iptables-nft -N PROBE && iptables-nft -X PROBE && iptables-legacy -N PROBE && iptables-legacy -X PROBE");
  auto const wish = usual_wish();
  apply(wish);
  ASSERT_EQ(firewall_.state().iptables.size(), 1U);
  EXPECT_EQ(harmed_by("iptables-legacy -P FORWARD DROP", wish), "");
  EXPECT_EQ(firewall_.state().iptables, std::vector<std::string>{"iptables-legacy"});
  EXPECT_TRUE(saved("iptables-legacy", "-A WEAVE-FORWARD -i weave -o weave -j ACCEPT"));
  EXPECT_NE(shell("iptables-nft-save | grep -q WEAVE"), 0) << "one place is enough";
  EXPECT_EQ(harmed_by("iptables-legacy -F", wish), "");
  EXPECT_FALSE(firewall_.state().mixed);
  EXPECT_EQ(harmed_by("iptables-nft -P FORWARD DROP", wish), "");
  EXPECT_TRUE(firewall_.state().mixed);
  EXPECT_TRUE(saved("iptables-legacy", "-A WEAVE-FORWARD -i weave -o weave -j ACCEPT"));
  EXPECT_TRUE(saved("iptables-nft", "-A WEAVE-FORWARD -i weave -o weave -j ACCEPT"));
  inside([&] { return firewall_.remove(); });
  EXPECT_NE(shell("(iptables-nft-save; iptables-legacy-save) | grep -q WEAVE"), 0);
}

TEST_F(OverlayFirewallSystem, HasAllInIptablesWhereThereAreNoNftables) {
  NEEDS("iptables -N PROBE 2>/dev/null && iptables -X PROBE");
  firewall_ = OverlayFirewall{[](auto const&) -> Result<std::string> { return failure(ErrorKind::system, "none"); }};
  ASSERT_EQ(shell("iptables -P FORWARD DROP && iptables -A FORWARD -i eth7 -j ACCEPT"), 0);
  auto wish = usual_wish();
  wish.exposures.clear();
  apply(wish);
  EXPECT_TRUE(saved("iptables", "-A WEAVE-INPUT -i docker0 -p tcp -m tcp --dport 6783 -j DROP"));
  EXPECT_FALSE(saved("iptables", "-A POSTROUTING -j WEAVE"));
  EXPECT_TRUE(intact());
  wish = usual_wish();
  apply(wish);
  EXPECT_TRUE(saved("iptables", "-A WEAVE -s 10.2.1.0/24 -d 224.0.0.0/4 -j RETURN"));
  for (auto const* const harm : {"iptables -F", "iptables -t nat -F", "iptables -D FORWARD -j WEAVE-FORWARD",
                                 "iptables -F && iptables -X", "iptables -t nat -D POSTROUTING -j WEAVE"}) {
    EXPECT_EQ(harmed_by(harm, wish), "");
    EXPECT_EQ(shell("test $(iptables-save | grep -c MASQUERADE) = 4"), 0) << harm;
  }
  inside([&] { return firewall_.remove(); });
  EXPECT_NE(shell("iptables-save | grep -qi weave"), 0);
}

} // namespace
} // namespace weave::datapath
