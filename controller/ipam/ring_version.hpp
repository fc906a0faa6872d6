#pragma once

#include <cstdint>
#include <limits>

namespace weave::controller::ipam {

/// A version that is `by` newer. It stops at the largest number: wrapping round would turn news into the oldest state.
[[nodiscard]] constexpr std::uint32_t next_version(std::uint32_t version, std::uint32_t by = 1) {
  auto const room = std::numeric_limits<std::uint32_t>::max() - version;
  return version + (by < room ? by : room);
}

} // namespace weave::controller::ipam
