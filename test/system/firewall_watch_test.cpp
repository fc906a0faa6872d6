#include "datapath/link/firewall_watch.hpp"

#include <optional>
#include <poll.h>

#include <gtest/gtest.h>

#include "test/system/scratch_namespace.hpp"

namespace weave::datapath {
namespace {

class FirewallWatchSystem : public testing::Test {
 protected:
  void open(test::ScratchNamespace& host) {
    EXPECT_TRUE(host.run([&]() -> Result<void> {
      auto opened = FirewallWatch::open();
      if (!opened) return failure_of(opened);
      watch_.emplace(std::move(*opened));
      return {};
    }));
  }
  FirewallTouch touch() {
    pollfd waiting{.fd = watch_->fd(), .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, 0) <= 0) return FirewallTouch::none;
    return watch_->touched().value();
  }
  bool told() { return touch() != FirewallTouch::none; }
  bool older_changed(test::ScratchNamespace& host) {
    bool changed = false;
    EXPECT_TRUE(host.run([&]() -> Result<void> {
      changed = watch_->older_tables_changed();
      return {};
    }));
    return changed;
  }

  std::optional<FirewallWatch> watch_;
};

TEST_F(FirewallWatchSystem, IsToldOfChangesByNfTables) {
  WEAVE_SCRATCH_NAMESPACE(host);
  if (host->shell("iptables-nft -N PROBE 2>/dev/null") != 0) GTEST_SKIP() << "no iptables by nf_tables in this kernel";
  open(*host);
  EXPECT_FALSE(told());
  ASSERT_EQ(host->shell("nft add table ip elsewhere"), 0);
  EXPECT_FALSE(told()) << "a table that is not iptables'";
  for (auto const* const harm : {"iptables-nft -A FORWARD -i eth7 -j ACCEPT", "iptables-nft -F",
                                 "iptables-nft -t nat -A POSTROUTING -j ACCEPT", "nft flush ruleset"}) {
    ASSERT_EQ(host->shell(harm), 0) << harm;
    EXPECT_TRUE(told()) << harm;
    EXPECT_FALSE(told());
  }
}

TEST_F(FirewallWatchSystem, TellsALossFromOtherChanges) {
  WEAVE_SCRATCH_NAMESPACE(host);
  if (host->shell("iptables-nft -N WEAVE-FORWARD 2>/dev/null") != 0) {
    GTEST_SKIP() << "no iptables by nf_tables in this kernel";
  }
  ASSERT_EQ(host->shell("iptables-nft -N DOCKER && nft 'add table inet weave; add chain inet weave input'"), 0);
  open(*host);
  for (auto const* const change :
       {"iptables-nft -A DOCKER -i eth7 -j ACCEPT", "iptables-nft -F DOCKER", "iptables-nft -A FORWARD -i eth7",
        "iptables-nft -A WEAVE-FORWARD -i eth7", "nft add rule inet weave input drop"}) {
    ASSERT_EQ(host->shell(change), 0) << change;
    EXPECT_EQ(touch(), FirewallTouch::some) << change;
  }
  for (auto const* const harm : {"iptables-nft -F WEAVE-FORWARD", "iptables-nft -D FORWARD 1",
                                 "iptables-nft -X WEAVE-FORWARD", "nft flush table inet weave", "nft flush ruleset"}) {
    ASSERT_EQ(host->shell(harm), 0) << harm;
    EXPECT_EQ(touch(), FirewallTouch::loss) << harm;
  }
}

TEST_F(FirewallWatchSystem, SeesTheOlderTablesGrowAndShrinkAndMakesNone) {
  WEAVE_SCRATCH_NAMESPACE(host);
  open(*host);
  EXPECT_FALSE(older_changed(*host));
  EXPECT_EQ(host->shell("test -z \"$(cat /proc/thread-self/net/ip_tables_names 2>/dev/null)\""), 0) << "made by asking";
  if (host->shell("iptables-legacy -N PROBE 2>/dev/null") != 0) GTEST_SKIP() << "no older iptables in this kernel";
  EXPECT_TRUE(older_changed(*host));
  EXPECT_FALSE(older_changed(*host));
  ASSERT_EQ(host->shell("iptables-legacy -A FORWARD -i eth7 -j ACCEPT"), 0);
  EXPECT_TRUE(older_changed(*host));
  ASSERT_EQ(host->shell("iptables-legacy -F"), 0);
  EXPECT_TRUE(older_changed(*host));
}

} // namespace
} // namespace weave::datapath
