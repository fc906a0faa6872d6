#pragma once

#include "tools/command.hpp"
#include "tools/host_facts.hpp"

namespace weave::tools {

/// Looks at this host, asks Docker and the daemon. Changes nothing; what cannot be found out stays at
/// its default. Blocking: ten seconds at most for Docker and the daemon.
[[nodiscard]] HostFacts look_around(Settings const& settings);

/// How a kernel names its modules (modules.dep, modules.builtin): whether `module` is among them.
[[nodiscard]] bool names_module(std::string_view list, std::string_view module);
/// Rules in what iptables-save prints.
[[nodiscard]] std::size_t count_rules(std::string_view saved);

} // namespace weave::tools
