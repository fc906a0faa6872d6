#pragma once

#include <string>

#include "controller/app/options.hpp"
#include "datapath/link/firewall.hpp"

namespace weave::controller {

/// What the firewall shall let pass and keep away, as the daemon was launched; nothing is exposed yet. Ports on
/// addresses that people chose themselves are left to them, but for loopback ones.
[[nodiscard]] datapath::FirewallWish firewall_of(Options const& options, std::string local_set);

} // namespace weave::controller
