#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/peer_name.hpp"
#include "datapath/packet/byte_order.hpp"
#include "datapath/packet/headers.hpp"
#include "datapath/packet/offload.hpp"

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
/// Within the 16 bits after the tag's type.
inline constexpr std::uint16_t kTagFloodedBit = 0x2000;
inline constexpr std::uint16_t kTagIdMask = 0x0fff;
/// The most that tags add to a frame.
inline constexpr std::size_t kUserTagMax = 2 * kVlanTagSize;

/// A frame out of the user port without our tags.
struct UntaggedFrame {
  UserTag tag;
  /// Its offsets count from the first byte of `bytes`.
  OffloadHeader header;
  MutableBytes bytes;
};

/// Takes our tags off a frame that the kernel sent to us: its two addresses are moved towards the rest in place,
/// nothing else is copied. Tags of the frame's own stay. None if there are no tags of ours, or if tags or offload
/// header contradict the length; the frame may not be used then.
[[nodiscard]] std::optional<UntaggedFrame> remove_user_tag(OffloadHeader header, MutableBytes frame);

/// What goes between addresses and type of a frame for the kernel that `source` captured.
[[nodiscard]] std::array<std::uint8_t, kVlanTagSize> delivery_tag(ShortId source);

} // namespace weave::datapath
