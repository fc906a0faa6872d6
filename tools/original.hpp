#pragma once

#include <optional>
#include <string>

#include "tools/command.hpp"

namespace weave::tools {

/// The database of an original Weave Net's script on this host. Blocking, two seconds if Docker hangs.
[[nodiscard]] std::optional<std::string> original_database(Settings const& settings);

/// What to tell the user if an original Weave Net runs in its container: it has our ports and our bridge. One that is
/// stopped is kept from coming back with Docker; `err` hears of that. `command` is what the user wanted. Blocking, two
/// seconds if Docker hangs.
[[nodiscard]] std::optional<std::string> running_original(Invocation& call, std::string_view command);

/// The same for one that has its database open, in whatever form it runs. `database`: as above.
[[nodiscard]] std::optional<std::string> working_original(Settings const& settings,
                                                          std::optional<std::string> const& database,
                                                          std::string_view command);

} // namespace weave::tools
