#pragma once

#include <optional>
#include <string>

#include "tools/command.hpp"

namespace weave::tools {

/// What `weave stop` does while the caller holds the lock of the run directory: removes the default Docker network,
/// ends supervisor and daemon within bounded time, removes what they left in the run directory.
struct Stopped {
  int status = 0; ///< the exit status
  /// Docker will still call for containers or networks of ours; nothing if nobody could be asked.
  std::optional<bool> attached;
};
Stopped stop_locked(Invocation& call);

/// Names on stderr the containers, ids with blanks between, that keep Docker from removing the network.
void warn_of_attached(Invocation& call, std::string const& ids);

/// Whether a supervisor, a service or a daemon started by hand runs.
[[nodiscard]] bool is_running(Settings const& settings);

} // namespace weave::tools
