#include "datapath/link/firewall.hpp"

#include <map>

#include <gtest/gtest.h>

#include "datapath/link/overlay_table_script.hpp"

namespace weave::datapath {
namespace {

using Words = std::vector<std::string>;

Exposure exposure(char const* text, bool masquerade = true) {
  return {.address = Ipv4Cidr::parse(text).value(), .masquerade = masquerade};
}

/// Stands in for one kind of iptables: prints what others have there and what it was given, and remembers that.
struct Iptables {
  std::string others = {};
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
  CommandResult answer(Words const& command, std::string_view input) {
    if (command[0].ends_with("-save")) return {.status = 0, .output = others + saved, .errors = {}};
    EXPECT_EQ(Words(command.begin() + 1, command.end()), (Words{"-w", "5", "--noflush"})) << command[0];
    scripts.emplace_back(input);
    if (restore_status == 0) take(input);
    return {.status = restore_status, .output = {}, .errors = "line 3 failed\n"};
  }
};

/// A host with one or both kinds of it, and with nftables or without.
struct Host {
  std::string version = "iptables v1.6.1";
  std::map<std::string, Iptables> kinds = {};
  bool nftables = false;
  std::string table = {};
  std::string chains = {};

  OverlayFirewall firewall() {
    return OverlayFirewall{[this](std::string const& script) { return nft(script); },
                           [this](Words const& command, std::string_view input) -> Result<CommandResult> {
                             if (kinds.empty()) return failure(ErrorKind::not_found, command[0] + ": not found");
                             if (command == Words{"iptables", "--version"})
                               return CommandResult{.status = 0, .output = version, .errors = {}};
                             auto const found = kinds.find(command[0].substr(0, command[0].rfind('-')));
                             if (found == kinds.end()) return failure(ErrorKind::not_found, command[0] + ": not found");
                             return found->second.answer(command, input);
                           }};
  }
  Result<std::string> nft(std::string const& script) {
    if (!nftables) return failure(ErrorKind::system, "nftables: Error: Could not process rule");
    if (script == overlay_table_query()) return table;
    if (script == "list chains\n") return chains;
    table = script.substr(script.find("table inet weave {"));
    return std::string{};
  }
};

constexpr auto kBare = "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -j DOCKER-USER\nCOMMIT\n";
FirewallWish plain_wish() { return {.bridge = "weave", .docker_bridge = {}, .exposures = {}}; }

TEST(OverlayFirewall, notices_what_others_do_to_its_rules_and_nothing_else) {
  Host host{.kinds = {{"iptables", {.others = kBare}}}};
  auto& iptables = host.kinds.at("iptables");
  auto firewall = host.firewall();
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
    Host host{.kinds = {{"iptables", {.others = kBare, .stolen = rule}}}};
    auto firewall = host.firewall();
    ASSERT_TRUE(firewall.apply(plain_wish()));
    EXPECT_FALSE(firewall.intact().value()) << rule;
    host.kinds.at("iptables").stolen.clear();
    host.kinds.at("iptables").saved.clear();
    ASSERT_TRUE(firewall.apply(plain_wish()));
    EXPECT_TRUE(firewall.intact().value());
  }
}

TEST(OverlayFirewall, keeps_drops_and_masquerading_in_a_table_of_its_own) {
  Host host{.kinds = {{"iptables", {.others = kBare}}}, .nftables = true};
  auto firewall = host.firewall();
  FirewallWish const wish{.bridge = "weave", .docker_bridge = "docker0", .exposures = {exposure("10.2.1.254/24")}};
  ASSERT_TRUE(firewall.apply(wish));
  EXPECT_FALSE(firewall.state().table_refusal);
  EXPECT_NE(host.table.find("masquerade"), std::string::npos);
  EXPECT_EQ(host.kinds.at("iptables").saved.find("MASQUERADE"), std::string::npos);
  EXPECT_EQ(host.kinds.at("iptables").saved.find("DROP"), std::string::npos);
  EXPECT_TRUE(firewall.intact().value());
  host.table.clear();
  EXPECT_FALSE(firewall.intact().value());
  host.kinds.at("iptables").saved.clear();
  ASSERT_TRUE(firewall.apply(wish));
  EXPECT_TRUE(firewall.intact().value());
  host.nftables = false;
  ASSERT_TRUE(firewall.apply(wish));
  EXPECT_TRUE(firewall.state().table_refusal) << "what the kernel cannot is done by iptables";
  EXPECT_NE(host.kinds.at("iptables").saved.find("MASQUERADE"), std::string::npos);
}

TEST(OverlayFirewall, accepts_where_others_filter) {
  Host host{.version = "iptables v1.8.9 (nf_tables)",
            .kinds = {{"iptables-nft", {}}, {"iptables-legacy", {.others = kBare}}},
            .nftables = true};
  auto firewall = host.firewall();
  ASSERT_TRUE(firewall.apply(plain_wish()));
  EXPECT_EQ(firewall.state().iptables, Words{"iptables-legacy"});
  EXPECT_FALSE(firewall.state().mixed);
  EXPECT_TRUE(host.kinds.at("iptables-nft").scripts.empty());
}

TEST(OverlayFirewall, follows_docker_to_where_it_filters_and_tells_of_two_kinds) {
  Host host{.version = "iptables v1.8.9 (nf_tables)",
            .kinds = {{"iptables-nft", {}}, {"iptables-legacy", {}}},
            .nftables = true};
  auto& nft = host.kinds.at("iptables-nft");
  auto& legacy = host.kinds.at("iptables-legacy");
  auto firewall = host.firewall();
  ASSERT_TRUE(firewall.apply(plain_wish()));
  EXPECT_EQ(firewall.state().iptables, Words{"iptables-nft"}) << "the usual one, for whoever comes";
  ASSERT_TRUE(firewall.intact().value());
  legacy.others = kBare;
  EXPECT_FALSE(firewall.intact().value());
  ASSERT_TRUE(firewall.apply(plain_wish()));
  EXPECT_EQ(firewall.state().iptables, Words{"iptables-legacy"});
  EXPECT_EQ(nft.saved.find("-A FORWARD"), std::string::npos) << nft.saved;
  nft.others = kBare;
  ASSERT_TRUE(firewall.apply(plain_wish()));
  EXPECT_EQ(firewall.state().iptables, (Words{"iptables-nft", "iptables-legacy"}));
  EXPECT_TRUE(firewall.state().mixed);
}

TEST(OverlayFirewall, says_what_failed) {
  Host host{.kinds = {{"iptables", {.others = kBare, .restore_status = 2}}}};
  auto const applied = host.firewall().apply(plain_wish());
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().text(), "iptables-restore failed (exit status 2): line 3 failed");
}

