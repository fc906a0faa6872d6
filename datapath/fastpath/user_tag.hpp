#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "datapath/tunnel/tunnel_id.hpp"

namespace weave::datapath {

/// How the kernel fast path and the packet worker tell each other which peers a frame in the user port belongs to: by
/// VLAN tags outside all that the frame itself has. Control information (PCP) bit 0 marks a copy of a flooded frame.
///
///   kernel to worker, captured here:   802.1Q(VID = destination)                      source is ourself
///   kernel to worker, relayed:         802.1ad(VID = source), 802.1Q(VID = destination)
///   worker to kernel, for this host:   802.1Q(VID = source)                           learned and delivered locally
///
/// Short ids have 12 bits as VIDs do; 0 and 4095 mean nothing special here.
struct UserTag {
  /// Absent: we captured it.
  std::optional<ShortId> source;
  ShortId destination{};
  bool flooded = false;

  friend bool operator==(UserTag const&, UserTag const&) = default;
};

inline constexpr std::uint16_t kTagOfDestination = 0x8100; // 802.1Q
inline constexpr std::uint16_t kTagOfSource = 0x88a8;      // 802.1ad
inline constexpr std::size_t kVlanTagSize = 4;
/// Within the 16 bits after the tag's type.
inline constexpr std::uint16_t kTagFloodedBit = 0x2000;
inline constexpr std::uint16_t kTagIdMask = 0x0fff;

} // namespace weave::datapath
