#include "tools/daemon_answer.hpp"

namespace weave::tools {
namespace {

int post_peers(Invocation& call, std::string target, bool replace) {
  ApiClient::Parameters parameters;
  if (replace) parameters.emplace_back("replace", "true");
  for (auto const& peer : call.words) parameters.emplace_back("peer", peer);
  auto const answer =
      ask_daemon(call.settings, [&](ApiClient const& client) { return client.post(target, parameters, kAnswerTime); });
  return conclude(answer, call, "the router");
}

} // namespace

int run_connect(Invocation& call) {
  bool const replace = call.take_flag("--replace");
  if (call.words.empty() && !replace) return usage(call.err, 1);
  return post_peers(call, "/connect", replace);
}

int run_forget(Invocation& call) {
  if (call.words.empty()) return usage(call.err, 1);
  return post_peers(call, "/forget", false);
}

} // namespace weave::tools
