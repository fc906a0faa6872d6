#pragma once

#include <string>

#include "base/process/subprocess.hpp"
#include "base/result.hpp"

namespace weave::datapath {

/// Our zone of firewalld, and the policy by which other zones reach it. Both let everything pass, as Docker's do:
/// firewalld rejects what comes from an interface in no zone, and no rule elsewhere helps against that.
inline constexpr std::string_view kFirewalldZone = "weave";
inline constexpr std::string_view kFirewalldPolicy = "weave-forwarding";

/// Puts the bridge into the zone, for good, and makes zone and policy if they are not there; then firewalld is told to
/// reload, as it takes no new zone otherwise. Through firewall-cmd, which takes a third of a second a call: blocking,
/// up to some seconds. not_found without that program, system with its own words when it refuses.
[[nodiscard]] Result<void> join_firewalld(std::string const& bridge, ConverseCommand const& converse = converse_with);
/// Takes both away, also from a firewalld that does not run. Succeeds where there is nothing of ours.
[[nodiscard]] Result<void> leave_firewalld(ConverseCommand const& converse = converse_with);

} // namespace weave::datapath
