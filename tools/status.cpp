#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "controller/api/messages.hpp"
#include "tools/command_table.hpp"
#include "tools/daemon_answer.hpp"

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

} // namespace

int run_status(Invocation& call) {
  bool const json = call.take_flag("--json");
  auto const section = fmt::format("{}", fmt::join(call.words, "/"));
  if (!section.empty() && std::ranges::find(status_sections(), section) == status_sections().end()) {
    call.err << fmt::format("Invalid 'weave status' sub-command: {}\n", fmt::join(call.words, " "));
    return usage(call.err, 1);
  }
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
