#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/logger.hpp"
#include "base/peer_name.hpp"
#include "base/result.hpp"

namespace weave::controller {

/// The MAC of an existing bridge, which an earlier daemon, ours or an original one, set to its peer name.
[[nodiscard]] std::optional<PeerName> peer_name_of_bridge(std::string const& bridge);

/// How many of `targets` (`host[:port]`, as typed) are not an address of this host itself. A name counts as somebody
/// else.
[[nodiscard]] std::size_t count_other_hosts(std::vector<std::string> const& targets);

/// An existing route, not on the bridge itself, that overlaps `range`: two networks overlap if either contains the
/// other's first address (protocol/surfaces.md §3.2).
[[nodiscard]] Result<std::optional<Ipv4Cidr>> overlapping_route(Ipv4Cidr range, std::string const& bridge);

/// The same as a verdict on a range to allocate from: one that people have chosen is only warned of.
[[nodiscard]] Result<void> check_range(Ipv4Cidr range, bool chosen, std::string const& bridge, Logger const& logger);

} // namespace weave::controller
