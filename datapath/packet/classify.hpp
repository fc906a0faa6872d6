#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace weave::datapath {

/// What the tunnels need to know of a container's frame before they choose how to carry it (protocol/datapath.md §4.3).
enum class FrameKind : std::uint8_t {
  runt,    ///< fewer than 14 bytes; ignored everywhere
  special, ///< both MAC addresses and the type zero: a message between two daemons, never a container's frame
  ipv4_df, ///< IPv4 (untagged) with the don't-fragment flag
  ipv4,    ///< IPv4 (untagged) that may be fragmented
  ipv6,    ///< IPv6 (untagged), which nobody but its sender may fragment
  other    ///< anything else, tagged frames included
};

/// Looks at the first IP header only: an IP packet inside IPv4 does not change the class (the original misses the flag
/// there, §13 W14).
[[nodiscard]] FrameKind classify_frame(ByteView frame);

} // namespace weave::datapath
