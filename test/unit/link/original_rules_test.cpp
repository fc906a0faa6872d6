#include "datapath/link/original_rules.hpp"

#include <map>

#include <gtest/gtest.h>

namespace weave::datapath {
namespace {

using Words = std::vector<std::string>;

OriginalRules const kUsual{.bridge = "weave", .docker_bridge = "docker0"};

constexpr auto kLeft =
    "*mangle\n:PREROUTING ACCEPT [0:0]\n:WEAVE-CANARY - [0:0]\n:WEAVE-IPSEC-IN - [0:0]\n"
    ":WEAVE-IPSEC-IN-MARK - [0:0]\n-A INPUT -j WEAVE-IPSEC-IN\n"
    "-A WEAVE-IPSEC-IN -s 192.0.2.2/32 -p esp -m esp --espspi 7 -j WEAVE-IPSEC-IN-MARK\nCOMMIT\n"
    "*filter\n:FORWARD DROP [0:0]\n:WEAVE-CANARY - [0:0]\n:WEAVE-EXPOSE - [0:0]\n"
    "-A INPUT -d 172.17.0.1/32 -i docker0 -p tcp -m tcp --dport 6783 -j DROP\n"
    "-A INPUT -i docker0 -p udp -m udp --dport 53 -j ACCEPT\n"
    "-A INPUT -i docker0 -p tcp -m tcp --dport 8053 -j ACCEPT\n"
    "-A FORWARD -i docker0 -o weave -j DROP\n-A FORWARD -i weave -o weave -j ACCEPT\n"
    "-A FORWARD -o weave -j WEAVE-EXPOSE\n-A FORWARD -i weave ! -o weave -j ACCEPT\n"
    "-A FORWARD -o weave -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
    "-A FORWARD -j DOCKER-USER\n-A FORWARD -i weave2 -o weave2 -j ACCEPT\n"
    "-A OUTPUT ! -p esp -m policy --dir out --pol none -m mark --mark 0x20000/0x20000 -j DROP\n"
    "-A WEAVE-EXPOSE -d 10.32.0.0/12 -j ACCEPT\nCOMMIT\n"
    "*nat\n:WEAVE - [0:0]\n:WEAVE-CANARY - [0:0]\n-A POSTROUTING -j WEAVE\n"
    "-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE\n"
    "-A WEAVE -s 10.32.0.0/12 ! -d 10.32.0.0/12 -j MASQUERADE\nCOMMIT\n";

constexpr auto kPlain =
    "-D INPUT -d 172.17.0.1/32 -i docker0 -p tcp -m tcp --dport 6783 -j DROP\n"
    "-D INPUT -i docker0 -p udp -m udp --dport 53 -j ACCEPT\n"
    "-D FORWARD -i docker0 -o weave -j DROP\n-D FORWARD -i weave -o weave -j ACCEPT\n"
    "-D FORWARD -o weave -j WEAVE-EXPOSE\n-D FORWARD -i weave ! -o weave -j ACCEPT\n"
    "-D FORWARD -o weave -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
    "-D OUTPUT ! -p esp -m policy --dir out --pol none -m mark --mark 0x20000/0x20000 -j DROP\n";
constexpr auto kMangle =
    "*mangle\n-D INPUT -j WEAVE-IPSEC-IN\n-F WEAVE-CANARY\n-F WEAVE-IPSEC-IN\n-F WEAVE-IPSEC-IN-MARK\n"
    "-X WEAVE-CANARY\n-X WEAVE-IPSEC-IN\n-X WEAVE-IPSEC-IN-MARK\nCOMMIT\n";

TEST(OriginalRulesRemoval, leaves_chains_that_ours_share_and_rules_of_others) {
  EXPECT_EQ(original_rules_removal(kUsual, kLeft), std::string{kMangle} +
                                                       "*nat\n-F WEAVE-CANARY\n-X WEAVE-CANARY\nCOMMIT\n*filter\n" +
                                                       kPlain + "-F WEAVE-CANARY\n-X WEAVE-CANARY\nCOMMIT\n");
}

TEST(OriginalRulesRemoval, does_nothing_where_only_ours_are) {
  EXPECT_EQ(original_rules_removal(kUsual,
                                   "*filter\n:FORWARD DROP [0:0]\n:WEAVE-FORWARD - [0:0]\n"
                                   ":WEAVE-EXPOSE - [0:0]\n-A FORWARD -j WEAVE-FORWARD\n"
                                   "-A WEAVE-FORWARD -i weave -o weave -j ACCEPT\n"
                                   "-A WEAVE-FORWARD -o weave -j WEAVE-EXPOSE\nCOMMIT\n"),
            "");
}

std::string filter_with(std::string const& chain, std::string const& rules) {
  return "*filter\n:INPUT ACCEPT [0:0]\n" + chain + rules + "COMMIT\n";
}

TEST(OriginalRulesRemoval, leaves_rules_that_look_alike_where_no_original_has_been) {
  std::string const rules =
      "-A INPUT -i docker0 -p udp -m udp --dport 53 -j ACCEPT\n"
      "-A INPUT -d 172.17.0.1/32 -i docker0 -p tcp -m tcp --dport 6783 -j DROP\n"
      "-A FORWARD -i weave ! -o weave -j ACCEPT\n";
  EXPECT_EQ(original_rules_removal(kUsual, filter_with("", rules)), "");
  EXPECT_NE(original_rules_removal(kUsual, filter_with(":WEAVE-CANARY - [0:0]\n", rules)), "");
}

TEST(OriginalRulesRemoval, knows_an_original_before_2_7_by_its_jump) {
  auto const rule = std::string{"-A FORWARD -o weave -j WEAVE-EXPOSE\n"};
  EXPECT_EQ(original_rules_removal(kUsual, filter_with(":WEAVE-EXPOSE - [0:0]\n", rule)),
            "*filter\n-D FORWARD -o weave -j WEAVE-EXPOSE\nCOMMIT\n");
}

TEST(OriginalRulesRemoval, takes_only_what_an_original_writes_and_each_once) {
  std::string const others =
      "-A INPUT -s 10.0.0.0/8 -i docker0 -p udp -m udp --dport 53 -j ACCEPT\n"
      "-A INPUT -i docker0 -p udp -m udp --dport 6783 -j DROP\n"
      "-A INPUT -d 172.17.0.1/32 -i docker0 -p tcp -m tcp --dport 6784 -j DROP\n"
      "-A INPUT -d 172.17.0.1/32 -i docker0 -p tcp -m tcp --dport 22 -j DROP\n"
      "-A INPUT -s 192.0.2.9/32 -d 172.17.0.1/32 -i docker0 -p tcp -m tcp --dport 6783 -j DROP\n";
  std::string const its =
      "-A INPUT -d 172.17.0.1/32 -i docker0 -p udp -m udp --dport 7784 -j DROP\n"
      "-A INPUT -i docker0 -p tcp -m tcp --dport 53 -j ACCEPT\n"
      "-A INPUT -d 127.0.0.1/32 -p tcp -m tcp --dport 6784 -m addrtype ! --src-type LOCAL -m conntrack ! --ctstate "
      "RELATED,ESTABLISHED -m comment --comment \"Block non-local access to Weave Net control port\" -j DROP\n";
  auto which = kUsual;
  which.port = 7783;
  std::string removal = "*filter\n" + its;
  for (auto at = removal.find("-A "); at != std::string::npos; at = removal.find("-A ", at)) removal[at + 1] = 'D';
  EXPECT_EQ(original_rules_removal(which, filter_with("", its + others + its)), removal + "COMMIT\n");
}

/// Stands in for the programs of both kinds.
struct Programs {
  std::string version = "iptables v1.8.9 (nf_tables)\n";
  std::map<std::string, std::string> saved = {};
  std::map<std::string, std::string> scripts = {};

