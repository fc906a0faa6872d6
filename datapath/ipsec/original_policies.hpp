#pragma once

#include <cstddef>

#include "base/result.hpp"

namespace weave::datapath::ipsec {

/// What an original Weave Net with a password leaves in the kernel when it does not end in order
/// (protocol/datapath.md §7.2, §7.6): its policies, known by their mark, with the associations that they name, and
/// those of the way back. They would encrypt what passes with keys that nobody has any more.
///
/// Removes them and gives how many policies there were; none where the kernel has no IPsec. Blocking, milliseconds.
[[nodiscard]] Result<std::size_t> remove_original_policies();

} // namespace weave::datapath::ipsec
