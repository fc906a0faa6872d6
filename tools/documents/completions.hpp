#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/command_table.hpp"

/// Completions for the shells, made of the table of commands. `launch_options`: the daemon's, which launch hands on.
/// Pure.
namespace weave::tools {

[[nodiscard]] std::string bash_completion(std::span<OptionText const> launch_options);
[[nodiscard]] std::string zsh_completion(std::span<OptionText const> launch_options);
[[nodiscard]] std::string fish_completion(std::span<OptionText const> launch_options);

} // namespace weave::tools