  Result<std::size_t> remove() {
    return remove_original_rules(kUsual, [this](Words const& command, std::string_view input) -> Result<CommandResult> {
      auto const& name = command.front();
      if (command == Words{"iptables", "--version"}) return CommandResult{.status = 0, .output = version, .errors = {}};
      if (name.ends_with("-restore")) {
        scripts[name] = input;
        return CommandResult{};
      }
      auto const found = saved.find(name);
      if (found == saved.end()) return failure(ErrorKind::not_found, name + ": not found");
      return CommandResult{.status = 0, .output = found->second, .errors = {}};
    });
  }
};

TEST(OriginalRules, go_from_the_kind_of_iptables_that_the_host_does_not_use) {
  Programs programs{.saved = {{"iptables-save", ""}, {"iptables-legacy-save", kLeft}}};
  EXPECT_EQ(programs.remove(), 3U);
  EXPECT_FALSE(programs.scripts.contains("iptables-restore"));
  EXPECT_NE(programs.scripts["iptables-legacy-restore"].find("-X WEAVE-CANARY\n"), std::string::npos);
}

TEST(OriginalRules, leave_chains_that_ours_share_to_the_firewall) {
  Programs programs{.version = "iptables v1.8.9 (legacy)\n", .saved = {{"iptables-save", kLeft}}};
  EXPECT_EQ(programs.remove(), 3U);
  EXPECT_EQ(programs.scripts["iptables-restore"].find("-X WEAVE\n"), std::string::npos);
}

} // namespace
} // namespace weave::datapath
