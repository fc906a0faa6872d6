#include <algorithm>
#include <sstream>

#include <gtest/gtest.h>

#include "tools/absence.hpp"
#include "tools/diagnosis.hpp"
#include "tools/host_probes.hpp"
#include "tools/listening_sockets.hpp"

namespace weave::tools {
namespace {

namespace api = controller::api;

Ipv4Cidr cidr(std::string_view text) { return Ipv4Cidr::parse(text).value(); }
Ipv4Address address(std::string_view text) { return Ipv4Address::parse(text).value(); }

/// A host with nothing wrong, before weave was launched.
HostFacts well() {
  HostFacts facts;
  facts.root = true;
  facts.kernel = {.release = "6.1.0",
                  .openvswitch = Presence::loadable,
                  .vxlan = Presence::present,
                  .bpf = Presence::present,
                  .esp = Presence::loadable,
                  .tun = Presence::present,
                  .bridge = Presence::present,
                  .filters_bridged_frames = false};
  facts.firewall = {.installed = true, .backend = "nf_tables"};
  facts.docker_bridge = address("172.17.0.1");
  facts.range = cidr("10.32.0.0/12");
  facts.routes = {{cidr("192.0.2.0/24"), "eth0"}, {cidr("10.32.0.0/12"), "weave"}};
  facts.clock_synchronised = true;
  facts.year = 2026;
  facts.docker = {.endpoint = "unix:///var/run/docker.sock", .obstacle = {}, .version = "20.10.24", .networks = {}};
  return facts;
}

/// What is not fine.
std::vector<Finding> bad(std::vector<Finding> findings) {
  std::erase_if(findings, [](Finding const& finding) { return finding.severity == Severity::fine; });
  return findings;
}

/// The only one that is not fine; with a cause and something to do.
Finding finding(HostFacts const& facts) {
  auto const found = bad(diagnose_host(facts));
  EXPECT_EQ(found.size(), 1U);
  if (found.empty()) return {};
  EXPECT_NE(found[0].cause, "");
  EXPECT_NE(found[0].next, "");
  return found[0];
}

void expect(HostFacts const& facts, Severity severity, std::string_view subject, std::string_view text) {
  auto const found = finding(facts);
  EXPECT_EQ(found.severity, severity) << found.text;
  EXPECT_EQ(found.subject, subject);
  EXPECT_EQ(found.text, text);
}

TEST(Doctor, AHealthyHost) { EXPECT_EQ(bad(diagnose_host(well())), std::vector<Finding>{}); }

TEST(Doctor, Kernel) {
  auto facts = well();
  facts.kernel.openvswitch = Presence::absent;
  EXPECT_TRUE(bad(diagnose_host(facts)).empty()) << "VXLAN with BPF does as well";
  facts.kernel.vxlan = Presence::absent;
  expect(facts, Severity::warning, "kernel", "no kernel fast path, all traffic will go by sleeve");
  facts.kernel.vxlan = Presence::unknown;
  expect(facts, Severity::note, "kernel", "whether there is a kernel fast path cannot be told before a launch");

  facts = well();
  facts.kernel.tun = Presence::absent;
  expect(facts, Severity::error, "kernel", "the daemon cannot start without tun");
  facts = well();
  facts.kernel.esp = Presence::absent;
  expect(facts, Severity::note, "kernel", "with a password, traffic will go by sleeve");
  facts = well();
  facts.kernel.filters_bridged_frames = true;
  expect(facts, Severity::note, "kernel", "frames between containers pass iptables");
}

TEST(Doctor, Firewall) {
  auto facts = well();
  facts.firewall.legacy_rules = 3;
  EXPECT_TRUE(bad(diagnose_host(facts)).empty());
  facts.firewall.nft_rules = 2;
  expect(facts, Severity::warning, "firewall", "iptables rules are in two places, and every packet passes both");
  EXPECT_EQ(finding(facts).cause, "3 rules are in legacy tables, 2 in nf_tables; 'iptables' shows those of nf_tables");

  facts = well();
  facts.firewall.rejects_forwarded = true;
  expect(facts, Severity::warning, "firewall", "traffic between containers may be rejected");
  facts = well();
  facts.firewall.installed = false;
  expect(facts, Severity::note, "firewall", "'weave expose' cannot masquerade");
}

TEST(Doctor, WhoeverHangsIsNamed) {
  auto facts = well();
  facts.docker.hangs = true;
  facts.docker.obstacle = "no answer within 5.0 s";
  expect(facts, Severity::error, "docker", "Docker hangs");
  facts.absence = explain_absence({.kind = ErrorKind::timed_out, .error = "no answer within 5.0 s"});
  auto const found = diagnose_daemon(facts);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].severity, Severity::error);
  EXPECT_EQ(found[0].text, "the daemon hangs");
  EXPECT_NE(found[0].next, "");
}

