#include "controller/api/flows_text.hpp"

#include <gtest/gtest.h>

#include "test/unit/api/sample_report.hpp"

namespace weave::controller::api {
namespace {

StatusReport report_with_flows() {
  auto report = sample_report();
  report.router->fast_path = sample_fast_path();
  return report;
}

TEST(FlowsText, HasALineAFlowWithThePeersBehindItsTunnelIds) {
  EXPECT_EQ(
      flows_text(report_with_flows()),
      "in_port(2),eth(dst=02:77:0a:20:00:01), packets:3, bytes:294, used:0.512s, "
      "actions:set(tunnel(tun_id=0xcb94,src=192.168.77.2,dst=192.168.77.1,ttl=64,flags(df))),3"
      " # tun_id=0xcb94: 00:00:00:00:00:02(two)->00:00:00:00:00:01(one)\n"
      "tunnel(tun_id=0xfff001,src=192.168.77.1,dst=192.168.77.2),in_port(3),eth(), packets:0, bytes:0, used:never, "
      "actions:drop # tun_id=0xfff001: unknown->unknown\n");
}

TEST(FlowsText, SaysNothingOfATimeThatIsNotKnown) {
  auto report = report_with_flows();
  auto& flows = report.router->fast_path->flows;
  flows.resize(1);
  flows[0].actions = "3";
  flows[0].used.reset();
  EXPECT_EQ(flows_text(report), "in_port(2),eth(dst=02:77:0a:20:00:01), packets:3, bytes:294, actions:3\n");
}

TEST(FlowsText, IsEmptyWithoutAFastPath) {
  EXPECT_EQ(flows_text(sample_report()), "");
  EXPECT_EQ(flows_text(StatusReport{}), "");
}

TEST(FlowsText, AnIdOfTwoPeersIsTheLowerNames) {
  auto report = report_with_flows();
  auto& peers = report.router->peers;
  peers.push_back(peers[1]);
  peers.back().name = PeerName{9};
  EXPECT_EQ(tunnels_of(report.router->fast_path->flows[0], peers)[0].destination, "00:00:00:00:00:01(one)");
}

TEST(FlowsText, ATunnelIdIsExplainedOnce) {
  FlowStatus flow;
  flow.match = "tunnel(tun_id=0xc00b94/0xffffff,src=1.2.3.4)";
  flow.actions = "set(tunnel(tun_id=0xc00b94)),3,set(tunnel(tun_id=0xb9400c)),4,set(tunnel(tun_id=0x))";
  auto const tunnels = tunnels_of(flow, {});
  ASSERT_EQ(tunnels.size(), 2U);
  EXPECT_EQ(tunnels[0].id, 0xc00b94U);
  EXPECT_EQ(tunnels[1].id, 0xb9400cU);
}

TEST(FlowsText, SplitsBetweenBracketsOnly) {
  EXPECT_EQ(split_list("in_port(2),eth(src=1,dst=2),a"),
            (std::vector<std::string>{"in_port(2)", "eth(src=1,dst=2)", "a"}));
  EXPECT_EQ(split_list("set(tunnel(a,b)),3"), (std::vector<std::string>{"set(tunnel(a,b))", "3"}));
  EXPECT_TRUE(split_list("").empty());
  EXPECT_EQ(split_list(")x,(y,z"), (std::vector<std::string>{")x", "(y,z"}));
}

TEST(FlowsJson, SurvivesTheJourney) {
  auto const report = report_with_flows();
  auto parsed = parse_status_report(to_json(report));
  ASSERT_TRUE(parsed) << parsed.error().text();
  EXPECT_EQ(parsed->router->fast_path, report.router->fast_path);
}

TEST(FlowsJson, NamesTheKeysOfTheOriginal) {
  auto const text = report_section(to_json(report_with_flows()), "flows").value();
  EXPECT_TRUE(
      text.starts_with("{\n    \"Vports\": [\n        {\n            \"ID\": 0,\n            \"Name\": \"datapath\",\n"
                       "            \"TypeName\": \"internal\"\n"));
  EXPECT_NE(
      text.find("\"FlowKeys\": [\n                \"in_port(2)\",\n                \"eth(dst=02:77:0a:20:00:01)\"\n"),
      std::string::npos);
  EXPECT_NE(text.find("\"Packets\": 3,\n            \"Bytes\": 294,\n            \"Used\": 99488,\n"),
            std::string::npos);
  EXPECT_NE(text.find("\"Source\": \"00:00:00:00:00:02(two)\""), std::string::npos);
  EXPECT_EQ(report_section(to_json(sample_report()), "flows").value(), "null");
}

} // namespace
} // namespace weave::controller::api
