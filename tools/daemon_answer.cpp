#include "tools/daemon_answer.hpp"

#include <fmt/format.h>

namespace weave::tools {

int conclude(Result<Answer> const& answer, Invocation& call, std::string_view service) {
  if (!answer) return explain_unreachable(answer.error(), call);
  if (answer->ok()) {
    call.out << answer->body;
    return 0;
  }
  if (answer->status == 404) {
    call.err << fmt::format("{} is off in the running daemon\n", service);
    return 4;
  }
  call.err << answer->body;
  return 1;
}

std::string status_address(Settings const& settings) {
  if (auto named = settings.variable("WEAVE_STATUS_ADDR")) return *std::move(named);
  // In other directories is another daemon.
  return settings.api_address == Settings{}.control_socket() ? "127.0.0.1:6782" : "";
}

int explain_unreachable(Error const& error, Invocation& call) {
  auto const& address = call.settings.api_address;
  switch (error.kind()) {
    case ErrorKind::not_found:
    case ErrorKind::unavailable:
      call.err << fmt::format("weave is not running (nobody answers on {}). Have you launched it?\n", address);
      return 7;
    case ErrorKind::refused: call.err << fmt::format("no permission to use {}; try with sudo\n", address); return 7;
    case ErrorKind::timed_out: call.err << fmt::format("no answer on {} in time\n", address); return 28;
    case ErrorKind::malformed:
    case ErrorKind::out_of_range:
    case ErrorKind::already_exists:
    case ErrorKind::cancelled:
    case ErrorKind::system: call.err << fmt::format("cannot ask {}: {}\n", address, error.text()); return 7;
  }
  return 7;
}

} // namespace weave::tools
