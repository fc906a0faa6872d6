#pragma once

#include <string>
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

/// Exit status, or 128 + signal, from waitpid's status.
[[nodiscard]] int exit_status(int wait_status);

} // namespace weave::tools
