#pragma once

#include <string_view>
#include <vector>

#include "controller/api/messages.hpp"
#include "datapath/link/firewall.hpp"

namespace weave::controller {

/// What people should know about this host's firewall; empty where all is as it should be. `zone_obstacle` is why
/// firewalld did not take the bridge into a zone, if it was tried. Pure.
[[nodiscard]] std::vector<api::HostWarning> firewall_remarks(datapath::FirewallState const& state,
                                                             datapath::FirewallWish const& wish,
                                                             std::string_view zone_obstacle = {});
/// Where it is, for people. Pure.
[[nodiscard]] api::FirewallPlaces firewall_places(datapath::FirewallState const& state);

} // namespace weave::controller
