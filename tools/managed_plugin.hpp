#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/command.hpp"
#include "tools/settings.hpp"

namespace weave::tools {

/// In the file system of Docker's managed plugin (protocol/surfaces.md §11) that of the host is below this.
inline constexpr std::string_view kHostRoot = "/host";

/// The daemon's arguments in the managed plugin, from the plugin's variables LOG_LEVEL, EXTRA_ARGS, WEAVE_MTU,
/// WEAVE_MULTICAST and IPALLOC_RANGE; what stands in EXTRA_ARGS wins. `peers` come last.
[[nodiscard]] std::vector<std::string> managed_arguments(Settings const& settings,
                                                         std::vector<std::string> const& peers);

/// What to print if the daemon that runs here is Docker's managed plugin, which only Docker may start and end.
/// `verb`: what was wanted.
[[nodiscard]] std::optional<std::string> managed_by_docker(Settings const& settings, std::string_view verb);

} // namespace weave::tools
