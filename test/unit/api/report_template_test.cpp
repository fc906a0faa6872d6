#include "controller/api/report_template.hpp"

#include <gtest/gtest.h>

#include "test/unit/api/sample_report.hpp"

namespace weave::controller::api {
namespace {

TEST(ReportTemplate, TheFormatsOfTheOriginalsTests) {
  auto report = sample_report();
  report.dns = sample_dns();
  for (auto const& [format, wanted] : std::vector<std::pair<std::string, std::string>>{
           {"{{.Version}}", "3.0.0"},
           {"{{ .Version }}", "3.0.0"},
           {"{{.Router.Name}}({{.Router.NickName}})", "00:00:00:00:00:02(two)"},
           {"{{len .Router.Peers}}", "2"},
           {"{{len .Router.MACs}}", "0"},
           {"{{.IPAM.DefaultSubnet}}", "10.32.0.0/12"},
           {"{{.DNS.Domain}}", "weave.local."},
           {"{{len .DNS.Entries}}", "3"},
           {"{{.VersionCheck.Enabled}}", "false"},
           {"{{.VersionCheck.NewVersion}}", ""},
           {"{{.VersionCheck}}", "version check update disabled"},
           {"{{json .Router.Targets}}", "[\"192.168.77.1\",\"10.9.9.9:7000\"]"},
           {"{{.Router.Targets}}", "[192.168.77.1 10.9.9.9:7000]"},
           {"a {{- .Router.Port -}} b", "a6783b"},
           {"plain", "plain"},
       }) {
    auto const text = expand_template(format, report);
    ASSERT_TRUE(text) << format << ": " << text.error().text();
    EXPECT_EQ(*text, wanted) << format;
  }
}

TEST(ReportTemplate, TellsSyntaxFromUnknownFields) {
  auto const report = sample_report();
  for (auto const* format : {"{{", "{{}}", "{{range .Router.Peers}}x{{end}}", "{{.A..B}}", "{{len}}", "{{.A }"}) {
    EXPECT_EQ(expand_template(format, report).error().kind(), ErrorKind::malformed) << format;
  }
  for (auto const* format : {"{{.Bogus}}", "{{.Version.X}}", "{{len .DNS.Entries}}", "{{len .Router.Port}}"}) {
    EXPECT_EQ(expand_template(format, report).error().kind(), ErrorKind::not_found) << format;
  }
}

} // namespace
} // namespace weave::controller::api
