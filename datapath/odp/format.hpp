#pragma once

#include <functional>
#include <map>
#include <string>

#include "datapath/odp/types.hpp"

namespace weave::datapath::odp {

/// Ports by name where they have one, else by number.
using PortLabels = std::map<PortNo, std::string>;

/// Somebody's words for attributes that we have none for (datapath/odp/text/raw_words.hpp). Not set: they are printed
/// by number.
struct RawWords {
  std::function<std::string(RawAttribute const& key, RawAttribute const& mask)> match = {};
  std::function<std::string(RawAttribute const& action)> action = {};
};

/// Matches and actions as `ovs-dpctl dump-flows --names` prints them. Pure functions.
[[nodiscard]] std::string to_string(FlowMatch const& match, PortLabels const& labels = {}, RawWords const& words = {});
/// "drop" for none.
[[nodiscard]] std::string to_string(Actions const& actions, PortLabels const& labels = {}, RawWords const& words = {});

} // namespace weave::datapath::odp
