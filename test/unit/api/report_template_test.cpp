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

using Rows = std::vector<std::pair<std::string, std::string>>;

void expect_rows(Rows const& rows, StatusReport const& report) {
  for (auto const& [format, wanted] : rows) {
    auto const text = expand_template(format, report);
    if (!text) {
      ADD_FAILURE() << format << ": " << text.error().text();
    } else {
      EXPECT_EQ(*text, wanted) << format;
    }
  }
}

TEST(ReportTemplate, Control) {
  auto report = sample_report();
  report.dns = sample_dns();
  expect_rows(
      {
          {"{{range .Router.Peers}}{{.NickName}} {{end}}", "two one "},
          {"{{range $i, $p := .Router.Peers}}{{$i}}={{$p.NickName}};{{end}}", "0=two;1=one;"},
          {"{{range $p := .Router.Peers}}{{$p.NickName}},{{$.Router.Port}};{{end}}", "two,6783;one,6783;"},
          {"{{range .Router.MACs}}x{{else}}none{{end}}", "none"},
          {"{{range $k, $v := (index .Router.Connections 0).Attrs}}{{$k}}={{$v}} {{end}}",
           "encrypted=true mtu=1414 name=sleeve "},
          {"{{if .Ready}}yes{{else}}no{{end}}", "yes"},
          {"{{if not .Ready}}yes{{else if eq .Router.Port 6783}}port{{else}}no{{end}}", "port"},
          {"{{if and .Router.Encryption (gt (len .Router.Peers) 1)}}sealed{{end}}", "sealed"},
          {"{{if or .Proxy .DNS}}some{{end}}", "some"},
          {"{{with .Router}}{{.NickName}}{{end}}", "two"},
          {"{{with .Proxy}}{{.}}{{else}}none{{end}}", "none"},
          {"{{with $x := .Router.NickName}}{{$x}}{{.}}{{end}}", "twotwo"},
          {"{{$n := 0}}{{range .Router.Peers}}{{$n = .NickName}}{{end}}{{$n}}", "one"},
          {"{{$n := 1}}{{if true}}{{$n := 2}}{{$n}}{{end}}{{$n}}", "21"},
          {"a\n{{- /* said\nnothing */ -}}\n b", "ab"},
          {"{{range .Router.Peers -}}\n  {{.NickName}}\n{{- end}}", "twoone"},
          {"{{and .Proxy .Proxy.Addresses}}", "<nil>"},
      },
      report);
}

TEST(ReportTemplate, Functions) {
  auto report = sample_report();
  report.dns = sample_dns();
  expect_rows(
      {
          {"{{index .Router.Targets 1}}", "10.9.9.9:7000"},
          {"{{index (index .Router.Connections 0).Attrs \"mtu\"}}", "1414"},
          {"{{(index .Router.Connections 0).Attrs.mtu}}", "1414"},
          {"{{(index .Router.Connections 0).Attrs.nothing}}", "<no value>"},
          {"{{(index .Router.Peers 0).UID}}", "11407714123369223940"},
          {"{{eq .Router.NickName \"one\" \"two\"}} {{ne .Router.Port 6783}}", "true false"},
          {"{{lt 1 2}} {{le 2 2}} {{gt \"b\" \"a\"}} {{ge 1 2}} {{lt -1 (index .Router.Peers 0).UID}}",
           "true true true false true"},
          {"{{eq .Proxy nil}} {{not .Ready}}", "true false"},
          {"{{.Router.NickName | printf \"%s-%d\" \"a\" | len}}", "17"},
          {"{{.Router.Targets | json}}", "[\"192.168.77.1\",\"10.9.9.9:7000\"]"},
          {"{{json .Router.MACs}} {{json .Proxy}} {{json \"<a>\"}}", R"(null null "\u003ca\u003e")"},
          {"{{print 1 2 \"x\" 3}} {{print \"a\" .Router.Port}}|{{println \"a\" 1}}", "1 2x3 a6783|a 1\n"},
          {"{{len \"abc\"}} {{len .Router.MACs}} {{len (index .Router.Connections 0).Attrs}}", "3 0 3"},
          {R"({{"a\tb\"\u00e9\x41"}}{{`raw\n`}}{{'A'}} {{0x10}} {{-3}} {{1.5}})", "a\tb\"\u00e9Araw\\n65 16 -3 1.5"},
      },
      report);
}

TEST(ReportTemplate, Printf) {
  expect_rows(
      {
          {R"({{printf "%s|%5s|%-5s|%.1s|%q|%v" "ab" "ab" "ab" "ab" "a\"b" "ab"}})", R"(ab|   ab|ab   |a|"a\"b"|ab)"},
          {R"({{printf "%d|%5d|%-5d|%05d|%+d|%x|%X|%#x|%o|%b|%c|%v" 42 42 42 -42 42 255 255 255 8 5 65 7}})",
           "42|   42|42   |-0042|+42|ff|FF|0xff|10|101|A|7"},
          {R"({{printf "%t %v %%" true false}})", "true false %"},
          {R"({{printf "%.2f %6.1f %g %e" 1.005 2.25 1.5 1.5}})", "1.00    2.2 1.5 1.500000e+00"},
          {R"({{printf "%*d|%-*d|" 4 7 4 7}})", "   7|7   |"},
          {R"({{printf "%d" "a"}} {{printf "%s" 1}} {{printf "%d"}} {{printf "x" 1}} {{printf "%"}})",
           "%!d(string=a) %!s(int=1) %!d(MISSING) x%!(EXTRA int=1) %!(NOVERB)"},
          {R"({{printf "%v %s %q" .Router.Targets .Router.Targets .Router.Targets}})",
           R"([192.168.77.1 10.9.9.9:7000] [192.168.77.1 10.9.9.9:7000] ["192.168.77.1" "10.9.9.9:7000"])"},
          {R"({{printf "%-30v|" .VersionCheck}})", "version check update disabled |"},
          {"{{range .Router.Peers}}{{printf \"%-20s %d\\n\" .Name (len .Connections)}}{{end}}",
           "00:00:00:00:00:02    1\n00:00:00:00:00:01    1\n"},
      },
      sample_report());
}

