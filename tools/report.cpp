#include "tools/daemon_answer.hpp"

namespace weave::tools {

int run_report(Invocation& call) {
  (void)call.take_flag("--json");
  auto const& words = call.words;
  bool const formatted = words.size() == 2 && words[0] == "-f";
  if (!formatted && !words.empty()) return usage(call.err, 1);
  auto const answer = ask_daemon_to_read(call.settings, [&](ApiClient const& client) {
    return formatted ? client.report(words[1], kAnswerTime) : client.report(kAnswerTime);
  });
  return conclude(answer, call, "the report");
}

} // namespace weave::tools
