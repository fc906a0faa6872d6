#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "controller/api/health.hpp"
#include "controller/api/messages.hpp"
#include "controller/api/status_text.hpp"
#include "tools/absence.hpp"
#include "tools/command_table.hpp"
#include "tools/daemon_answer.hpp"
#include "tools/findings.hpp"

namespace weave::tools {
namespace {

using controller::api::StatusReport;
using controller::api::Trouble;

/// Says on stderr why the daemon cannot be asked.
int conclude_absence(Invocation& call, Error const& error) {
  auto const facts = look_for_daemon(error, call.settings);
  if (facts.is_down()) return std::min(explain_unreachable(error, call), 1);
  auto const finding = explain_absence(facts);
  call.err << fmt::format("{}: {}. Next: {}\n", finding.text, finding.cause, finding.next);
  return 1;
}

int print_json(Invocation& call, std::string const& section) {
  auto const answer =
      ask_daemon_to_read(call.settings, [](ApiClient const& client) { return client.report(kAnswerTime); });
  if (!answer) return conclude_absence(call, answer.error());
  if (!answer->ok()) return std::min(conclude(answer, call, "the report"), 1);
  auto const text =
      section.empty() ? Result<std::string>{answer->body} : controller::api::report_section(answer->body, section);
  if (!text) {
    call.err << text.error().text() << "\n";
    return 1;
  }
  call.out << *text << "\n";
  return 0;
}

/// Exit status of --check, as monitoring programs have it.
enum CheckStatus { kAllIsWell = 0, kSomeWarning = 1, kSomeError = 2, kCannotTell = 3 };

/// There is no report to check.
int conclude_check(Invocation& call, Finding const& finding, bool as_json) {
  if (as_json) {
    print_json(std::vector{finding}, Severity::warning, call.out);
  } else {
    call.err << fmt::format("{}: {}. Next: {}\n", finding.text, finding.cause, finding.next);
  }
  return kCannotTell;
}

int conclude_troubles(Invocation& call, std::vector<Trouble> const& troubles, bool as_json) {
  if (as_json) {
    std::vector<Finding> findings;
    for (auto const& each : troubles) {
      findings.push_back(
          {each.degraded ? Severity::warning : Severity::error, each.subject, each.what, each.cause, each.next});
    }
    print_json(findings, Severity::warning, call.out);
  } else if (troubles.empty()) {
    call.out << fmt::format("{:>15}: all is well\n\n", "Check");
  }
  if (troubles.empty()) return kAllIsWell;
  return std::ranges::all_of(troubles, &Trouble::degraded) ? kSomeWarning : kSomeError;
}

/// The page, with what is not well in it.
int print_check(Invocation& call, bool as_json) {
  auto const answer =
      ask_daemon_to_read(call.settings, [](ApiClient const& client) { return client.report(kAnswerTime); });
  if (!answer) return conclude_check(call, explain_absence(look_for_daemon(answer.error(), call.settings)), as_json);
  auto const report = answer->ok() ? controller::api::parse_status_report(answer->body)
                                   : Result<StatusReport>{failure(ErrorKind::unavailable, answer->body)};
  if (!report) {
    return conclude_check(call,
                          {Severity::error, "daemon", "the daemon gives no report", report.error().text(),
                           "'weave version' shows whether command and daemon are of one version"},
                          as_json);
  }
  if (!as_json) call.out << fmt::format("\n{}\n", controller::api::status_text(*report));
  return conclude_troubles(call, controller::api::find_troubles(*report), as_json);
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
      ask_daemon_to_read(call.settings, [&](ApiClient const& client) { return client.get(target, kAnswerTime); });
  auto const code = answer ? conclude(answer, call, "this service") : conclude_absence(call, answer.error());
  if (section.empty()) call.out << "\n";
  return code == 0 ? 0 : 1;
}

} // namespace weave::tools
