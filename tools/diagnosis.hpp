#pragma once

#include <vector>

#include "tools/findings.hpp"
#include "tools/host_facts.hpp"

namespace weave::tools {

/// What this host brings along: kernel, firewall, ports, range, clock, Docker. Pure.
[[nodiscard]] std::vector<Finding> diagnose_host(HostFacts const& facts);
/// What the daemon says of itself and of each peer. Pure.
[[nodiscard]] std::vector<Finding> diagnose_daemon(HostFacts const& facts);

} // namespace weave::tools
