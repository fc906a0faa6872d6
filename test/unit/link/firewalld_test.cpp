#include "datapath/link/firewalld.hpp"

#include <gtest/gtest.h>

namespace weave::datapath {
namespace {

using Words = std::vector<std::string>;

/// Stands in for firewall-cmd: lists what a test says, refuses what it says, remembers the rest.
struct Firewalld {
  std::string zones = "public trusted";
  std::string policies = "allow-host-ipv6";
  bool installed = true;
  bool running = true;
  bool knows_policies = true;
  /// What firewall-cmd ends with while nobody answers it.
  int absence = 252;
  std::string refused = {};
  std::vector<std::string> changes = {};

  CommandResult answer(Words const& command) {
    auto const& last = command.back();
    if (command.front() == "firewall-cmd" && !running) return {absence, {}, "FirewallD is not running\n"};
    if (last == "--get-zones") return {0, zones + "\n", {}};
    if (last == "--get-policies" && !knows_policies) return {2, {}, "unrecognized arguments: --get-policies\n"};
    if (last == "--get-policies") return {0, policies + "\n", {}};
    std::string text;
    for (auto const& word : command) text.append(text.empty() ? "" : " ").append(word);
    if (!refused.empty() && last == refused) return {13, {}, "Error: INVALID_ZONE: weave\n"};
    changes.push_back(text);
    return {};
  }
  ConverseCommand converse() {
    return [this](Words const& command, std::string_view) -> Result<CommandResult> {
      if (!installed) return failure(ErrorKind::not_found, command.front() + ": not found");
      return answer(command);
    };
  }
};

TEST(Firewalld, gets_zone_and_policy_once_and_is_reloaded_then) {
  Firewalld firewalld;
  ASSERT_TRUE(join_firewalld("weave", firewalld.converse()));
  EXPECT_EQ(
      firewalld.changes,
      (Words{"firewall-cmd --permanent --new-zone=weave", "firewall-cmd --permanent --zone=weave --set-target=ACCEPT",
             "firewall-cmd --permanent --zone=weave --add-interface=weave",
             "firewall-cmd --permanent --new-policy=weave-forwarding",
             "firewall-cmd --permanent --policy=weave-forwarding --set-target=ACCEPT",
             "firewall-cmd --permanent --policy=weave-forwarding --add-ingress-zone=ANY",
             "firewall-cmd --permanent --policy=weave-forwarding --add-egress-zone=weave", "firewall-cmd --reload"}));
}

TEST(Firewalld, is_not_reloaded_where_all_is_there_but_the_bridge) {
  Firewalld firewalld{.zones = "public weave", .policies = "weave-forwarding"};
  ASSERT_TRUE(join_firewalld("weave", firewalld.converse()));
  EXPECT_EQ(firewalld.changes, (Words{"firewall-cmd --permanent --zone=weave --add-interface=weave",
                                      "firewall-cmd --zone=weave --change-interface=weave"}));
}

TEST(Firewalld, does_without_policies_where_they_are_not_known) {
  Firewalld firewalld{.knows_policies = false};
  ASSERT_TRUE(join_firewalld("weave", firewalld.converse()));
  EXPECT_EQ(firewalld.changes.size(), 4U);
  EXPECT_EQ(firewalld.changes.back(), "firewall-cmd --reload");
}

TEST(Firewalld, says_what_it_refuses) {
  Firewalld firewalld{.refused = "--new-zone=weave"};
  auto const joined = join_firewalld("weave", firewalld.converse());
  ASSERT_FALSE(joined);
  EXPECT_EQ(joined.error().text(), "firewall-cmd --new-zone=weave: Error: INVALID_ZONE: weave");
  firewalld.running = false;
  EXPECT_EQ(join_firewalld("weave", firewalld.converse()).error().kind(), ErrorKind::unavailable);
}

TEST(Firewalld, is_left_as_it_was_found) {
  Firewalld firewalld{.zones = "public weave", .policies = "weave-forwarding"};
  ASSERT_TRUE(leave_firewalld(firewalld.converse()));
  EXPECT_EQ(firewalld.changes, (Words{"firewall-cmd --permanent --delete-policy=weave-forwarding",
                                      "firewall-cmd --permanent --delete-zone=weave", "firewall-cmd --reload"}));
  Firewalld stopped{.zones = "public weave", .policies = "weave-forwarding", .running = false};
  ASSERT_TRUE(leave_firewalld(stopped.converse()));
  EXPECT_EQ(stopped.changes, (Words{"firewall-offline-cmd --delete-policy=weave-forwarding",
                                    "firewall-offline-cmd --delete-zone=weave"}));
  Firewalld busless{.zones = "weave", .running = false, .absence = 254};
  ASSERT_TRUE(leave_firewalld(busless.converse()));
  EXPECT_EQ(busless.changes, Words{"firewall-offline-cmd --delete-zone=weave"});
  Firewalld strange;
  ASSERT_TRUE(leave_firewalld(strange.converse()));
  Firewalld absent{.installed = false};
  ASSERT_TRUE(leave_firewalld(absent.converse()));
  EXPECT_TRUE(strange.changes.empty() && absent.changes.empty());
}

} // namespace
} // namespace weave::datapath
