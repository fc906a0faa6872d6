#include "datapath/link/iptables_rules.hpp"

#include <gtest/gtest.h>

namespace weave::datapath {
namespace {

Exposure exposure(char const* text, bool masquerade = true) {
  return {.address = Ipv4Cidr::parse(text).value(), .masquerade = masquerade};
}

constexpr auto kBare = "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -j DOCKER-USER\nCOMMIT\n";
constexpr auto kApplied =
    "*nat\n:POSTROUTING ACCEPT [0:0]\n:WEAVE - [0:0]\n-A POSTROUTING -j WEAVE\n"
    "-A WEAVE -s 10.2.1.0/24 -d 224.0.0.0/4 -j RETURN\nCOMMIT\n"
    "*filter\n:FORWARD DROP [0:0]\n:WEAVE-EXPOSE - [0:0]\n:WEAVE-FORWARD - [0:0]\n"
    "-A FORWARD -j WEAVE-FORWARD\n-A FORWARD -j DOCKER-USER\n"
    "-A WEAVE-EXPOSE -d 10.2.1.0/24 -j ACCEPT\n-A WEAVE-FORWARD -i weave -o weave -j ACCEPT\nCOMMIT\n";

TEST(IptablesScript, lets_the_overlay_pass_and_tracks_nothing_while_nothing_is_exposed) {
  EXPECT_EQ(iptables_script({.bridge = "weave", .docker_bridge = "docker0", .exposures = {}}, kBare),
            "*filter\n:WEAVE-FORWARD - [0:0]\n:WEAVE-EXPOSE - [0:0]\n:WEAVE-INPUT - [0:0]\n"
            "-A WEAVE-FORWARD -i docker0 -o weave -j DROP\n"
            "-A WEAVE-FORWARD -i weave -o weave -j ACCEPT\n"
            "-A WEAVE-FORWARD -o weave -j WEAVE-EXPOSE\n"
            "-A WEAVE-FORWARD -i weave ! -o weave -j ACCEPT\n"
            "-I FORWARD -j WEAVE-FORWARD\n-I INPUT -j WEAVE-INPUT\nCOMMIT\n");
}

TEST(IptablesScript, keeps_containers_from_ports_that_are_not_for_them) {
  auto const script = iptables_script({.bridge = "weave",
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
                        "-A WEAVE-INPUT -d 127.0.0.0/8 ! -i lo -p tcp -m tcp --dport 6782 -j DROP\n"
                        "-A WEAVE-INPUT -i docker0 -p udp -m udp --dport 53 -j ACCEPT\n"
                        "-A WEAVE-INPUT -i docker0 -p tcp -m tcp --dport 53 -j ACCEPT\n"
                        "-I FORWARD -j WEAVE-FORWARD\n-I INPUT -j WEAVE-INPUT\nCOMMIT\n"),
            std::string::npos)
      << script;
}

TEST(IptablesScript, spares_local_containers_before_all_else_in_the_nat_table) {
  auto const script = iptables_script({.bridge = "weave",
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

TEST(IptablesScript, exposes_networks) {
  auto const script = iptables_script({.bridge = "weave",
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

TEST(IptablesScript, jumps_once_and_leaves_nothing_of_what_is_hidden) {
  auto const script = iptables_script({.bridge = "weave", .docker_bridge = {}, .exposures = {}}, kApplied);
  EXPECT_EQ(script.find("-I FORWARD"), std::string::npos);
  EXPECT_TRUE(script.ends_with("*nat\n-D POSTROUTING -j WEAVE\n-F WEAVE\n-X WEAVE\nCOMMIT\n")) << script;
}

TEST(IptablesScript, removal_takes_every_copy) {
  EXPECT_EQ(iptables_removal(kApplied),
            "*filter\n-D FORWARD -j WEAVE-FORWARD\n-F WEAVE-FORWARD\n-F WEAVE-EXPOSE\n-X WEAVE-FORWARD\n"
            "-X WEAVE-EXPOSE\nCOMMIT\n*nat\n-D POSTROUTING -j WEAVE\n-F WEAVE\n-X WEAVE\nCOMMIT\n");
  EXPECT_EQ(iptables_removal("*filter\n-A FORWARD -j WEAVE-FORWARD\n-A FORWARD -j WEAVE-FORWARD\nCOMMIT\n"),
            "*filter\n-D FORWARD -j WEAVE-FORWARD\n-D FORWARD -j WEAVE-FORWARD\nCOMMIT\n");
  EXPECT_EQ(iptables_removal(kBare), "");
}

TEST(IptablesScript, leaves_to_the_table_of_its_own_what_nobody_shall_flush) {
  FirewallWish const wish{.bridge = "weave",
                          .docker_bridge = "docker0",
                          .exposures = {exposure("10.2.1.254/24")},
                          .tcp_ports = {6783},
                          .udp_ports = {6783, 6784},
                          .loopback_ports = {6782},
                          .names = true};
  EXPECT_EQ(iptables_script(wish, kApplied, IptablesShare::accepts),
            "*filter\n:WEAVE-FORWARD - [0:0]\n:WEAVE-EXPOSE - [0:0]\n:WEAVE-INPUT - [0:0]\n"
            "-A WEAVE-FORWARD -i weave -o weave -j ACCEPT\n"
            "-A WEAVE-FORWARD -o weave -j WEAVE-EXPOSE\n"
            "-A WEAVE-FORWARD -i weave ! -o weave -j ACCEPT\n"
            "-A WEAVE-FORWARD -o weave -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
            "-A WEAVE-EXPOSE -d 10.2.1.0/24 -j ACCEPT\n"
            "-A WEAVE-INPUT -i docker0 -p udp -m udp --dport 53 -j ACCEPT\n"
            "-A WEAVE-INPUT -i docker0 -p tcp -m tcp --dport 53 -j ACCEPT\n"
            "-I INPUT -j WEAVE-INPUT\nCOMMIT\n"
            "*nat\n-D POSTROUTING -j WEAVE\n-F WEAVE\n-X WEAVE\nCOMMIT\n");
}

TEST(IptablesScript, keeps_containers_of_all_bridges_from_ports) {
  auto const script = iptables_script({.bridge = "weave",
                                       .docker_bridge = "docker0",
                                       .exposures = {},
                                       .tcp_ports = {6783},
                                       .container_bridges = {"br-0123456789ab"}},
                                      kBare);
  EXPECT_NE(script.find("-A WEAVE-INPUT -i br-0123456789ab -p tcp -m tcp --dport 6783 -j DROP\n"), std::string::npos);
}

TEST(IptablesRules, know_who_filters) {
  EXPECT_TRUE(iptables_filter(kBare));
  EXPECT_TRUE(iptables_filter("*filter\n:FORWARD DROP [0:0]\nCOMMIT\n"));
  EXPECT_TRUE(iptables_filter("*filter\n:FORWARD ACCEPT [0:0]\n-A INPUT -s 192.0.2.7/32 -j DROP\nCOMMIT\n"));
  EXPECT_FALSE(iptables_filter("*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n"));
  EXPECT_FALSE(iptables_filter(""));
  EXPECT_FALSE(
      iptables_filter("*filter\n:FORWARD ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:WEAVE-FORWARD - [0:0]\n"
                      "-A FORWARD -j WEAVE-FORWARD\n-A WEAVE-FORWARD -i weave -j ACCEPT\nCOMMIT\n"))
      << "our own rules";
}

TEST(IptablesRules, removal_takes_what_others_made_to_jump_to_chains_of_that_name) {
  EXPECT_EQ(iptables_removal("*filter\n:WEAVE-EXPOSE - [0:0]\n-A FORWARD -o weave -j WEAVE-EXPOSE\nCOMMIT\n"),
            "*filter\n-D FORWARD -o weave -j WEAVE-EXPOSE\n-F WEAVE-EXPOSE\n-X WEAVE-EXPOSE\nCOMMIT\n");
}

} // namespace
} // namespace weave::datapath
