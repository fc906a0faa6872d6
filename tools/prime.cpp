#include "tools/daemon_answer.hpp"

namespace weave::tools {

int run_prime(Invocation& call) {
  if (!call.words.empty()) return usage(call.err, 1);
  auto const answer =
      ask_daemon(call.settings, [](ApiClient const& client) { return client.get("/ring", kWithoutLimit); });
  return conclude(answer, call, "address allocation");
}

} // namespace weave::tools
