#pragma once

#include <cstddef>

#include "base/result.hpp"

namespace weave::datapath::ipsec {

/// What an original Weave Net with a password leaves in the kernel when it does not end in order
/// (protocol/datapath.md §7.2, §7.6): its policies, known by their mark and form, and between the same two hosts the
/// associations of its form, those of former processes too. They would encrypt what passes with keys that nobody has
/// any more. What others have between these hosts stays.
///
/// Removes them and gives how many policies there were; none where the kernel has no IPsec. Blocking, milliseconds.
[[nodiscard]] Result<std::size_t> remove_original_policies();

} // namespace weave::datapath::ipsec
