#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/peer_name.hpp"
#include "base/result.hpp"

namespace weave::controller::store {

// What is in the state file of a daemon, whether that runs or not. The file is not touched: what a crash has left is
// put together in a copy, which is removed again. not_found: there is no such file.

/// The peers that a daemon which does not run will go for when it starts.
[[nodiscard]] Result<std::vector<std::string>> stored_targets(std::string const& path);
/// Absent in a file that no daemon has started with yet.
[[nodiscard]] Result<std::optional<PeerName>> stored_peer_name(std::string const& path);

} // namespace weave::controller::store
