#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace weave {

/// How a program ended and what it said.
struct CommandResult {
  int status = 0; ///< exit status, or 128 and the signal that ended it
  std::string output;
  std::string errors;
};

/// Runs a command and gives its exit status.
using RunCommand = std::function<Result<int>(std::vector<std::string> const& command)>;
/// The same with text to read, and with what it prints.
using ConverseCommand =
    std::function<Result<CommandResult>(std::vector<std::string> const& command, std::string_view input)>;

/// Others may hold iptables' lock for five seconds of it; a ruleset that a container has filled may take for ever.
inline constexpr std::chrono::milliseconds kCommandLimit{15'000};

/// Runs `command` (found in PATH) in the calling thread's network namespace and waits for it; after `limit` it is
/// killed with what it has started (timed_out; on kernels before 5.3 it is waited for). It has a process group of its
/// own: what a terminal sends to ours does not interrupt it half-way. not_found when there is no such program.
[[nodiscard]] Result<CommandResult> converse_within(std::chrono::milliseconds limit,
                                                    std::vector<std::string> const& command, std::string_view input);
/// Within kCommandLimit.
[[nodiscard]] Result<CommandResult> converse_with(std::vector<std::string> const& command, std::string_view input);
/// The same with nothing to read and its output discarded.
[[nodiscard]] Result<int> run_command(std::vector<std::string> const& command);

} // namespace weave
