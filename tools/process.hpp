#pragma once

#include <functional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "base/result.hpp"

namespace weave::tools {

struct ProgramResult {
  int status = 0; ///< exit status, or 128 + the signal that ended it
  std::string output;
};

/// Runs a program found through PATH, waits for it, and collects its stdout and stderr together. Fails only if it
/// cannot be started.
[[nodiscard]] Result<ProgramResult> run_program(std::vector<std::string> const& words);

/// Becomes that program (execvp). Returns only the error.
[[nodiscard]] Error become_program(std::vector<std::string> const& words);

/// The processes that satisfy the condition, of our own process namespace.
[[nodiscard]] std::vector<pid_t> find_processes(std::function<bool(pid_t)> const& condition);
/// Whether the last words of its command line are these.
[[nodiscard]] bool command_line_ends(pid_t pid, std::vector<std::string> const& words);

/// Exit status, or 128 + signal, from waitpid's status.
[[nodiscard]] int exit_status(int wait_status);

} // namespace weave::tools
