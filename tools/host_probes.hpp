#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tools/command.hpp"
#include "tools/host_facts.hpp"

namespace weave::tools {

/// Looks at this host and for its peers, asks Docker and the daemon. Changes nothing; what cannot be found out stays at
/// its default. Blocking: five seconds at most for each of the daemon, Docker and each program, three for all peers.
[[nodiscard]] HostFacts look_around(Settings const& settings);

/// How a kernel names its modules (modules.dep, modules.builtin): whether `module` is among them.
[[nodiscard]] bool names_module(std::string_view list, std::string_view module);
/// Rules in what iptables-save prints.
[[nodiscard]] std::size_t count_rules(std::string_view saved);
/// The values of a variable in a file of `NAME=value` lines, as systemd's EnvironmentFile and a shell read it; nothing
/// if it is not set. Pure.
[[nodiscard]] std::vector<std::string> words_of_variable(std::string_view file, std::string_view name);

} // namespace weave::tools
