#include <algorithm>

#include <fmt/format.h>

#include "tools/daemon_answer.hpp"

namespace weave::tools {

int run_rmpeer(Invocation& call) {
  if (call.words.empty() || std::ranges::find(call.words, "") != call.words.end()) return usage(call.err, 1);
  int code = 0;
  for (auto const& peer : call.words) {
    auto const answer = ask_daemon(call.settings, [&](ApiClient const& client) {
      return client.remove("/peer/" + controller::api::path_part(peer), kAnswerTime);
    });
    if (conclude(answer, call, "address allocation") != 0) code = 1;
    if (answer && answer->ok() && answer->body.empty()) call.err << "address allocation is off in the running daemon\n";
    if (answer && answer->ok() && answer->body.starts_with("0 ")) {
      call.err << fmt::format("(no peer {} with addresses of its own is known)\n", peer);
    }
  }
  return code;
}

} // namespace weave::tools