TEST(OverlayFirewall, does_without_a_set_that_iptables_cannot_match) {
  std::vector<std::string> scripts;
  auto const no_nftables = [](std::string const&) -> Result<std::string> {
    return failure(ErrorKind::system, "nftables cannot be used");
  };
  OverlayFirewall firewall{no_nftables, [&](Words const& command, std::string_view input) -> Result<CommandResult> {
                             if (command[0] != "iptables-restore")
                               return CommandResult{.status = 0, .output = kBare, .errors = {}};
                             scripts.emplace_back(input);
                             bool const with_set = input.find("--match-set") != std::string_view::npos;
                             return CommandResult{
                                 .status = with_set ? 1 : 0, .output = {}, .errors = "line 8 failed\n"};
                           }};
  FirewallWish wish{.bridge = "weave",
                    .docker_bridge = {},
                    .exposures = {exposure("10.2.1.254/24")},
                    .local_set = "weaver-no-masq-local"};
  EXPECT_TRUE(firewall.apply(wish));
  EXPECT_EQ(scripts.size(), 2U);
  ASSERT_TRUE(firewall.state().set_refusal);
  EXPECT_EQ(firewall.state().set_refusal->text(), "iptables-restore failed (exit status 1): line 8 failed");
  wish.local_set.clear();
  EXPECT_TRUE(firewall.apply(wish));
  EXPECT_FALSE(firewall.state().set_refusal);
}

TEST(OverlayFirewall, does_not_blame_the_set_for_a_lock_that_others_hold) {
  Host host{.kinds = {{"iptables", {.others = kBare, .restore_status = 4}}}};
  auto firewall = host.firewall();
  EXPECT_FALSE(firewall.apply({.bridge = "weave",
                               .docker_bridge = {},
                               .exposures = {exposure("10.2.1.254/24")},
                               .local_set = "weaver-no-masq-local"}));
  EXPECT_EQ(host.kinds.at("iptables").scripts.size(), 1U);
  EXPECT_FALSE(firewall.state().set_refusal);
}

TEST(OverlayFirewall, is_content_on_a_host_without_iptables_unless_nothing_can_masquerade) {
  Host host;
  auto firewall = host.firewall();
  FirewallWish wish{.bridge = "weave", .docker_bridge = {}, .exposures = {exposure("10.2.1.254/24", false)}};
  EXPECT_TRUE(firewall.apply(wish));
  EXPECT_TRUE(firewall.intact().value());
  EXPECT_TRUE(firewall.remove());
  wish.exposures[0].masquerade = true;
  EXPECT_EQ(firewall.apply(wish).error().kind(), ErrorKind::not_found);
  host.nftables = true;
  EXPECT_TRUE(firewall.apply(wish));
  EXPECT_TRUE(firewall.intact().value());
}

} // namespace
} // namespace weave::datapath
