#include <array>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

#include "controller/api/json_text.hpp"
#include "test/unit/api/sample_report.hpp"

namespace weave::controller::api {
namespace {

namespace json = boost::json;

/// A report of the original (protocol/surfaces.md §7), with one more of each list's elements.
constexpr auto kOriginal = R"json({"Ready":true,"Version":"unreleased",
"VersionCheck":{"Enabled":false,"Success":false,"NewVersion":"","NextCheckAt":"0001-01-01T00:00:00Z"},
"Router":{"Protocol":"weave","ProtocolMinVersion":1,"ProtocolMaxVersion":2,"Encryption":true,"PeerDiscovery":true,
"Name":"00:00:00:00:00:02","NickName":"two","Port":6783,
"Peers":[{"Name":"00:00:00:00:00:02","NickName":"two","UID":11407714123369223940,"ShortID":2964,"Version":2,
"Connections":[{"Name":"00:00:00:00:00:01","NickName":"one","Address":"192.168.77.1:6783","Outbound":true,
"Established":true}]},{"Name":"00:00:00:00:00:03","NickName":"","UID":1,"ShortID":5,"Version":1,"Connections":null}],
"UnicastRoutes":[{"Dest":"00:00:00:00:00:02","Via":"00:00:00:00:00:00"},
{"Dest":"00:00:00:00:00:01","Via":"00:00:00:00:00:01"}],
"BroadcastRoutes":[{"Source":"00:00:00:00:00:02","Via":["00:00:00:00:00:01"]},
{"Source":"00:00:00:00:00:01","Via":null}],
"Connections":[{"Address":"192.168.77.1:6783","Outbound":true,"State":"established",
"Info":"encrypted   sleeve 00:00:00:00:00:01(one)","Attrs":{"encrypted":true,"mtu":1414,"name":"sleeve"}},
{"Address":"10.9.9.9:7000","Outbound":true,"State":"retrying",
"Info":"dial tcp :0-\u003e10.9.9.9:7000: connect: no route to host","Attrs":null}],
"TerminationCount":4,"Targets":["192.168.77.1","10.9.9.9:7000"],
"OverlayDiagnostics":{"fastdp":{"Vports":[{"ID":0,"Name":"datapath","TypeName":"internal"}],
"Flows":[{"FlowKeys":["in_port(2)","eth(dst=02:77:0a:20:00:01)"],"Actions":["3"],"Packets":3,"Bytes":294,"Used":99488}]},
"sleeve":null},"TrustedSubnets":[],
"Interface":"datapath (via ODP)","CaptureStats":{"FlowMisses":7},
"MACs":[{"Mac":"02:00:00:00:00:07","Name":"00:00:00:00:00:01","NickName":"one","LastSeen":"2026-11-24T04:00:43.5Z"}]},
"IPAM":{"Paxos":{"Elector":true,"KnownNodes":1,"Quorum":2},"Range":"10.32.0.0/12","RangeNumIPs":1048576,"ActiveIPs":3,
"DefaultSubnet":"10.32.0.0/12","Entries":[{"Token":"10.32.0.0","Size":1048576,"Peer":"00:00:00:00:00:02",
"Nickname":"two","IsKnownPeer":true,"Version":6}],
"PendingClaims":[{"Ident":"c1","CIDR":{"Addr":"10.32.0.9","PrefixLen":12}}],"PendingAllocates":["c2 10.32.0.0/12"]},
"DNS":{"Domain":"weave.local.","Upstream":["192.168.77.254"],"Address":"172.17.0.1:53","TTL":1,
"Entries":[{"Hostname":"aa.weave.local.","Origin":"00:00:00:00:00:02","ContainerID":"053b6fb073b2",
"Address":"10.32.4.1","Version":1,"Tombstone":0}]},
"Proxy":{"Addresses":["unix:///var/run/weave/weave.sock"]},
"Plugin":{"Config":{"Socket":"/run/docker/plugins/weave.sock","MeshSocket":"/run/docker/plugins/weavemesh.sock",
"Enable":true,"EnableV2":false,"EnableV2Multicast":false,"DNS":true,"DefaultSubnet":"10.32.0.0/12","ProcPath":"/proc"},
"DriverName":"weave","MeshDriverName":"weavemesh"}})json";

/// The members that the original has, in our order; what is missing or of another type shows as that.
json::value as_original(json::value const& original, json::value const& ours) {
  if (auto const* wanted = original.if_object(); wanted != nullptr && ours.is_object()) {
    json::object result;
    for (auto const& member : ours.as_object()) {
      auto const* known = wanted->if_contains(member.key());
      if (known != nullptr) result[member.key()] = as_original(*known, member.value());
    }
    return result;
  }
  auto const* wanted = original.if_array();
  if (wanted == nullptr || !ours.is_array() || ours.as_array().size() != wanted->size()) return ours;
  json::array result;
  for (std::size_t i = 0; i < wanted->size(); ++i) result.push_back(as_original((*wanted)[i], ours.as_array()[i]));
  return result;
}

TEST(ReportGolden, NamesOrderTypesAndNullsAreTheOriginals) {
  auto const original = json::parse(kOriginal);
  auto report = parse_status_report(kOriginal);
  ASSERT_TRUE(report) << report.error().text();
  // What the original says in Info alone.
  auto& connections = report->router->connections;
  connections[0].peer = PeerName{1};
  connections[0].nickname = "one";
  connections[0].overlay = "sleeve";
  connections[0].encrypted = true;
  connections[1].error = "dial tcp :0->10.9.9.9:7000: connect: no route to host";
  auto const ours = json::parse(to_json(*report));
  EXPECT_EQ(indented_json(as_original(original, ours)), indented_json(original));
}

TEST(ReportGolden, WhatIsOffIsAbsentAndWhatIsEmptyIsNull) {
  auto report = sample_report();
  report.ipam.reset();
  report.plugin.reset();
  report.router->targets.clear();
  report.router->peers.clear();
  auto const value = json::parse(to_json(report)).as_object();
  for (auto const* service : {"IPAM", "DNS", "Proxy", "Plugin"}) EXPECT_FALSE(value.contains(service)) << service;
  auto const& router = value.at("Router").as_object();
  for (auto const* list : {"Targets", "Peers", "MACs"}) EXPECT_TRUE(router.at(list).is_null()) << list;
  EXPECT_TRUE(router.at("TrustedSubnets").is_array());
}

} // namespace
} // namespace weave::controller::api
