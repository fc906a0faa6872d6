#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tools/settings.hpp"

namespace weave::tools {

/// Docker's names for the drivers of this daemon: those of its plugin sockets.
[[nodiscard]] std::set<std::string> driver_names(std::vector<std::string> const& plugin_sockets);

/// Whether Docker's answer to GET /networks names one of these drivers'. An answer that cannot be read may do so.
[[nodiscard]] bool names_network_of(std::set<std::string> const& drivers, std::string_view body);

/// Whether Docker may still call for networks of these drivers: yes, too, if it does not say within the limit; nothing
/// if it does not run. Blocking.
[[nodiscard]] std::optional<bool> docker_has_networks(Settings const& settings, std::set<std::string> const& drivers,
                                                      std::chrono::milliseconds limit);

} // namespace weave::tools
