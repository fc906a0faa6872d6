#pragma once

#include <string>
#include <vector>

#include "base/address.hpp"

namespace weave::controller::ipam {

/// The largest power-of-two sized block on a multiple of its size inside `range`, chosen among equals as the original
/// does (protocol/ipam-dns.md §5). An empty range yields itself.
[[nodiscard]] Ipv4Range largest_aligned_block(Ipv4Range range);

/// The fewest aligned CIDRs that cover exactly `range`, in address order.
[[nodiscard]] std::vector<Ipv4Cidr> to_cidrs(Ipv4Range range);

/// `start/len` when the size is a power of two (aligned or not, as the original prints it), else `first-last`.
[[nodiscard]] std::string to_cidr_text(Ipv4Range range);

/// The one address as a range.
[[nodiscard]] constexpr Ipv4Range just(Ipv4Address address) { return {address, address + 1}; }

} // namespace weave::controller::ipam
