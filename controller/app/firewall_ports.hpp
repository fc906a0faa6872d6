#pragma once

#include <string>

#include "controller/app/options.hpp"
#include "datapath/link/firewall_wish.hpp"
#include "datapath/link/link.hpp"

namespace weave::controller {

/// What the firewall shall let pass and keep away, as the daemon was launched; nothing is exposed yet. Ports on
/// addresses that people chose themselves are left to them, but for loopback ones.
[[nodiscard]] datapath::FirewallWish firewall_of(Options const& options, std::string local_set);

/// Whether it is the bridge of a network that Docker has made, by the name that Docker gives them: `br-` and the first
/// twelve digits of the network's number, or Swarm's `docker_gwbridge`. Of `docker0` people say it by an option.
[[nodiscard]] bool is_docker_bridge(datapath::Link const& link);

} // namespace weave::controller
