#pragma once

#include <chrono>
#include <functional>
#include <ostream>

#include "tools/daemon_answer.hpp"

namespace weave::tools {

enum class Start { ready, ended, not_in_time };

/// Asks for the status over the control socket until it is 200. `ended_within` waits that long and says whether the
/// daemon has ended. Says on `err` what is awaited when that takes more than some seconds.
[[nodiscard]] Start wait_until_ready(ApiClient const& daemon,
                                     std::function<bool(std::chrono::milliseconds)> const& ended_within,
                                     std::chrono::milliseconds limit, std::ostream& err);

} // namespace weave::tools
