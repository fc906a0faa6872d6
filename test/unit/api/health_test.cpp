#include "controller/api/health.hpp"

#include <gtest/gtest.h>

namespace weave::controller::api {
namespace {

PeerName peer(char last) { return *PeerName::parse(std::string{"00:00:00:00:00:0"} + last); }

RingEntryStatus share(PeerName owner, std::string nickname, bool is_known) {
  RingEntryStatus entry;
  entry.size = 10;
  entry.peer = owner;
  entry.nickname = std::move(nickname);
  entry.is_known_peer = is_known;
  return entry;
}

StatusReport well() {
  ConnectionStatus connection;
  connection.outbound = true;
  connection.address = "10.0.0.2:6783";
  connection.state = ConnectionState::established;
  connection.peer = peer('2');
  connection.nickname = "two";
  connection.overlay = "fastdp";
  StatusReport report;
  report.ready = true;
  report.router.emplace();
  report.router->port = 6783;
  report.router->connections.push_back(connection);
  report.ipam.emplace();
  report.ipam->entries.push_back(share(peer('1'), "one", true));
  report.dns.emplace();
  report.plugin.emplace();
  return report;
}

ConnectionStatus& connection(StatusReport& report) { return report.router->connections.front(); }

TEST(Health, NothingToSayWhenAllIsWell) { EXPECT_TRUE(find_troubles(well()).empty()); }

TEST(Health, ServicesThatAreOffAreNotMissed) { EXPECT_TRUE(find_troubles(StatusReport{}).empty()); }

/// The only trouble there is.
Trouble trouble(StatusReport const& report) {
  auto const troubles = find_troubles(report);
  EXPECT_EQ(troubles.size(), 1U);
  return troubles.empty() ? Trouble{} : troubles.front();
}

TEST(Health, ConnectionsByTheirState) {
  for (auto const state :
       {ConnectionState::pending, ConnectionState::failed, ConnectionState::retrying, ConnectionState::connecting}) {
    auto report = well();
    connection(report).state = state;
    auto const found = trouble(report);
    EXPECT_EQ(found.what,
              "connection with 00:00:00:00:00:02(two) at 10.0.0.2:6783 is " + std::string{to_string(state)});
    EXPECT_FALSE(found.cause.empty());
    EXPECT_FALSE(found.degraded);
    EXPECT_FALSE(found.next.empty());
  }
}

TEST(Health, WhatToDoDependsOnTheError) {
  for (auto const& [error, next] : std::vector<std::pair<std::string, std::string>>{
           {"lookup nowhere: no such host", "correct the name"},
           {"password specified, but peer requested an unencrypted connection", "the same password"},
           {"Unable to decrypt TCP msg", "the same password"},
           {"dial tcp: connect: connection refused", "whether weave runs"},
           {"dial tcp: connect: no route to host", "TCP and UDP port 6783 and UDP port 6784"},
           {"IP allocation was seeded by different peers", "'weave reset'"}}) {
    auto report = well();
    connection(report).state = ConnectionState::failed;
    connection(report).error = error;
    auto const found = trouble(report);
    EXPECT_EQ(found.cause, error);
    EXPECT_NE(found.next.find(next), std::string::npos) << error << ": " << found.next;
  }
}

TEST(Health, AHostThatWasNamedToItselfIsNoTrouble) {
  auto report = well();
  connection(report).state = ConnectionState::failed;
  connection(report).error = "cannot connect to ourself";
  EXPECT_TRUE(find_troubles(report).empty());
}

TEST(Health, AHostIsForgottenByTheNameThatItWasGiven) {
  auto report = well();
  connection(report).state = ConnectionState::failed;
  connection(report).error = "dial tcp: connect: connection refused";
  report.router->targets = {"10.0.0.22", "10.0.0.2"};
  EXPECT_TRUE(trouble(report).next.contains("'weave forget 10.0.0.2' if")) << trouble(report).next;
  report.router->targets = {"two"};
  EXPECT_TRUE(trouble(report).next.contains("its name in 'weave status targets'")) << trouble(report).next;
}

TEST(Health, AStrangerWhoWasRefusedIsNoError) {
  auto report = well();
  connection(report).state = ConnectionState::failed;
  connection(report).error = "no common protocol version";
  EXPECT_FALSE(trouble(report).degraded);
  connection(report).outbound = false;
  connection(report).error = "read tcp: i/o timeout";
  EXPECT_TRUE(trouble(report).degraded);
  EXPECT_FALSE(trouble(report).next.contains("weave forget")) << trouble(report).next;
  connection(report).error = "encryption is required here, and this host trusts the other: see --trusted-subnets";
  EXPECT_TRUE(trouble(report).next.contains("--require-encryption")) << trouble(report).next;
}

TEST(Health, TrafficThatFellToSleeve) {
  auto report = well();
  connection(report).overlay = "sleeve";
  connection(report).explanation = "fastdp: no vxlan heartbeat from the peer";
  auto const found = trouble(report);
  EXPECT_EQ(found.what,
            "traffic with 00:00:00:00:00:02(two) at 10.0.0.2:6783 goes by sleeve, not by the kernel fast path");
  EXPECT_EQ(found.cause, "fastdp: no vxlan heartbeat from the peer");
  EXPECT_TRUE(found.degraded);
  EXPECT_NE(found.next.find("UDP port 6784"), std::string::npos);
}

TEST(Health, Addresses) {
  auto awaiting = well();
  awaiting.ipam->entries.clear();
  awaiting.ipam->paxos = PaxosStatus{.elector = true, .known_nodes = 1, .quorum = 2};
  awaiting.ipam->waiting_for = "1 of 3 initial peers reachable";
  EXPECT_EQ(trouble(awaiting).what, "no address can be given out: awaiting consensus (quorum: 2, known: 1)");
  EXPECT_EQ(trouble(awaiting).cause, "1 of 3 initial peers reachable");

  auto lost = well();
  for (int i = 0; i < 2; ++i) {
    lost.ipam->entries.push_back(share(peer('7'), "lost", false));
  }
  EXPECT_EQ(trouble(lost).what, "00:00:00:00:00:07(lost) is unreachable and owns addresses");
  EXPECT_NE(trouble(lost).next.find("'weave rmpeer 00:00:00:00:00:07'"), std::string::npos);

  auto conflict = well();
  conflict.ipam->conflict = "peers of another network: two";
  EXPECT_EQ(trouble(conflict).cause, "peers of another network: two");

  auto waiting = well();
  waiting.ipam->pending_allocates = {"c1 10.32.0.0/12"};
  EXPECT_EQ(trouble(waiting).what, "1 containers wait for an address");
}

TEST(Health, NamesAndDocker) {
  auto report = well();
  report.not_ready_reasons = {"DNS does not answer: listen udp", "the plugin is not there"};
  report.dns->obstacle = "DNS does not answer: listen udp";
  report.plugin->engine_obstacle = "cannot connect to Docker";
  auto const troubles = find_troubles(report);
  ASSERT_EQ(troubles.size(), 3U) << "each said once";
  EXPECT_EQ(troubles[0].cause, "the plugin is not there");
  EXPECT_EQ(troubles[1].what, "names are not answered");
  EXPECT_EQ(troubles[2].what, "containers of Docker are not followed");
  EXPECT_TRUE(troubles[2].degraded) << "the network itself works";
}

TEST(Health, ALineIsALine) {
  EXPECT_EQ((Trouble{.what = "a", .cause = "b\nc", .next = "d"}).line(), "a: b?c. Next: d");
}

} // namespace
} // namespace weave::controller::api
