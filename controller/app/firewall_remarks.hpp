#pragma once

#include <string>
#include <vector>

#include "datapath/link/firewall.hpp"

namespace weave::controller {

/// What people should know about this host's firewall, one sentence each; empty where all is as it should be. Pure.
[[nodiscard]] std::vector<std::string> firewall_remarks(datapath::FirewallState const& state,
                                                        datapath::FirewallWish const& wish);

} // namespace weave::controller
