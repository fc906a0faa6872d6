#include "controller/api/status_text.hpp"

#include <gtest/gtest.h>

#include "controller/api/health.hpp"
#include "controller/api/router_json.hpp"
#include "test/unit/api/sample_report.hpp"

namespace weave::controller::api {
namespace {

/// What comes behind the original's words (health_test.cpp).
std::string checks(StatusReport const& report) {
  std::string text;
  for (auto const& trouble : find_troubles(report)) text += "          Check: " + trouble.line() + "\n";
  return text;
}

TEST(StatusText, OfARunningPeerHasEverySectionOfTheOriginal) {
  EXPECT_EQ(status_text(sample_report()),
            "        Version: 3.0.0 (version check update disabled)\n"
            "\n"
            "        Service: router\n"
            "       Protocol: weave 1..2\n"
            "           Name: 00:00:00:00:00:02(two)\n"
            "     Encryption: enabled\n"
            "  PeerDiscovery: enabled\n"
            "        Targets: 2\n"
            "    Connections: 4 (1 established, 1 retrying, 1 failed, 1 connecting)\n"
            "          Peers: 2 (with 2 established connections)\n"
            " TrustedSubnets: none\n"
            "\n"
            "        Service: ipam\n"
            "         Status: ready\n"
            "          Range: 10.32.0.0/12\n"
            "  DefaultSubnet: 10.32.0.0/12\n"
            "\n"
            "        Service: plugin (legacy)\n"
            "     DriverName: weave\n"
            "\n" +
                checks(sample_report()));
}

TEST(StatusText, TheManagedPluginHasNoDriverName) {
  auto report = sample_report();
  report.plugin->v2 = true;
  EXPECT_TRUE(status_text(report).ends_with("\n\n        Service: plugin (v2)\n\n" + checks(report)));
}

TEST(StatusText, TheAddressSectionSaysWhoIsMissingAndWhoDisagrees) {
  auto report = sample_report();
  report.ipam->waiting_for = "1 of 2 initial peers reachable; missing b";
  report.ipam->conflict = "seeded by different peers";
  EXPECT_NE(status_text(report).find("  DefaultSubnet: 10.32.0.0/12\n"
                                     "     WaitingFor: 1 of 2 initial peers reachable; missing b\n"
                                     "       Conflict: seeded by different peers\n\n"),
            std::string::npos);
}

TEST(StatusText, AServiceThatIsOffHasNoSection) {
  auto report = sample_report();
  report.ipam.reset();
  report.plugin->engine_obstacle = "nobody there";
  EXPECT_NE(status_text(report).find("     DriverName: weave\n         Docker: nobody there\n"), std::string::npos);
  report.plugin.reset();
  auto const text = status_text(report);
  EXPECT_EQ(text.find("ipam"), std::string::npos);
  EXPECT_EQ(text.find("plugin"), std::string::npos);
  report.dns = sample_dns();
  EXPECT_NE(status_text(report).find("\n        Service: dns\n"
                                     "         Domain: weave.local.\n"
                                     "       Upstream: none\n"
                                     "            TTL: 1\n"
                                     "        Entries: 2\n"),
            std::string::npos);
}

TEST(StatusText, WhatKeepsAServiceFromWorkingIsTold) {
  auto report = sample_report();
  report.ready = false;
  report.not_ready_reasons = {"DNS does not answer: nobody knows why"};
  report.dns = sample_dns();
  report.dns->obstacle = "nobody knows why";
  auto const text = status_text(report);
  EXPECT_NE(text.find("\n      Not ready: DNS does not answer: nobody knows why\n"), std::string::npos);
  EXPECT_NE(text.find("        Entries: 2\n       Obstacle: nobody knows why\n"), std::string::npos);
}

TEST(StatusText, ProtocolRangeCollapsesAndCountsOfZeroAreLeftOut) {
  StatusReport report;
  report.version = "3.0.0";
  report.router = RouterStatus{};
  report.router->protocol_min = 2;
  report.router->trusted_subnets = {Ipv4Cidr::parse("10.0.0.0/8").value(), Ipv4Cidr::parse("192.168.0.0/16").value()};
  auto const text = status_text(report);
  EXPECT_NE(text.find("       Protocol: weave 2\n"), std::string::npos);
  EXPECT_NE(text.find("    Connections: 0\n          Peers: 0\n"), std::string::npos);
  EXPECT_NE(text.find(" TrustedSubnets: 10.0.0.0/8, 192.168.0.0/16\n"), std::string::npos);
}

TEST(StatusText, SaysWhyAKernelThatCannotEncryptIsNotUsed) {
  auto report = sample_report();
  report.router->fast_path_obstacle = "this kernel has no IPsec";
  EXPECT_NE(status_text(report).find("     Encryption: enabled\n"
                                     "       FastPath: none, this kernel has no IPsec\n"
                                     "  PeerDiscovery: enabled\n"),
            std::string::npos);
  EXPECT_EQ(router_from_value(router_to_value(*report.router)).fast_path_obstacle, "this kernel has no IPsec");
}

TEST(StatusText, TellsByWhatTheConnectionsAreEncrypted) {
  auto report = sample_report();
  auto& connections = report.router->connections;
  connections.resize(1);
  connections.resize(3, connections.front());
  for (auto& connection : connections) connection.attributes.insert_or_assign("cipher", std::string{"aes-256-gcm"});
  connections[2].attributes.erase("cipher");
  connections[2].encrypted = false;
  EXPECT_NE(status_text(report).find("     Encryption: enabled\n        Ciphers: aes-256-gcm 2, none 1\n"),
            std::string::npos);
}

TEST(StatusText, NicknamesCannotForgeLines) {
  auto report = sample_report();
  report.router->nickname = "x)\n  Encryption: enabled\x1b[2J";
  EXPECT_NE(status_text(report).find("00:00:00:00:00:02(x)?  Encryption: enabled?[2J)\n"), std::string::npos);
}

TEST(ConnectionsText, HasOneLineForEachStateAsObserved) {
  EXPECT_EQ(
      connections_text(sample_report()),
      "-> 192.168.77.1:6783     established encrypted   sleeve 00:00:00:00:00:01(one) encrypted=true mtu=1414\n"
      "-> 2.2.2.2:5             connecting    Cause: nobody has answered yet. Next: let TCP and UDP port 6783 and UDP "
      "port 6784 pass between the hosts, and see that weave runs there; 'weave forget' with its name in 'weave status "
      "targets' if that host is gone for good\n"
      "-> 10.9.9.9:7000         retrying    dial tcp :0->10.9.9.9:7000: connect: no route to host  Next: let TCP and "
      "UDP port 6783 and UDP port 6784 pass between the hosts, and see that weave runs there; 'weave forget "
      "10.9.9.9:7000' if that host is gone for good\n"
      "-> 10.9.9.9:7001         failed      connection refused, retry: 2026-11-24 04:00:43.414188223 +0000 UTC  Next: "
      "'weave status' there shows whether weave runs, on TCP port 6783; 'weave forget' with its name in 'weave status "
      "targets' if that host is gone for good\n");
}

TEST(ConnectionsText, WithoutPasswordTheOverlayComesFirst) {
  StatusReport report;
  report.router = RouterStatus{};
  report.router->connections = {ConnectionStatus{.outbound = false,
                                                 .address = "10.0.0.1:40000",
                                                 .state = ConnectionState::pending,
                                                 .peer = PeerName{1},
                                                 .nickname = "one",
                                                 .overlay = "fastdp",
                                                 .encrypted = {},
                                                 .attributes = {{"mtu", std::int64_t{1376}}},
                                                 .error = {},
                                                 .retry_at = {}}};
  EXPECT_EQ(
      connections_text(report),
      "<- 10.0.0.1:40000        pending     fastdp 00:00:00:00:00:01(one) mtu=1376 Cause: no probe by UDP has been "
      "answered. Next: let UDP ports 0 and 1 pass between the hosts\n");
}

TEST(ConnectionsText, WhatEncryptsComesBehindWhatTheOriginalSays) {
  auto report = sample_report();
  report.router->connections.resize(1);
  report.router->connections[0].attributes.emplace("cipher", "aes-256-gcm");
  EXPECT_EQ(connections_text(report),
            "-> 192.168.77.1:6783     established encrypted   sleeve 00:00:00:00:00:01(one) encrypted=true mtu=1414 "
            "cipher=aes-256-gcm\n");
}

TEST(ConnectionsText, AConnectionNeverRetriedSaysSo) {
  ConnectionStatus connection;
  connection.outbound = true;
  connection.state = ConnectionState::failed;
  connection.error = "cannot connect to ourself";
  EXPECT_EQ(connection_info(connection), "cannot connect to ourself, retry: never");
  connection.outbound = false;
  EXPECT_EQ(connection_info(connection), "cannot connect to ourself") << "the other end dials";
}

TEST(PeersText, ListsEachPeerWithItsConnections) {
  EXPECT_EQ(peers_text(sample_report()),
            "00:00:00:00:00:01(one)\n"
            "   <- 192.168.77.2:59769    00:00:00:00:00:02(two)                established\n"
            "00:00:00:00:00:02(two)\n"
            "   -> 192.168.77.1:6783     00:00:00:00:00:01(one)                established\n");
}

TEST(TargetsText, IsSorted) { EXPECT_EQ(targets_text(sample_report()), "10.9.9.9:7000\n192.168.77.1\n"); }

TEST(DnsText, CutsDomainAndContainerAndHidesTombstones) {
  auto report = sample_report();
  EXPECT_EQ(dns_text(report), "");
  report.dns = sample_dns();
  EXPECT_EQ(dns_text(report),
            "aa           10.32.4.1       053b6fb073b2 e6:86:cd:e7:77:3d\n"
            "db           1.2.3.4         weave:extern e6:86:cd:e7:77:3d\n");
}

TEST(IpamText, AddsUpSharesWithOurselvesFirst) {
  EXPECT_EQ(ipam_text(sample_report()),
            "00:00:00:00:00:02(two)                  524288 IPs (50.0% of total) (2 active)\n"
            "00:00:00:00:00:01(one)                  524288 IPs (50.0% of total) \n");
}

TEST(IpamText, MarksUnreachablePeersAndIsEmptyWithoutRing) {
  auto report = sample_report();
  report.ipam->entries[0].is_known_peer = false;
  EXPECT_NE(
      ipam_text(report).find(
          "% of total) - unreachable! Next: start it again, or 'weave rmpeer 00:00:00:00:00:01' on one host if it will "
          "not come back\n"),
      std::string::npos);
  report.ipam->entries.clear();
  EXPECT_EQ(ipam_text(report), "");
  report.ipam->conflict = "seeded by others\x1b";
  EXPECT_EQ(ipam_text(report), "Conflict: seeded by others?\n");
  report.ipam.reset();
  EXPECT_EQ(ipam_text(report), "");
}

TEST(IpamState, IsTheFirstThatFits) {
  IpamStatus ipam;
  EXPECT_EQ(ipam_state_text(ipam), "idle");
  ipam.paxos = PaxosStatus{.elector = true, .known_nodes = 1, .quorum = 2};
  EXPECT_EQ(ipam_state_text(ipam), "awaiting consensus (quorum: 2, known: 1)");
  ipam.paxos->elector = false;
  EXPECT_EQ(ipam_state_text(ipam), "priming");
  ipam.entries = {RingEntryStatus{.token = {}, .size = 4, .peer = PeerName{1}, .nickname = {}}};
  EXPECT_EQ(ipam_state_text(ipam), "ready");
  ipam.pending_allocates = {"c1 10.32.0.0/12"};
  EXPECT_EQ(ipam_state_text(ipam), "waiting for IP(s) to become available");
  ipam.entries[0].is_known_peer = false;
  EXPECT_EQ(ipam_state_text(ipam), "all IP ranges owned by unreachable peers - use 'rmpeer' if they are dead");
}

} // namespace
} // namespace weave::controller::api
