#pragma once

#include "tools/command.hpp"

namespace weave::tools {

/// What `weave stop` does while the caller holds the lock of the run directory: removes the default Docker network,
/// ends supervisor and daemon within bounded time, removes what they left in the run directory.
struct Stopped {
  int status = 0;        ///< the exit status
  bool attached = false; ///< Docker will still call for containers that it has on our network
};
Stopped stop_locked(Invocation& call);

/// Whether a supervisor, a service or a daemon started by hand runs.
[[nodiscard]] bool is_running(Settings const& settings);

} // namespace weave::tools
