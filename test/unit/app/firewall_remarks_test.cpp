#include "controller/app/firewall_remarks.hpp"

#include <gtest/gtest.h>

namespace weave::controller {
namespace {

using Words = std::vector<std::string>;

TEST(FirewallPlaces, AreTheOwnTableAndTheKindsOfIptables) {
  datapath::FirewallState state;
  state.iptables = {"iptables-nft"};
  EXPECT_EQ(firewall_places(state).rules, (Words{"nftables", "iptables-nft"}));
  state.table_refusal = Error{ErrorKind::refused, "no inet here"};
  EXPECT_EQ(firewall_places(state).rules, Words{"iptables-nft"});
  EXPECT_EQ(firewall_places(state).nftables_refusal, "no inet here");
}

TEST(FirewallRemarks, SayWhatStopsContainers) {
  datapath::FirewallState state;
  datapath::FirewallWish wish;
  wish.bridge = "weave";
  EXPECT_TRUE(firewall_remarks(state, wish).empty());
  state.mixed = true;
  state.foreign.closed = {"inet filter forward"};
  auto const remarks = firewall_remarks(state, wish, "no D-Bus");
  ASSERT_EQ(remarks.size(), 3U);
  EXPECT_EQ(remarks[0].what, "every packet passes two firewalls");
  EXPECT_EQ(remarks[1].cause, "the chain inet filter forward of nftables drops what is forwarded");
  EXPECT_EQ(remarks[2].cause, "firewalld did not take the bridge weave into a zone: no D-Bus");
}

} // namespace
} // namespace weave::controller