TEST(Doctor, PortsInUse) {
  auto facts = well();
  facts.sockets = {{.tcp = true, .address = {}, .port = 6783, .program = "python3", .pid = 42}};
  expect(facts, Severity::error, "ports", "TCP port 6783 is not free for the daemon");
  EXPECT_EQ(finding(facts).cause, "python3 (pid 42) has it");
  facts.sockets[0].program = "weaver";
  EXPECT_TRUE(bad(diagnose_host(facts)).empty()) << "the daemon's own";
  facts.sockets = {{.tcp = true, .address = {}, .port = 6784, .program = "x", .pid = 1}};
  EXPECT_TRUE(bad(diagnose_host(facts)).empty()) << "VXLAN is UDP";
  facts.sockets[0].tcp = false;
  expect(facts, Severity::error, "ports", "UDP port 6784 is not free for the daemon");
  facts.sockets[0].program.clear();
  EXPECT_TRUE(bad(diagnose_host(facts)).empty()) << "the kernel's: the fast path goes on while weave is stopped";
  facts.root = false;
  EXPECT_TRUE(any(diagnose_host(facts), Severity::error)) << "whose it is cannot be known";
}

TEST(Doctor, PortOfDns) {
  auto facts = well();
  facts.sockets = {{.tcp = false, .address = address("127.0.0.53"), .port = 53, .program = "resolved", .pid = 9}};
  EXPECT_TRUE(bad(diagnose_host(facts)).empty()) << "another address";
  facts.sockets[0].address = facts.docker_bridge;
  expect(facts, Severity::error, "ports", "UDP port 53 is not free for weave's name server");
  facts.sockets[0].address.reset();
  expect(facts, Severity::error, "ports", "UDP port 53 is not free for weave's name server");
  facts.dns_wanted = false;
  EXPECT_TRUE(bad(diagnose_host(facts)).empty());
}

TEST(Doctor, RangeOverlaps) {
  for (auto const* route : {"10.0.0.0/8", "10.33.0.0/24", "10.32.0.0/12"}) {
    auto facts = well();
    facts.routes.push_back({cidr(route), "tun0"});
    expect(facts, Severity::error, "range", "the range 10.32.0.0/12 of containers overlaps with an existing route");
    EXPECT_EQ(finding(facts).cause, std::string{"this host reaches "} + route + " by tun0");
    facts.range_is_default = false;
    EXPECT_EQ(finding(facts).severity, Severity::warning) << "somebody chose it";
  }
}

TEST(Doctor, Clock) {
  auto facts = well();
  facts.clock_synchronised = false;
  expect(facts, Severity::note, "clock", "the clock is not kept in step");
  facts.year = 1970;
  expect(facts, Severity::error, "clock", "the clock is wrong");
}

TEST(Doctor, Docker) {
  auto facts = well();
  facts.docker.obstacle = "cannot ask Docker";
  expect(facts, Severity::warning, "docker", "containers cannot be attached");
  facts = well();
  facts.docker.too_old = true;
  expect(facts, Severity::error, "docker", "this Docker is too old");
  facts = well();
  facts.docker.networks = {{"weave", "weavemesh"}, {"blue", "weave"}, {"bridge", "bridge"}};
  expect(facts, Severity::warning, "docker", "Docker pauses or fails where containers of weave are concerned");
  EXPECT_EQ(finding(facts).cause, "it has weave's networks (weave, blue), and the daemon does not run");
  facts.report.emplace();
  EXPECT_TRUE(bad(diagnose_host(facts)).empty());
  facts.docker.networks = {{"weave", "bridge"}};
  expect(facts, Severity::error, "docker", "'docker run --net=weave' does not mean this weave");
}

