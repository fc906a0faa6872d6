#pragma once

#include <chrono>
#include <ostream>

#include "controller/api/client.hpp"
#include "tools/command.hpp"

namespace weave::tools {

using controller::api::Answer;
using controller::api::ApiClient;

/// Enough for anything that does not wait by its nature.
inline constexpr std::chrono::milliseconds kAnswerTime{30'000};
inline constexpr std::chrono::milliseconds kWithoutLimit{0};

/// The daemon's answer as exit status and streams (protocol/surfaces.md §2.4): success prints the body on stdout; 404
/// says on stderr that `service` is off, code 4; any other prints the body on stderr, code 1; nobody there is code 7, a
/// timeout 28.
int conclude(Result<Answer> const& answer, Invocation& call, std::string_view service);

/// Says on `err` why the daemon cannot be asked; the code of §2.4.
int explain_unreachable(Error const& error, Invocation& call);

/// Asks once; an address that makes no sense is an error like any other.
template <class Ask>
[[nodiscard]] Result<Answer> ask_daemon(Settings const& settings, Ask ask) {
  auto const client = ApiClient::at(settings.api_address);
  if (!client) return failure_of(client);
  return ask(*client);
}

} // namespace weave::tools
