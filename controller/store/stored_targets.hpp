#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"

namespace weave::controller::store {

/// The peers that a daemon which does not run will go for when it starts: those in its state file. The file is not
/// touched: what a crash has left is put together in a copy, which is removed again. not_found: there is no such file.
[[nodiscard]] Result<std::vector<std::string>> stored_targets(std::string const& path);

} // namespace weave::controller::store
