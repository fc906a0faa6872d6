#pragma once

#include <map>
#include <string>

#include "datapath/odp/types.hpp"

namespace weave::datapath::odp {

/// Ports by name where they have one, else by number.
using PortLabels = std::map<PortNo, std::string>;

/// Matches and actions as `ovs-dpctl dump-flows --names` prints them; attributes without a word there by number. Pure
/// functions.
[[nodiscard]] std::string to_string(FlowMatch const& match, PortLabels const& labels = {});
/// "drop" for none.
[[nodiscard]] std::string to_string(Actions const& actions, PortLabels const& labels = {});

} // namespace weave::datapath::odp