TEST(Doctor, PeersByPathAndMtu) {
  auto facts = well();
  facts.absence = {Severity::note, "daemon", "weave is not running", "nobody answers", "'weave launch'"};
  EXPECT_EQ(bad(diagnose_daemon(facts)).at(0).severity, Severity::note);

  facts.report.emplace();
  facts.report->version = "3.0.0";
  facts.report->router.emplace();
  api::ConnectionStatus one;
  one.outbound = true;
  one.address = "192.0.2.2:6783";
  one.state = api::ConnectionState::established;
  one.peer = PeerName::parse("00:00:00:00:00:02").value();
  one.nickname = "two";
  one.overlay = "fastdp";
  one.attributes = {{"mtu", std::int64_t{1376}}};
  one.paths = {
      {.name = "fastdp", .works = true, .problem = "", .attributes = one.attributes},
      {.name = "sleeve",
       .works = true,
       .problem = "",
       .attributes = {{"mtu", std::int64_t{1438}}, {"rtt", std::string{"0.2ms"}}, {"loss", std::string{"0%"}}}}};
  auto slow = one;
  slow.overlay = "sleeve";
  slow.explanation = "fastdp: no heartbeat";
  slow.paths.front() = {.name = "fastdp", .works = false, .problem = "no heartbeat", .attributes = {}};
  auto failed = one;
  failed.state = api::ConnectionState::failed;
  failed.error = "no route to host";
  facts.report->router->connections = {one, slow, failed};
  auto const findings = diagnose_daemon(facts);
  ASSERT_EQ(findings.size(), 7U);
  EXPECT_EQ(findings[1].text, "00:00:00:00:00:02(two) at 192.0.2.2:6783 is reached by fastdp, MTU 1376");
  EXPECT_EQ(findings[2].text,
            "00:00:00:00:00:02(two) at 192.0.2.2:6783 is reached by sleeve too, MTU 1438, rtt 0.2ms, loss 0%");
  EXPECT_EQ(findings[4].text, "00:00:00:00:00:02(two) at 192.0.2.2:6783 is not reached by fastdp");
  EXPECT_EQ(findings[4].cause, "no heartbeat");
  EXPECT_EQ(findings[5].severity, Severity::warning) << findings[5].text;
  EXPECT_EQ(findings[6].severity, Severity::error) << findings[6].text;
}

TEST(Doctor, FirewallOfDocker) {
  auto facts = well();
  facts.firewall.docker_in_nft = true;
  EXPECT_TRUE(bad(diagnose_host(facts)).empty());
  facts.firewall.docker_in_legacy = true;
  expect(facts, Severity::warning, "firewall", "Docker has rules in both kinds of iptables");
  facts.firewall.docker_in_nft = false;
  expect(facts, Severity::warning, "firewall", "Docker filters by the legacy kind of iptables");
  EXPECT_EQ(finding(facts).cause, "'iptables' is of the nf_tables kind now and does not show Docker's rules");
  facts = well();
  facts.firewall.obstacle = "iptables-nft-save did not end within 5000 ms";
  expect(facts, Severity::error, "firewall", "iptables cannot be looked at");
}

TEST(Doctor, WhereTheDaemonHasItsRules) {
  auto facts = well();
  facts.report.emplace();
  auto& places = facts.report->host.firewall_places;
  places = {.rules = {"nftables", "iptables-legacy"}, .nftables_refusal = {}, .docker_in_nftables = true};
  auto const found = diagnose_daemon(facts);
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[1].text, "weave's own rules are in nftables and iptables-legacy");
  EXPECT_EQ(found[2].text, "Docker filters by its own tables in nftables, which let weave pass");
  places = {.rules = {"iptables"}, .nftables_refusal = "nft: Operation not supported", .docker_in_nftables = false};
  auto const found_without = diagnose_daemon(facts);
  ASSERT_EQ(found_without.size(), 3U);
  EXPECT_EQ(found_without[2].severity, Severity::note);
  EXPECT_EQ(found_without[2].cause, "nft: Operation not supported");
}

TEST(Doctor, PortOfStatus) {
  auto facts = well();
  facts.sockets = {{.tcp = true, .address = address("127.0.0.1"), .port = 6782, .program = "x", .pid = 7}};
  expect(facts, Severity::error, "ports", "TCP port 6782 is not free for status and metrics");
  facts.status_port.reset();
  EXPECT_TRUE(bad(diagnose_host(facts)).empty());
}

TEST(Doctor, Leftovers) {
  auto facts = well();
  facts.leftovers = {{"vethwl012345678", "its other end is in no container"}};
  expect(facts, Severity::warning, "leftovers", "the interface vethwl012345678 is without a container");
  EXPECT_EQ(finding(facts).next, "'ip link delete vethwl012345678'");
}

/// A host that answers.
PeerProbe probe() {
  return {.target = "two", .source = "stored here", .place = Ipv4Endpoint{address("192.0.2.2"), 6783}, .obstacle = {}};
}

/// With the daemon down: the finding about it.
Finding peer_finding(PeerProbe const& probe, std::uint32_t needed = 1426) {
  auto facts = well();
  facts.absence = {Severity::note, "daemon", "weave is not running", "nobody answers", "'weave launch'"};
  facts.needed_packet = needed;
  facts.probes = {probe};
  return diagnose_daemon(facts).back();
}

