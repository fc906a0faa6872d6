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

/// Where a daemon of these directories serves its read-only API, unless it was launched otherwise; empty: not known.
[[nodiscard]] std::string status_address(Settings const& settings);

/// Asks once; an address that makes no sense is an error like any other.
template <class Ask>
[[nodiscard]] Result<Answer> ask_daemon(Settings const& settings, Ask ask) {
  auto const client = ApiClient::at(settings.api_address);
  if (!client) return failure_of(client);
  return ask(*client);
}

/// The same of what only reads. Whoever may not use the control socket is answered where every user may read, if that
/// is open.
template <class Ask>
[[nodiscard]] Result<Answer> ask_daemon_to_read(Settings const& settings, Ask ask) {
  auto answer = ask_daemon(settings, ask);
  if (answer || answer.error().kind() != ErrorKind::refused) return answer;
  auto const place = status_address(settings);
  auto const client = place.empty() ? failure_of(answer) : ApiClient::at(place);
  auto read = client ? ask(*client) : failure_of(client);
  return read ? read : answer;
}

} // namespace weave::tools
