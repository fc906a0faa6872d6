#pragma once

#include <compare>
#include <cstdint>

#include "base/peer_name.hpp"

namespace weave::datapath {

/// The two peers in the VXLAN network identifier of the fast datapath: destination in the upper 12 of 24 bits, source
/// in the lower 12 (protocol/datapath.md §5.2). As an Open vSwitch tunnel id the upper 40 of 64 bits are zero.
struct TunnelId {
  ShortId source{};
  ShortId destination{};

  [[nodiscard]] constexpr std::uint32_t vni() const {
    return static_cast<std::uint32_t>(static_cast<std::uint16_t>(destination) & kShortIdMax) << 12 |
           (static_cast<std::uint32_t>(source) & kShortIdMax);
  }
  /// Bits above the lower 24 are ignored.
  [[nodiscard]] static constexpr TunnelId of_vni(std::uint32_t vni) {
    return {ShortId{static_cast<std::uint16_t>(vni & kShortIdMax)},
            ShortId{static_cast<std::uint16_t>(vni >> 12 & kShortIdMax)}};
  }

  friend constexpr auto operator<=>(TunnelId, TunnelId) = default;
};

} // namespace weave::datapath
