#include "controller/api/metrics_text.hpp"

#include <gtest/gtest.h>

#include "test/unit/api/sample_report.hpp"

namespace weave::controller::api {
namespace {

bool has_line(std::string const& text, std::string const& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(Metrics, HaveTheNamesAndLabelsOfTheOriginal) {
  auto report = sample_report();
  report.dns = sample_dns();
  report.router->termination_count = 7;
  report.router->fast_path = sample_fast_path();
  report.router->name = report.dns->entries[0].origin;
  report.ipam->entries[0].is_known_peer = false;
  auto const text = metrics_text(report);
  for (auto const* const line :
       {"# TYPE weave_connections gauge", "weave_connections{encryption=\"\",state=\"established\",type=\"sleeve\"} 0",
        "weave_connections{encryption=\"yes\",state=\"established\",type=\"sleeve\"} 1",
        "weave_connections{encryption=\"\",state=\"failed\",type=\"unknown\"} 1",
        "weave_connections{encryption=\"yes\",state=\"failed\",type=\"unknown\"} 0",
        "# TYPE weave_connection_terminations_total counter", "weave_connection_terminations_total 7", "weave_flows 2",
        "weave_ips{state=\"local-used\"} 2", "weave_max_ips 1048576", "weave_ipam_unreachable_count 1",
        "weave_ipam_unreachable_percentage 50", "weave_ipam_pending_allocates 0", "weave_ipam_pending_claims 0",
        "weave_dns_entries 2"}) {
    EXPECT_TRUE(has_line(text, line)) << line << "\n" << text;
  }
}

TEST(Metrics, OfPartsThatAreOffAreMissing) {
  auto report = sample_report();
  report.ipam.reset();
  report.dns.reset();
  auto const text = metrics_text(report);
  EXPECT_EQ(text.find("weave_ip"), std::string::npos);
  EXPECT_EQ(text.find("weave_max_ips"), std::string::npos);
  EXPECT_EQ(text.find("weave_dns"), std::string::npos);
  EXPECT_EQ(text.find("weave_flows"), std::string::npos) << "nothing is known of them";
  EXPECT_NE(text.find("weave_connections{"), std::string::npos);
  EXPECT_EQ(metrics_text({}), "");
}

TEST(Metrics, CountOnlyLivingNamesOfThisPeer) {
  auto report = sample_report();
  report.dns = sample_dns();
  report.router->name = PeerName{99};
  EXPECT_TRUE(has_line(metrics_text(report), "weave_dns_entries 0"));
}

TEST(Metrics, SamplesHaveOneHeadForEachFamily) {
  EXPECT_EQ(metrics_text({}, {{"a_total", "counter", "As.", "k=\"1\"", 5},
                              {"a_total", "counter", "As.", "k=\"2\"", 6},
                              {"b", "gauge", "Bs.", "", 0.5}}),
            "# HELP a_total As.\n# TYPE a_total counter\na_total{k=\"1\"} 5\na_total{k=\"2\"} 6\n"
            "# HELP b Bs.\n# TYPE b gauge\nb 0.5\n");
}

} // namespace
} // namespace weave::controller::api
