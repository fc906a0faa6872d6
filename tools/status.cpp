#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "controller/api/health.hpp"
#include "controller/api/messages.hpp"
#include "controller/api/status_text.hpp"
#include "tools/command_table.hpp"
#include "tools/daemon_answer.hpp"
#include "tools/findings.hpp"

namespace weave::tools {
namespace {

int print_json(Invocation& call, std::string const& section) {
  auto const answer = ask_daemon(call.settings, [](ApiClient const& client) { return client.report(kAnswerTime); });
  if (!answer || !answer->ok()) return std::min(conclude(answer, call, "the report"), 1);
  auto const text =
      section.empty() ? Result<std::string>{answer->body} : controller::api::report_section(answer->body, section);
  if (!text) {
    call.err << text.error().text() << "\n";
    return 1;
  }
  call.out << *text << "\n";
  return 0;
}

/// The page and what is not well in it, one line each.
int print_check(Invocation& call, bool as_json) {
  auto const answer = ask_daemon(call.settings, [](ApiClient const& client) { return client.report(kAnswerTime); });
  if (!answer || !answer->ok()) return std::min(conclude(answer, call, "the report"), 1);
  auto const report = controller::api::parse_status_report(answer->body);
  if (!report) {
    call.err << fmt::format("cannot read the daemon's report: {}\n", report.error().text());
    return 1;
  }
  auto const troubles = controller::api::find_troubles(*report);
  if (as_json) {
    std::vector<Finding> findings;
    for (auto const& each : troubles) {
      findings.push_back(
          {each.degraded ? Severity::warning : Severity::error, "status", each.what, each.cause, each.next});
    }
    print_json(findings, Severity::warning, call.out);
  } else {
    call.out << fmt::format("\n{}\n", controller::api::status_text(*report));
    for (auto const& each : troubles) call.out << fmt::format("{:>15}: {}\n", "Check", each.line());
    if (troubles.empty()) call.out << fmt::format("{:>15}: all is well\n", "Check");
    call.out << "\n";
  }
  return troubles.empty() ? 0 : 1;
}

} // namespace

int run_status(Invocation& call) {
  bool const json = call.take_flag("--json");
  bool const check = call.take_flag("--check");
  auto const section = fmt::format("{}", fmt::join(call.words, "/"));
  if (!section.empty() && std::ranges::find(status_sections(), section) == status_sections().end()) {
    call.err << fmt::format("Invalid 'weave status' sub-command: {}\n", fmt::join(call.words, " "));
    return usage(call.err, 1);
  }
  if (check && !section.empty()) return usage(call.err, 1);
  if (check) return print_check(call, json);
  if (json) return print_json(call, section);
  auto const target = section.empty() ? "/status" : "/status/" + section;
  if (section.empty()) call.out << "\n";
  auto const answer =
      ask_daemon(call.settings, [&](ApiClient const& client) { return client.get(target, kAnswerTime); });
  auto const code = conclude(answer, call, "this service");
  if (section.empty()) call.out << "\n";
  return code == 0 ? 0 : 1;
}

} // namespace weave::tools
