#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace weave::datapath {

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

/// Runs `command` (found in PATH) in the calling thread's network namespace and waits for it, however long it takes.
/// not_found when there is no such program.
[[nodiscard]] Result<CommandResult> converse_with(std::vector<std::string> const& command, std::string_view input);
/// The same with nothing to read and its output discarded.
[[nodiscard]] Result<int> run_command(std::vector<std::string> const& command);

} // namespace weave::datapath
