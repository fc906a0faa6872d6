#include "controller/api/messages.hpp"

#include <gtest/gtest.h>

#include "test/unit/api/sample_report.hpp"

namespace weave::controller::api {
namespace {

TEST(ReportJson, SurvivesTheWayThereAndBack) {
  auto report = sample_report();
  report.dns = sample_dns();
  report.proxy = ProxyStatus{.addresses = {"unix:///var/run/weave/weave.sock"}};
  report.ready = false;
  report.not_ready_reasons = {"the Docker network does not exist yet"};
  report.ipam->paxos = PaxosStatus{.elector = true, .known_nodes = 1, .quorum = 2};
  report.ipam->pending_claims = {{.ident = "c1", .cidr = Ipv4Cidr::parse("10.32.0.9/12").value()}};
  report.ipam->pending_allocates = {"c2 10.32.0.0/12"};
  report.ipam->waiting_for = "0 of 2 initial peers reachable; missing a, b";
  report.ipam->conflict = "Received range differs from ours";
  report.router->macs = {MacStatus{.mac = MacAddress::parse("02:00:00:00:00:07").value(),
                                   .name = PeerName{1},
                                   .nickname = "one",
                                   .last_seen = parse_rfc3339("2026-11-24T04:00:43.5Z").value()}};
  report.firewall = {{.what = "a", .cause = "b", .next = "c"}};
  report.host = {.state_obstacle = "disk full",
                 .firewall_obstacle = "iptables",
                 .hairpin_ports = {"vethwe-bridge"},
                 .clock_obstacle = "ahead",
                 .firewall_places = {
                     .rules = {"nftables", "iptables-nft"}, .nftables_refusal = "none", .docker_in_nftables = true}};
  auto const parsed = parse_status_report(to_json(report));
  ASSERT_TRUE(parsed) << parsed.error().text();
  EXPECT_EQ(*parsed, report);
}

TEST(ReportJson, KeepsKeyOrderIndentNullsAndBigNumbers) {
  auto const text = to_json(sample_report());
  EXPECT_TRUE(
      text.starts_with("{\n"
                       "    \"Ready\": true,\n"
                       "    \"Version\": \"3.0.0\",\n"
                       "    \"VersionCheck\": {\n"
                       "        \"Enabled\": false,\n"
                       "        \"Success\": false,\n"
                       "        \"NewVersion\": \"\",\n"
                       "        \"NextCheckAt\": \"0001-01-01T00:00:00Z\"\n"
                       "    },\n"
                       "    \"Router\": {\n"
                       "        \"Protocol\": \"weave\",\n"
                       "        \"ProtocolMinVersion\": 1,\n"))
      << text;
  for (auto const* part :
       {"\"UID\": 11407714123369223940,", "\"TrustedSubnets\": [],", "\"MACs\": null", "\"PendingClaims\": null,",
        "\"Info\": \"encrypted   sleeve 00:00:00:00:00:01(one)\",\n",
        "\"Attrs\": {\n                    \"encrypted\": true,\n                    \"mtu\": 1414,\n"
        "                    \"name\": \"sleeve\"\n",
        "\"Via\": \"00:00:00:00:00:00\"", "\"OverlayDiagnostics\": {\n            \"sleeve\": null\n",
        "\"Socket\": \"/run/docker/plugins/weave.sock\","}) {
    EXPECT_NE(text.find(part), std::string::npos) << part;
  }
  EXPECT_TRUE(text.ends_with("]\n}")) << "no final newline";
}

TEST(ReportJson, EscapesAsTheOriginalAndReplacesWhatIsNotText) {
  auto report = sample_report();
  report.router->nickname = "<a>&\"\\\n\x01\xff\xc3\xa9";
  EXPECT_NE(to_json(report).find("\"NickName\": \"\\u003ca\\u003e\\u0026\\\"\\\\\\n\\u0001\\ufffd\xc3\xa9\""),
            std::string::npos);
}

TEST(ReportJson, ReadsAReportOfTheOriginal) {
  auto const parsed = parse_status_report(R"json({"Ready":true,"Version":"unreleased",
    "VersionCheck":{"Enabled":false,"Success":false,"NewVersion":"","NextCheckAt":"0001-01-01T00:00:00Z"},
    "Router":{"Protocol":"weave","ProtocolMinVersion":1,"ProtocolMaxVersion":2,"Name":"00:00:00:00:00:02",
    "Connections":[{"Address":"192.168.77.1:6783","Outbound":true,"State":"established",
      "Info":"encrypted   sleeve 00:00:00:00:00:01(one)","Attrs":{
  "encrypted" : true, "mtu" : 1414, "name" : "sleeve"}}],
    "OverlayDiagnostics":{"sleeve":null},"TrustedSubnets":[],"MACs":null
}
})json");
  ASSERT_TRUE(parsed) << parsed.error().text();
  EXPECT_EQ(parsed->router->name, PeerName{2});
  EXPECT_EQ(std::get<std::int64_t>(parsed->router->connections[0].attributes.at("mtu")), 1414);
  EXPECT_FALSE(parsed->ipam);
}

TEST(ReportJson, RejectsWhatIsNoReport) {
  for (auto const* text : {"", "[]", "{", R"({"Ready":"yes"})", R"({"Router":{"Name":"nonsense"}})",
                           R"({"Router":{"Connections":[{"State":"odd"}]}})"}) {
    auto const parsed = parse_status_report(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind(), ErrorKind::malformed);
  }
}

TEST(ReportSection, GivesOnePartOrNull) {
  auto const json = to_json(sample_report());
  EXPECT_EQ(report_section(json, "targets").value(), "[\n    \"192.168.77.1\",\n    \"10.9.9.9:7000\"\n]");
  EXPECT_EQ(report_section(json, "dns").value(), "null");
  EXPECT_TRUE(report_section(json, "ipam").value().starts_with("{\n    \"Paxos\": null,\n"));
  EXPECT_FALSE(report_section(json, "bogus"));
}

TEST(OwnedJson, IsTheOriginalsOneLine) {
  EXPECT_EQ(to_json(std::vector<OwnedAddresses>{}), "{\"owned\":null}\n");
  EXPECT_EQ(to_json(std::vector<OwnedAddresses>{{"c1", {Ipv4Cidr::parse("10.40.0.1/12").value()}}}),
            "{\"owned\":[{\"containerid\":\"c1\",\"addrs\":[\"10.40.0.1/12\"]}]}\n");
}

TEST(TimeText, RefusesTimesThatTheClockCannotHold) {
  EXPECT_TRUE(parse_rfc3339("2261-12-31T23:59:59.999999999Z"));
  EXPECT_FALSE(parse_rfc3339("0001-01-01T00:00:00Z"));
  EXPECT_FALSE(parse_rfc3339("9999-12-31T23:59:59Z"));
}

} // namespace
} // namespace weave::controller::api
