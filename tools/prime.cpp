#include "tools/daemon_answer.hpp"

namespace weave::tools {
namespace {

/// What the daemon says when it has waited in vain for as long as it was asked to.
constexpr int kGaveUp = 503;

} // namespace

/// Waits without limit, but says every time it changes whom it waits for.
int run_prime(Invocation& call) {
  if (!call.words.empty()) return usage(call.err, 1);
  for (std::string said;;) {
    auto const answer =
        ask_daemon(call.settings, [](ApiClient const& client) { return client.get("/ring?timeout=5", kAnswerTime); });
    if (!answer || answer->status != kGaveUp) return conclude(answer, call, "address allocation");
    if (answer->body != said) call.err << answer->body << std::flush;
    said = answer->body;
  }
}

} // namespace weave::tools