TEST(ReportTemplate, PrintsWhatJsonDoesNotShow) {
  auto report = sample_report();
  report.version_check = {.enabled = true, .success = true, .new_version = "4.0", .next_check_at = std::nullopt};
  expect_rows(
      {
          {"{{.VersionCheck}}", "version 4.0 available - please upgrade!"},
          {"{{.VersionCheck.NextCheckAt}}", "0001-01-01 00:00:00 +0000 UTC"},
          {"{{.Proxy}} {{.Router.MACs}}", "<nil> []"},
          {"{{.Router.OverlayDiagnostics.sleeve}} {{(index .Router.Connections 1).Attrs}}", "<no value> map[]"},
          {"{{(index .Router.Connections 0).Attrs}}", "map[encrypted:true mtu:1414 name:sleeve]"},
          {"{{index .Router.UnicastRoutes 0}}", "{00:00:00:00:00:02 00:00:00:00:00:00}"},
      },
      report);
}

TEST(ReportTemplate, SaysWhereSyntaxIsWrong) {
  auto const report = sample_report();
  for (auto const& [format, wanted] : Rows{
           {"{{", "1: unclosed action"},
           {"{{}}", "1: missing value for command"},
           {"a\n{{if}}x{{end}}", "2: missing value for if"},
           {"{{if .Ready}}x", "1: unexpected EOF"},
           {"{{end}}", "1: unexpected {{end}}"},
           {"{{if .Ready}}{{else}}{{else}}{{end}}", "1: unexpected {{else}}"},
           {"{{frobnicate .Ready}}", "1: function \"frobnicate\" not defined"},
           {"{{$x}}", "1: undefined variable \"$x\""},
           {"{{if true}}{{$x := 1}}{{end}}{{$x}}", "1: undefined variable \"$x\""},
           {"{{$a, $b := .Router}}", "1: too many declarations in command"},
           {"{{\"a}}", "1: unterminated quoted string"},
           {"{{\n.A }", "2: bad character U+007D '}'"},
           {"{{.A..B}}", "1: unexpected <.> in operand"},
           {"{{.A;}}", "1: bad character U+003B ';'"},
           {"{{(.A}}", "1: unexpected <}}> in parenthesized pipeline"},
           {"{{1x}}", "1: bad number syntax: \"1x\""},
           {"{{/* a }}", "1: unclosed comment"},
           {"{{template \"x\"}}", "1: {{template}} is not supported"},
           {"{{" + std::string(3000, '(') + "}}", "1: too many parentheses inside each other"},
       }) {
    auto const text = expand_template(format, report);
    ASSERT_FALSE(text) << format;
    EXPECT_EQ(text.error().kind(), ErrorKind::malformed) << format;
    EXPECT_EQ(text.error().text(), "template: format:" + wanted) << format;
  }
}

TEST(ReportTemplate, SaysWhatDoesNotFitTheReport) {
  auto const report = sample_report();
  for (auto const& [format, wanted] : Rows{
           {"{{.Bogus}}", "1: can't evaluate field Bogus"},
           {"a\n{{.Version.X}}", "2: can't evaluate field X in type string"},
           {"{{len .DNS.Entries}}", "1: nil pointer evaluating Entries"},
           {"{{len .Router.Port}}", "1: len of what has no length"},
           {"{{len}}", "1: wrong number of args for len: want 1 got 0"},
           {"{{index .Router.Targets 7}}", "1: index out of range: 7"},
           {"{{eq .Router.Port \"6783\"}}", "1: incompatible types for comparison"},
           {"{{range .Router}}{{end}}", "1: range can't iterate over what is no list"},
           {"{{.Version 1}}", "1: can't give argument to what is no function"},
           {"{{range .Router.Peers}}{{.Bogus}}{{end}}", "1: can't evaluate field Bogus"},
       }) {
    auto const text = expand_template(format, report);
    ASSERT_FALSE(text) << format;
    EXPECT_NE(text.error().kind(), ErrorKind::malformed) << format;
    EXPECT_EQ(text.error().text(), "template: format:" + wanted) << format;
  }
}

TEST(ReportTemplate, EndsWhatWouldNot) {
  auto report = sample_report();
  report.router->targets.assign(1000, "10.0.0.1");
  auto const text = expand_template(
      "{{range .Router.Targets}}{{range $.Router.Targets}}{{range $.Router.Targets}}x{{end}}{{end}}{{end}}", report);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().kind(), ErrorKind::out_of_range);
}

} // namespace
} // namespace weave::controller::api
