#include <fmt/format.h>

#include "controller/api/messages.hpp"
#include "tools/daemon_answer.hpp"
#include "tools/process.hpp"

namespace weave::tools {

int run_version(Invocation& call) {
  if (!call.words.empty()) return usage(call.err, 1);
  call.out << fmt::format("weave script {}\n", controller::api::version());
  auto const answer =
      ask_daemon(call.settings, [](ApiClient const& client) { return client.report("{{.Version}}", kAnswerTime); });
  if (answer && answer->ok()) {
    call.out << fmt::format("weave {}\n", answer->body);
    return 0;
  }
  auto const weaver = find_weaver(call.settings);
  if (!weaver) {
    call.err << "the daemon's program, weaver, is not installed\n";
    return 1;
  }
  auto const printed = run_program({*weaver, "--version"});
  if (!printed || printed->status != 0) {
    call.err << fmt::format("cannot run {}\n", *weaver);
    return 1;
  }
  call.out << printed->output;
  return 0;
}

} // namespace weave::tools