TEST(Doctor, LooksForPeersWithoutTheDaemon) {
  auto one = probe();
  one.delay = std::chrono::milliseconds{3};
  one.path_mtu = 1500;
  EXPECT_EQ(peer_finding(one).severity, Severity::fine);
  EXPECT_EQ(peer_finding(one).text,
            "two at 192.0.2.2:6783 (stored here) answers by TCP in 3 ms; packets of 1500 bytes get there");

  one.path_mtu = 1400;
  EXPECT_EQ(peer_finding(one).severity, Severity::warning);
  EXPECT_EQ(peer_finding(one).text, "the way to two is too narrow for the kernel fast path");
  EXPECT_EQ(peer_finding(one).cause, "packets of 1400 bytes get there, 1426 are needed: 26 too many");

  one = probe();
  one.udp_refused = true;
  EXPECT_EQ(peer_finding(one).text, "two at 192.0.2.2:6783 (stored here) is not reached by UDP");
  one.obstacle = "Connection refused";
  one.refused = true;
  EXPECT_EQ(peer_finding(one).severity, Severity::error);
  EXPECT_EQ(peer_finding(one).text, "two at 192.0.2.2:6783 (stored here) is not reached by TCP");
  EXPECT_EQ(peer_finding(one).next, "'weave status' there shows whether weave runs, on TCP port 6783");
  one.refused = false;
  EXPECT_TRUE(peer_finding(one).next.starts_with("let TCP and UDP port 6783 and UDP port 6784 pass"));
  one.place.reset();
  EXPECT_EQ(peer_finding(one).text, "two (stored here) cannot be looked for");

  auto facts = well();
  facts.targets_obstacle = "state file x is damaged";
  EXPECT_EQ(diagnose_daemon(facts).back().text, "the stored list of peers cannot be read");
}

TEST(Doctor, ReadsSettings) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(words_of_variable("# PEERS=a\nPEERS=\"one two\"\nX=1\n", "PEERS"), (Words{"one", "two"}));
  EXPECT_EQ(words_of_variable("PEERS=one\n PEERS='three'\n", "PEERS"), (Words{"three"})) << "the last one counts";
  EXPECT_EQ(words_of_variable("XPEERS=one\n", "PEERS"), Words{});
}

TEST(Doctor, PrintsTheWorstLastAndNoControlCharacters) {
  std::ostringstream out;
  print_text({{Severity::error, "a", "b\x1b", "c", "d"}, {Severity::fine, "e", "f", {}, {}}}, out);
  EXPECT_EQ(out.str(), "ok       e: f\nerror    a: b?: c. Next: d\n");
}

TEST(Doctor, ReadsSockets) {
  constexpr std::string_view kTcp =
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
      "   0: 00000000:1A7F 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1597 1 0 100 0 0 10 "
      "0\n"
      "   1: 010011AC:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1598 1 0 100 0 0 10 "
      "0\n"
      "   2: 0100007F:1A7F 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 1599 1 0 100 0 0 10 "
      "0\n"
      "   3: nonsense\n";
  auto const sockets = parse_sockets(kTcp, true);
  ASSERT_EQ(sockets.size(), 2U);
  EXPECT_EQ(sockets[0].use, (SocketUse{.tcp = true, .address = {}, .port = 6783, .program = {}, .pid = 0}));
  EXPECT_EQ(sockets[0].inode, 1597U);
  EXPECT_EQ(sockets[1].use.address, address("172.17.0.1"));
  EXPECT_EQ(sockets[1].use.port, 53);

  constexpr std::string_view kUdp6 =
      "heading\n"
      "  1: 00000000000000000000000000000000:0035 00000000000000000000000000000000:0000 07 00000000:00000000 "
      "00:00000000 "
      "00000000 0 0 7 2 0 0\n"
      "  2: 00000000000000000000000001000000:0035 00000000000000000000000000000000:0000 07 00000000:00000000 "
      "00:00000000 "
      "00000000 0 0 8 2 0 0\n";
  auto const dual = parse_sockets(kUdp6, false);
  ASSERT_EQ(dual.size(), 1U) << "::1 takes no IPv4";
  EXPECT_FALSE(dual[0].use.address);
  EXPECT_TRUE(parse_sockets("", true).empty());
}

TEST(Doctor, ReadsModulesAndRules) {
  constexpr std::string_view kModules =
      "kernel/net/openvswitch/openvswitch.ko.xz: kernel/net/nsh/nsh.ko.xz\nkernel/drivers/net/vxlan/vxlan.ko:\n";
  EXPECT_TRUE(names_module(kModules, "openvswitch"));
  EXPECT_TRUE(names_module(kModules, "vxlan"));
  EXPECT_FALSE(names_module(kModules, "nsh")) << "only needed by another";
  EXPECT_FALSE(names_module(kModules, "lan"));
  EXPECT_TRUE(names_module("kernel/drivers/net/tun.ko\n", "tun"));
  EXPECT_EQ(count_rules("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j ACCEPT\n-A INPUT -j DROP\nCOMMIT\n"), 2U);
  EXPECT_EQ(count_rules(""), 0U);
}

} // namespace
} // namespace weave::tools
