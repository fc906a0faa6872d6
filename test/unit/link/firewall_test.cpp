#include "datapath/link/firewall.hpp"

#include <gtest/gtest.h>

namespace weave::datapath {
namespace {

using Words = std::vector<std::string>;

Exposure exposure(char const* text, bool masquerade = true) {
  return {.address = Ipv4Cidr::parse(text).value(), .masquerade = masquerade};
}

/// Stands in for iptables: prints what a test says, remembers what it was given.
struct Iptables {
  std::string saved = {};
  int restore_status = 0;
  std::vector<std::string> scripts = {};
  bool installed = true;
  /// A rule that somebody takes away while we work.
  std::string stolen = {};

  /// As iptables-save tells what a script has made.
  void take(std::string_view script) {
    saved = script;
    for (auto at = saved.find("-I "); at != std::string::npos; at = saved.find("-I ")) saved.replace(at, 3, "-A ");
    if (auto const at = saved.find(stolen); !stolen.empty()) saved.erase(at, stolen.size());
  }

  OverlayFirewall firewall() {
    return OverlayFirewall{[this](Words const& command, std::string_view input) -> Result<CommandResult> {
      if (!installed) return failure(ErrorKind::not_found, command[0] + ": not found");
      if (command == Words{"iptables-save"}) return CommandResult{.status = 0, .output = saved, .errors = {}};
      EXPECT_EQ(command, (Words{"iptables-restore", "-w", "5", "--noflush"}));
      scripts.emplace_back(input);
      if (restore_status == 0) take(input);
      return CommandResult{.status = restore_status, .output = {}, .errors = "line 3 failed\n"};
    }};
  }
};

constexpr auto kBare = "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -j DOCKER-USER\nCOMMIT\n";
constexpr auto kApplied =
    "*nat\n:POSTROUTING ACCEPT [0:0]\n:WEAVE - [0:0]\n-A POSTROUTING -j WEAVE\n"
    "-A WEAVE -s 10.2.1.0/24 -d 224.0.0.0/4 -j RETURN\nCOMMIT\n"
    "*filter\n:FORWARD DROP [0:0]\n:WEAVE-EXPOSE - [0:0]\n:WEAVE-FORWARD - [0:0]\n"
    "-A FORWARD -j WEAVE-FORWARD\n-A FORWARD -j DOCKER-USER\n"
    "-A WEAVE-EXPOSE -d 10.2.1.0/24 -j ACCEPT\n-A WEAVE-FORWARD -i weave -o weave -j ACCEPT\nCOMMIT\n";

TEST(FirewallScript, lets_the_overlay_pass_and_tracks_nothing_while_nothing_is_exposed) {
  EXPECT_EQ(firewall_script({.bridge = "weave", .docker_bridge = "docker0", .exposures = {}}, kBare),
            "*filter\n:WEAVE-FORWARD - [0:0]\n:WEAVE-EXPOSE - [0:0]\n:WEAVE-INPUT - [0:0]\n"
            "-A WEAVE-FORWARD -i docker0 -o weave -j DROP\n"
            "-A WEAVE-FORWARD -i weave -o weave -j ACCEPT\n"
            "-A WEAVE-FORWARD -o weave -j WEAVE-EXPOSE\n"
            "-A WEAVE-FORWARD -i weave ! -o weave -j ACCEPT\n"
            "-I FORWARD -j WEAVE-FORWARD\n-I INPUT -j WEAVE-INPUT\nCOMMIT\n");
}

TEST(FirewallScript, keeps_containers_from_ports_that_are_not_for_them) {
  auto const script = firewall_script({.bridge = "weave",
                                       .docker_bridge = "docker0",
                                       .exposures = {},
                                       .local_set = {},
                                       .tcp_ports = {6783},
                                       .udp_ports = {6784},
                                       .loopback_ports = {6782},
                                       .names = true},
                                      kBare);
  EXPECT_NE(script.find("-A WEAVE-INPUT -i docker0 -p tcp -m tcp --dport 6783 -j DROP\n"
                        "-A WEAVE-INPUT -i docker0 -p udp -m udp --dport 6784 -j DROP\n"
                        "-A WEAVE-INPUT -i weave -p tcp -m tcp --dport 6783 -j DROP\n"
                        "-A WEAVE-INPUT -i weave -p udp -m udp --dport 6784 -j DROP\n"
                        "-A WEAVE-INPUT -i docker0 -p udp -m udp --dport 53 -j ACCEPT\n"
                        "-A WEAVE-INPUT -i docker0 -p tcp -m tcp --dport 53 -j ACCEPT\n"
                        "-A WEAVE-INPUT -d 127.0.0.0/8 ! -i lo -p tcp -m tcp --dport 6782 -j DROP\n"
                        "-I FORWARD -j WEAVE-FORWARD\n-I INPUT -j WEAVE-INPUT\nCOMMIT\n"),
            std::string::npos)
      << script;
}

TEST(FirewallScript, spares_local_containers_before_all_else_in_the_nat_table) {
  auto const script = firewall_script({.bridge = "weave",
                                       .docker_bridge = "weave",
                                       .exposures = {exposure("10.2.1.254/24")},
                                       .local_set = "weaver-no-masq-local"},
                                      kBare);
  EXPECT_NE(script.find("*nat\n:WEAVE - [0:0]\n"
                        "-A WEAVE -m set --match-set weaver-no-masq-local dst -m comment --comment \"Prevent SNAT to "
                        "locally running containers\" -j RETURN\n-A WEAVE -s 10.2.1.0/24 -d 224.0.0.0/4 -j RETURN\n"),
            std::string::npos)
      << script;
}

TEST(FirewallScript, exposes_networks) {
  auto const script = firewall_script({.bridge = "weave",
                                       .docker_bridge = "weave",
                                       .exposures = {exposure("10.2.1.254/24"), exposure("10.2.2.254/24", false)}},
                                      kBare);
  EXPECT_EQ(script,
            "*filter\n:WEAVE-FORWARD - [0:0]\n:WEAVE-EXPOSE - [0:0]\n:WEAVE-INPUT - [0:0]\n"
            "-A WEAVE-FORWARD -i weave -o weave -j ACCEPT\n"
            "-A WEAVE-FORWARD -o weave -j WEAVE-EXPOSE\n"
            "-A WEAVE-FORWARD -i weave ! -o weave -j ACCEPT\n"
            "-A WEAVE-FORWARD -o weave -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
            "-A WEAVE-EXPOSE -d 10.2.1.0/24 -j ACCEPT\n-A WEAVE-EXPOSE -d 10.2.2.0/24 -j ACCEPT\n"
            "-I FORWARD -j WEAVE-FORWARD\n-I INPUT -j WEAVE-INPUT\nCOMMIT\n"
            "*nat\n:WEAVE - [0:0]\n"
            "-A WEAVE -s 10.2.1.0/24 -d 224.0.0.0/4 -j RETURN\n"
            "-A WEAVE -d 10.2.1.0/24 ! -s 10.2.1.0/24 -j MASQUERADE\n"
            "-A WEAVE -s 10.2.1.0/24 ! -d 10.2.1.0/24 -j MASQUERADE\n"
            "-A POSTROUTING -j WEAVE\nCOMMIT\n");
}

TEST(FirewallScript, jumps_once_and_leaves_nothing_of_what_is_hidden) {
  auto const script = firewall_script({.bridge = "weave", .docker_bridge = {}, .exposures = {}}, kApplied);
  EXPECT_EQ(script.find("-I FORWARD"), std::string::npos);
  EXPECT_TRUE(script.ends_with("*nat\n-D POSTROUTING -j WEAVE\n-F WEAVE\n-X WEAVE\nCOMMIT\n")) << script;
}

TEST(FirewallScript, removal_takes_every_copy) {
  EXPECT_EQ(firewall_removal(kApplied),
            "*filter\n-D FORWARD -j WEAVE-FORWARD\n-F WEAVE-FORWARD\n-F WEAVE-EXPOSE\n-X WEAVE-FORWARD\n"
            "-X WEAVE-EXPOSE\nCOMMIT\n*nat\n-D POSTROUTING -j WEAVE\n-F WEAVE\n-X WEAVE\nCOMMIT\n");
  EXPECT_EQ(firewall_removal("*filter\n-A FORWARD -j WEAVE-FORWARD\n-A FORWARD -j WEAVE-FORWARD\nCOMMIT\n"),
            "*filter\n-D FORWARD -j WEAVE-FORWARD\n-D FORWARD -j WEAVE-FORWARD\nCOMMIT\n");
  EXPECT_EQ(firewall_removal(kBare), "");
}

TEST(OverlayFirewall, notices_what_others_do_to_its_rules_and_nothing_else) {
  Iptables iptables{.saved = kBare};
  auto firewall = iptables.firewall();
  ASSERT_TRUE(firewall.apply({.bridge = "weave", .docker_bridge = {}, .exposures = {exposure("10.2.1.254/24")}}));
  EXPECT_EQ(iptables.scripts.size(), 1U);
  EXPECT_TRUE(firewall.intact().value());
  iptables.saved += "*mangle\n-A FORWARD -j ACCEPT\nCOMMIT\n";
  EXPECT_TRUE(firewall.intact().value());
  for (auto const* const victim : {"-A FORWARD -j WEAVE-FORWARD\n", "-A WEAVE-EXPOSE -d 10.2.1.0/24 -j ACCEPT\n",
                                   "-A POSTROUTING -j WEAVE\n", "-A WEAVE -s 10.2.1.0/24 -d 224.0.0.0/4 -j RETURN\n"}) {
    auto const whole = iptables.saved;
    iptables.saved.erase(iptables.saved.find(victim), std::string{victim}.size());
    EXPECT_FALSE(firewall.intact().value()) << victim;
    iptables.saved = whole;
    EXPECT_TRUE(firewall.intact().value());
  }
}

TEST(OverlayFirewall, does_not_take_for_its_own_what_others_do_meanwhile) {
  for (auto const* const rule : {"-A FORWARD -j WEAVE-FORWARD\n", "-A WEAVE-FORWARD -i weave -o weave -j ACCEPT\n"}) {
    Iptables iptables{.saved = kBare, .stolen = rule};
    auto firewall = iptables.firewall();
    ASSERT_TRUE(firewall.apply({.bridge = "weave", .docker_bridge = {}, .exposures = {}}));
    EXPECT_FALSE(firewall.intact().value()) << rule;
    iptables.stolen.clear();
    iptables.saved = kBare;
    ASSERT_TRUE(firewall.apply({.bridge = "weave", .docker_bridge = {}, .exposures = {}}));
    EXPECT_TRUE(firewall.intact().value());
  }
}

TEST(OverlayFirewall, says_what_failed) {
  Iptables iptables{.saved = kBare, .restore_status = 2};
  auto const applied = iptables.firewall().apply({.bridge = "weave", .docker_bridge = {}, .exposures = {}});
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().text(), "iptables-restore failed (exit status 2): line 3 failed");
}

TEST(OverlayFirewall, does_without_a_set_that_iptables_cannot_match) {
  std::vector<std::string> scripts;
  OverlayFirewall firewall{[&](Words const& command, std::string_view input) -> Result<CommandResult> {
    if (command[0] == "iptables-save") return CommandResult{.status = 0, .output = kBare, .errors = {}};
    scripts.emplace_back(input);
    bool const with_set = input.find("--match-set") != std::string_view::npos;
    return CommandResult{.status = with_set ? 1 : 0, .output = {}, .errors = "line 8 failed\n"};
  }};
  FirewallWish wish{.bridge = "weave",
                    .docker_bridge = {},
                    .exposures = {exposure("10.2.1.254/24")},
                    .local_set = "weaver-no-masq-local"};
  EXPECT_TRUE(firewall.apply(wish));
  EXPECT_EQ(scripts.size(), 2U);
  ASSERT_TRUE(firewall.set_refusal());
  EXPECT_EQ(firewall.set_refusal()->text(), "iptables-restore failed (exit status 1): line 8 failed");
  wish.local_set.clear();
  EXPECT_TRUE(firewall.apply(wish));
  EXPECT_FALSE(firewall.set_refusal());
}

TEST(OverlayFirewall, does_not_blame_the_set_for_a_lock_that_others_hold) {
  std::vector<std::string> scripts;
  OverlayFirewall firewall{[&](Words const& command, std::string_view input) -> Result<CommandResult> {
    if (command[0] == "iptables-save") return CommandResult{.status = 0, .output = kBare, .errors = {}};
    scripts.emplace_back(input);
    return CommandResult{.status = 4, .output = {}, .errors = "Another app is currently holding the xtables lock\n"};
  }};
  EXPECT_FALSE(firewall.apply({.bridge = "weave",
                               .docker_bridge = {},
                               .exposures = {exposure("10.2.1.254/24")},
                               .local_set = "weaver-no-masq-local"}));
  EXPECT_EQ(scripts.size(), 1U);
  EXPECT_FALSE(firewall.set_refusal());
}

TEST(OverlayFirewall, is_content_on_a_host_without_iptables_unless_it_has_to_masquerade) {
  Iptables iptables{.installed = false};
  auto firewall = iptables.firewall();
  FirewallWish wish{.bridge = "weave", .docker_bridge = {}, .exposures = {exposure("10.2.1.254/24", false)}};
  EXPECT_TRUE(firewall.apply(wish));
  EXPECT_TRUE(firewall.intact().value());
  EXPECT_TRUE(firewall.remove());
  wish.exposures[0].masquerade = true;
  EXPECT_EQ(firewall.apply(wish).error().kind(), ErrorKind::not_found);
}

} // namespace
} // namespace weave::datapath
