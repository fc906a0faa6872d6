#pragma once

#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "base/unique_fd.hpp"
#include "tools/settings.hpp"

namespace weave::tools {

/// What answers Docker on the plugin sockets while weave is stopped and containers are still attached
/// (protocol/surfaces.md §12.2): Docker tries again for 15 s a call when nobody listens, and takes an error at once.
///
/// What gives something up succeeds and is put on record, one `METHOD BODY` a line in `WEAVE_STATE_DIR/released`; the
/// next launch tells the daemon. What asks for something is refused with what to do.

struct StandInAnswer {
  int status = 200;
  std::string body;
  bool record = false; ///< the daemon must hear of it later

  bool operator==(StandInAnswer const&) const = default;
};

/// `path` is that of the request, `scope` the one of the driver: "local" or "global".
[[nodiscard]] StandInAnswer stand_in_answer(std::string_view path, std::string_view scope);

/// One line for the record, and the end of a former one that a full disk or a crash has torn; a body with line ends in
/// it (JSON needs none) is put on one line.
[[nodiscard]] std::string released_line(std::string_view path, std::string_view body);

struct ReleasedCall {
  std::string path;
  std::string body;

  bool operator==(ReleasedCall const&) const = default;
};
/// In order; a last line without its end (a crash while writing) and lines that are no calls are left out.
[[nodiscard]] std::vector<ReleasedCall> released_calls(std::string_view record);

/// Becomes a process of its own, `plugin-stand-in` by name, which goes by itself when others take its sockets or Docker
/// has no network of ours any more. Returns when it answers, or after 3 s without success. Nothing happens if there are
/// no plugin sockets.
[[nodiscard]] bool start_stand_in(Settings const& settings);
/// A child that waits for the caller, the supervisor, to be gone without a word, and for the daemon to be gone too;
/// then it starts the stand-in if dead plugin sockets are left.
struct StandInWaiting {
  UniqueFd word; ///< one byte: it is not needed any more
  pid_t pid = 0;
};
/// Empty if it cannot be made.
[[nodiscard]] StandInWaiting start_stand_in_waiting(Settings const& settings);
/// Gives the word. Returns when it has gone, or after half a second.
void end_stand_in_waiting(StandInWaiting const& waiting);
/// Whether one stands in for the daemon of this run directory.
[[nodiscard]] bool has_stand_in(Settings const& settings);
/// Ends all that do, whatever sockets they have, and waits for that.
void end_stand_in(Settings const& settings);
/// For whoever starts the daemon: if there is a record, a process of its own waits up to a minute for the daemon, tells
/// it, and removes the record; a daemon that does not come is told at the next start. What the daemon does not take is
/// left to its own look at what Docker has.
void tell_released_later(Settings const& settings);

} // namespace weave::tools
