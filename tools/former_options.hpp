#pragma once

#include <string>
#include <vector>

#include "tools/settings.hpp"

namespace weave::tools {

/// The words after `weave launch` without the spellings of former versions (protocol/surfaces.md §17): long options
/// with one dash, and names that have changed since.
struct TodaysWords {
  std::vector<std::string> words;
  std::vector<std::string> warnings; ///< one for each former word, naming today's

  friend bool operator==(TodaysWords const&, TodaysWords const&) = default;
};

/// Values and hosts stay as they are; after `--` everything does.
[[nodiscard]] TodaysWords without_former_options(std::vector<std::string> const& words);

/// A line for each variable of former versions that is set and means nothing any more.
[[nodiscard]] std::vector<std::string> variables_without_effect(Settings const& settings);

} // namespace weave::tools
