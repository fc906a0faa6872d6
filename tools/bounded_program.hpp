#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "tools/process.hpp"

namespace weave::tools {

/// As run_program, but not for longer than `limit`: then the program and what it has started are killed, and the error
/// is timed_out and names it.
[[nodiscard]] Result<ProgramResult> run_program_within(std::vector<std::string> const& words,
                                                       std::chrono::milliseconds limit);

} // namespace weave::tools
