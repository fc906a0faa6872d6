#include "controller/api/health.hpp"

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "controller/api/status_text.hpp"

namespace weave::controller::api {
namespace {

/// A daemon with which nothing is wrong, one peer, every service on.
StatusReport well() {
  StatusReport report;
  report.ready = true;
  report.router.emplace();
  report.router->port = 6783;
  report.router->mtu = 1376;
  report.router->targets = {"10.0.0.2"};
  report.router->connections.push_back({.outbound = true,
                                        .address = "10.0.0.2:6783",
                                        .state = ConnectionState::established,
                                        .peer = PeerName{2},
                                        .nickname = "two",
                                        .overlay = "fastdp",
                                        .encrypted = {},
                                        .attributes = {{"mtu", std::int64_t{1376}}},
                                        .error = {},
                                        .retry_at = {}});
  report.ipam.emplace();
  report.ipam->entries.push_back({.token = {}, .size = 10, .peer = PeerName{1}, .nickname = "one"});
  report.dns.emplace();
  report.dns->domain = "weave.local.";
  report.dns->upstream = {"192.0.2.53"};
  report.plugin.emplace();
  return report;
}

ConnectionStatus& connection(StatusReport& report) { return report.router->connections.front(); }

/// A connection that is not made, for this reason.
std::function<void(StatusReport&)> unmade(ConnectionState state, std::string error, bool outbound = true) {
  return [=](StatusReport& report) {
    connection(report) = {.outbound = outbound,
                          .address = "10.0.0.2:6783",
                          .state = state,
                          .peer = {},
                          .nickname = {},
                          .overlay = {},
                          .encrypted = {},
                          .attributes = {},
                          .error = error,
                          .retry_at = {}};
  };
}

/// Every state that a line of `weave status` can have and that is not well: what makes it, and all that people are
/// told. The next step is a part of what is printed.
struct State {
  std::string name;
  std::function<void(StatusReport&)> make;
  std::string subject;
  bool degraded;
  std::string what;
  std::string cause;
  std::string next;
};

using enum ConnectionState;

std::vector<State> connection_states() {
  auto const at = [](std::string state) { return "connection with 10.0.0.2:6783 is " + state; };
  return {
      {"connecting", unmade(connecting, ""), "router", false, at("connecting"), "nobody has answered yet",
       "let TCP and UDP port 6783 and UDP port 6784 pass between the hosts"},
      {"waiting", unmade(waiting, ""), "router", false, at("waiting"), "nobody has answered yet", "TCP and UDP port"},
      {"no route", unmade(retrying, "connect: no route to host"), "router", false, at("retrying"),
       "connect: no route to host", "'weave forget 10.0.0.2' if that host is gone for good"},
      {"refused", unmade(failed, "connect: connection refused"), "router", false, at("failed"),
       "connect: connection refused", "'weave status' there shows whether weave runs, on TCP port 6783"},
      {"name not found", unmade(failed, "lookup two: no such host"), "router", false, at("failed"),
       "lookup two: no such host", "correct the name, or the name service of this host"},
      {"IPv6", unmade(failed, "no working forwarders to x: sleeve needs an IPv4 connection"), "router", false,
       at("failed"), "no working forwarders to x: sleeve needs an IPv4 connection",
       "'weave connect' with its IPv4 address instead"},
      {"password here only", unmade(failed, "password specified, but peer requested an unencrypted connection"),
       "router", false, at("failed"), "password specified, but peer requested an unencrypted connection",
       "'weave launch --password-file FILE' with the same password on both hosts"},
      {"another password", unmade(failed, "Unable to decrypt TCP msg"), "router", false, at("failed"),
       "Unable to decrypt TCP msg", "the same password on both hosts"},
      {"clear not allowed", unmade(failed, "encryption is required here"), "router", false, at("failed"),
       "encryption is required here", "'--trusted-subnets'"},
      {"same name", unmade(failed, "local \"x\" and remote \"x\" peer names collision"), "router", false, at("failed"),
       "local \"x\" and remote \"x\" peer names collision", "'weave launch --name' with another name"},
      {"too many", unmade(failed, "Connection limit reached"), "router", false, at("failed"),
       "Connection limit reached", "'weave launch --conn-limit' with a higher limit"},
      {"other ring", unmade(failed, "IP allocation was seeded by different peers"), "router", false, at("failed"),
       "IP allocation was seeded by different peers", "'weave reset' on the host that is to join"},
      {"other version", unmade(failed, "no common protocol version"), "router", false, at("failed"),
       "no common protocol version", "a newer weave on the older of the two hosts"},
      {"stranger", unmade(failed, "i/o timeout", false), "router", true, at("failed"), "i/o timeout",
       "nothing, if that host is none of yours"},
      {"no UDP", [](auto& report) { connection(report).state = pending; }, "router", false,
       "connection with 00:00:00:00:00:02(two) at 10.0.0.2:6783 is pending", "no probe by UDP has been answered",
       "let UDP ports 6783 and 6784 pass between the hosts"},
      {"sleeve",
       [](auto& report) {
         connection(report).overlay = "sleeve";
         connection(report).explanation = "fastdp: no vxlan heartbeat from the peer";
       },
       "router", true,
       "traffic with 00:00:00:00:00:02(two) at 10.0.0.2:6783 goes by sleeve, not by the kernel fast path",
       "fastdp: no vxlan heartbeat from the peer", "let UDP port 6784 pass in both directions"},
      {"path too narrow for VXLAN",
       [](auto& report) {
         connection(report).overlay = "sleeve";
         connection(report).explanation =
             "fastdp: not answered (the network carries packets of 1400 bytes to the peer, 1426 are needed: 26 too "
             "many)";
       },
       "router", true,
       "traffic with 00:00:00:00:00:02(two) at 10.0.0.2:6783 goes by sleeve, not by the kernel fast path",
       "fastdp: not answered (the network carries packets of 1400 bytes to the peer, 1426 are needed: 26 too many)",
       "let larger packets pass between the hosts, or 'weave launch --mtu' on all hosts"},
      {"path too narrow for sleeve",
       [](auto& report) {
         connection(report).overlay = "sleeve";
         connection(report).attributes["mtu"] = std::int64_t{1300};
       },
       "router", true, "large packets to 00:00:00:00:00:02(two) at 10.0.0.2:6783 are cut into pieces",
       "the network between the hosts carries 1300 bytes of a container's packet, and containers send 1376: 76 too "
       "many",
       "'weave launch --mtu' on all hosts"},
  };
}

std::vector<State> service_states() {
  return {
      {"no fast path", [](auto& report) { report.router->fast_path_obstacle = "no module"; }, "router", true,
       "there is no kernel fast path, all traffic goes by sleeve", "no module",
       "'modprobe openvswitch' or 'modprobe vxlan'"},
      {"no fast path beside a password",
       [](auto& report) {
         report.router->encryption = true;
         report.router->fast_path_obstacle = "no ESP";
       },
       "router", true, "there is no kernel fast path, all traffic goes by sleeve", "no ESP", "'modprobe esp4'"},
      {"no consensus",
       [](auto& report) {
         report.ipam->entries.clear();
         report.ipam->paxos = PaxosStatus{.elector = true, .known_nodes = 1, .quorum = 2};
         report.ipam->waiting_for = "1 of 3 initial peers reachable";
       },
       "ipam", false, "no address can be given out: awaiting consensus (quorum: 2, known: 1)",
       "1 of 3 initial peers reachable", "'weave connect HOST'"},
      {"observer",
       [](auto& report) {
         report.ipam->entries.clear();
         report.ipam->paxos = PaxosStatus{.elector = false, .known_nodes = 0, .quorum = 0};
       },
       "ipam", false, "no address can be given out: priming", "the hosts have not agreed yet",
       "connect this observer with a host that has the addresses"},
      {"no address left", [](auto& report) { report.ipam->pending_allocates = {"c1 10.32.0.0/12"}; }, "ipam", false,
       "1 containers wait for an address", "none is free here", "'weave status ipam' shows who owns them"},
      {"owner does not answer",
       [](auto& report) {
         report.ipam->pending_claims = {{.ident = "c1", .cidr = Ipv4Cidr::parse("10.32.0.1/12").value()}};
       },
       "ipam", false, "1 addresses that were asked for cannot be had yet", "their owner has not answered",
       "'weave rmpeer'"},
      {"lost peer",
       [](auto& report) {
         for (int i = 0; i < 2; ++i) { // two entries, said once
           report.ipam->entries.push_back(
               {.token = {}, .size = 10, .peer = PeerName{7}, .nickname = "lost", .is_known_peer = false});
         }
       },
       "ipam", false, "00:00:00:00:00:07(lost) is unreachable and owns addresses",
       "no host that is reachable now knows it", "'weave rmpeer 00:00:00:00:00:07' on one host"},
      {"two rings", [](auto& report) { report.ipam->conflict = "two was seeded by others"; }, "ipam", false,
       "hosts disagree about who owns which addresses", "two was seeded by others", "'weave reset' on the host"},
      {"port 53 taken",
       [](auto& report) {
         report.dns->obstacle = "DNS does not answer: listen udp";
         report.not_ready_reasons = {"DNS does not answer: listen udp"}; // said once
       },
       "dns", false, "names are not answered", "DNS does not answer: listen udp",
       "'weave doctor' shows who has port 53"},
      {"no name server", [](auto& report) { report.dns->upstream.clear(); }, "dns", true,
       "names outside weave.local. are not answered", "this host's list of name servers has none to ask",
       "'nameserver ADDRESS' in /etc/resolv.conf"},
      {"network of another driver",
       [](auto& report) { report.plugin->network_obstacle = "a network named weave exists with driver bridge"; },
       "plugin", false, "'docker run --net=weave' does not work", "a network named weave exists with driver bridge",
       "'docker network rm weave' if it is not needed"},
      {"subnet refused",
       [](auto& report) { report.plugin->network_obstacle = "Pool overlaps with other one on this address space"; },
       "plugin", false, "'docker run --net=weave' does not work", "Pool overlaps with other one on this address space",
       "'docker network ls'"},
      {"network refused", [](auto& report) { report.plugin->network_obstacle = "HTTP 500"; }, "plugin", false,
       "'docker run --net=weave' does not work", "HTTP 500", "'journalctl -u docker'"},
      {"older network",
       [](auto& report) {
         report.plugin->network_obstacle = "the network weave has subnet 10.0.0.0/8";
         report.plugin->network_differs = true;
       },
       "plugin", true, "Docker's network weave is not as it was asked for", "the network weave has subnet 10.0.0.0/8",
       "'weave stop' and 'weave launch' when no container is on it"},
      {"no Docker", [](auto& report) { report.plugin->engine_obstacle = "cannot connect"; }, "plugin", true,
       "containers of Docker are not followed", "cannot connect", "'systemctl start docker'"},
      {"not ready", [](auto& report) { report.not_ready_reasons = {"waiting for Docker"}; }, "weave", false,
       "not ready", "waiting for Docker", "'journalctl -u weave'"},
      {"disk full", [](auto& report) { report.host.state_obstacle = "no space is left"; }, "host", false,
       "what changes cannot be stored, so new addresses are refused", "no space is left", "'df'"},
      {"no firewall", [](auto& report) { report.host.firewall_obstacle = "iptables: permission denied"; }, "host",
       false, "the firewall's rules for containers are not in place", "iptables: permission denied", "'weave doctor'"},
      {"hairpin", [](auto& report) { report.host.hairpin_ports = {"vethwe-bridge"}; }, "host", false,
       "frames go round in circles at vethwe-bridge", "hairpin mode of that bridge port is on",
       "'bridge link set dev vethwe-bridge hairpin off'"},
      {"clock", [](auto& report) { report.host.clock_obstacle = "two is 900 s ahead"; }, "host", true, "clocks differ",
       "two is 900 s ahead", "'timedatectl set-ntp true'"},
  };
}

void expect_told(State const& state) {
  SCOPED_TRACE(state.name);
  auto report = well();
  state.make(report);
  report.ready = report.not_ready_reasons.empty();
  auto const troubles = find_troubles(report);
  ASSERT_EQ(troubles.size(), 1U);
  auto const& trouble = troubles.front();
  EXPECT_EQ(trouble.subject, state.subject);
  EXPECT_EQ(trouble.degraded, state.degraded);
  EXPECT_EQ(trouble.what, state.what);
  EXPECT_EQ(trouble.cause, state.cause);
  EXPECT_TRUE(trouble.next.contains(state.next)) << trouble.next;

  // In the text at the end, behind what the original prints; in JSON as it is, and the report comes back unharmed.
  EXPECT_TRUE(status_text(report).ends_with("\n\n          Check: " + trouble.line() + "\n")) << status_text(report);
  auto const json = to_json(report);
  EXPECT_TRUE(json.contains("\"Troubles\"")) << json;
  EXPECT_EQ(parse_status_report(json).value(), report);
}

TEST(StatusStates, OfConnectionsSayWhyAndWhatToDo) {
  for (auto const& state : connection_states()) expect_told(state);
}

TEST(StatusStates, OfServicesAndOfTheHostSayWhyAndWhatToDo) {
  for (auto const& state : service_states()) expect_told(state);
}

TEST(StatusStates, TheLineOfAConnectionEndsWithIt) {
  for (auto const& state : connection_states()) {
    auto report = well();
    state.make(report);
    auto const line = connections_text(report);
    auto const told = state.cause.starts_with("fastdp: ") ? state.cause.substr(6) : state.cause;
    EXPECT_TRUE(line.contains(told)) << line;
    EXPECT_FALSE(line.contains("sleeve") && line.contains("fastdp")) << "scripts look for it: " << line;
    EXPECT_TRUE(line.contains(" Next: ")) << line;
    EXPECT_TRUE(report_section(to_json(report), "connections")->contains("\"Next\"")) << state.name;
  }
}

TEST(StatusStates, WhereAllIsWellThereIsNothingToSay) {
  auto report = well();
  EXPECT_TRUE(find_troubles(report).empty());
  EXPECT_FALSE(status_text(report).contains("Check"));
  EXPECT_FALSE(to_json(report).contains("Troubles"));
  // A list of hosts made for all of them.
  report.router->connections.push_back(connection(report));
  unmade(failed, "cannot connect to ourself")(report);
  EXPECT_TRUE(find_troubles(report).empty());
  EXPECT_TRUE(find_troubles(StatusReport{}).empty()) << "services that are off are not missed";
}

TEST(StatusStates, OfASectionAreInItsJsonToo) {
  auto report = well();
  report.ipam->conflict = "two was seeded by others";
  EXPECT_TRUE(report_section(to_json(report), "ipam")->contains("\"Next\": \"'weave reset' on the host"));
  EXPECT_FALSE(report_section(to_json(report), "dns")->contains("Troubles"));
}

TEST(Health, AHostIsForgottenByTheNameThatItWasGiven) {
  auto report = well();
  unmade(failed, "dial tcp: connect: connection refused")(report);
  report.router->targets = {"10.0.0.22", "10.0.0.2"};
  EXPECT_TRUE(find_troubles(report).front().next.contains("'weave forget 10.0.0.2' if"));
  report.router->targets = {"two"};
  EXPECT_TRUE(find_troubles(report).front().next.contains("its name in 'weave status targets'"));
}

TEST(Health, FirewallsOfOthers) {
  auto report = well();
  report.firewall = {{.what = "every packet passes two firewalls", .cause = "both kinds", .next = "choose one"}};
  ASSERT_EQ(find_troubles(report).size(), 1U);
  EXPECT_EQ(find_troubles(report).front().line(), "every packet passes two firewalls: both kinds. Next: choose one");
  EXPECT_TRUE(find_troubles(report).front().degraded);
  EXPECT_EQ(parse_status_report(to_json(report))->firewall, report.firewall);
}

TEST(Health, ALineIsALine) {
  EXPECT_EQ((Trouble{.subject = "s", .what = "a", .cause = "b\nc", .next = "d"}).line(), "a: b?c. Next: d");
}

} // namespace
} // namespace weave::controller::api
