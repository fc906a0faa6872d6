#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "tools/findings.hpp"
#include "tools/service_manager.hpp"
#include "tools/settings.hpp"

namespace weave::tools {

/// What can be known of a daemon that does not answer.
struct AbsenceFacts {
  ErrorKind kind = ErrorKind::unavailable; ///< of the attempt to ask it
  std::string error = {};
  std::string address = {};
  std::optional<ServiceState> service = {}; ///< absent: systemd does not keep the daemon
  int restarts = 0;                         ///< by systemd
  bool supervised = false;                  ///< our own supervisor, or the daemon, lives
  std::vector<std::string> last_words = {}; ///< why the daemon ended last, as it seems from its log

  /// Nothing keeps a daemon on this host.
  [[nodiscard]] bool is_down() const;
};

/// Blocking, a systemctl at most and a look at the log.
[[nodiscard]] AbsenceFacts look_for_daemon(Error const& error, Settings const& settings);

/// Why the daemon does not answer and what to do. Pure. An error; where nothing keeps a daemon, somebody may want it
/// so.
[[nodiscard]] Finding explain_absence(AbsenceFacts const& facts);

} // namespace weave::tools
