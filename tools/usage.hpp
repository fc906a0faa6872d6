#pragma once

#include <string>

#include "tools/command_table.hpp"

namespace weave::tools {

/// All commands, as `weave` without a command prints it.
[[nodiscard]] std::string usage_text();
/// One command: `weave help NAME` and `weave NAME --help`.
[[nodiscard]] std::string help_text(Command const& command);

} // namespace weave::tools
