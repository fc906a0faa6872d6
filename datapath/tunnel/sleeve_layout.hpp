#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/scheduler.hpp"

namespace weave::datapath {

// One sleeve packet (protocol/datapath.md §4.2), bytes:
//
//   IPv4 | UDP | sender name | sequence+DF |     tag      || source | destination | length || Ethernet | IP packet
//    20  |  8  |      6      |      8      |      16      ||    6   |      6      |    2   ||    14    |  <= mtu
//    kOuterHeaders    kClearPacketOverhead                      kFrameOverhead         x n   kSleeveEthernet
//               \______ kEncryptedPacketOverhead ________/
//               \______________________________ UDP payload (max_payload) ______________________________/
//
// The two fields in the middle exist in encrypted packets only. The right part, from "source" on, may repeat. All
// suites have this layout and these sizes, so that an MTU does not depend on the suite:
//
//   suite              key                                  nonce                               tag
//   secretbox          session key                          0x80 or 0 | 15 zeros | sequence+DF  Poly1305, of the box
//   chacha20-poly1305  HKDF chain of direction and channel  12 octets of mask XOR sequence+DF   Poly1305, of the text
//   aes-256-gcm        the same                             the same                            GHASH, of the text
//
// The name in front is not authenticated: it selects the key, and under another key nothing opens. Neither is the
// sequence number: it makes the nonce, and its DF bit selects the key.

inline constexpr std::uint32_t kOuterHeaders = 20 + 8;
inline constexpr std::uint32_t kSleeveNameSize = 6;
inline constexpr std::uint32_t kSleeveSequenceSize = 8;
inline constexpr std::uint32_t kSleeveTagSize = 16;
inline constexpr std::uint32_t kClearPacketOverhead = kSleeveNameSize;
inline constexpr std::uint32_t kEncryptedPacketOverhead = kSleeveNameSize + kSleeveSequenceSize + kSleeveTagSize;
inline constexpr std::uint32_t kFrameOverhead = 6 + 6 + 2;
inline constexpr std::uint32_t kSleeveEthernet = 14;

/// Longer ones do not exist, though a device may claim to carry them (loopback: 65536).
inline constexpr std::uint32_t kMaxIpPacket = 65535;
inline constexpr std::uint32_t kMaxUdpPayload = kMaxIpPacket - kOuterHeaders;
/// Before discovery nothing is held back.
inline constexpr std::uint32_t kUndiscoveredMtu = 65535;
/// Every path carries this: any host can receive 576 bytes (RFC 791). No search for a path's MTU goes lower.
inline constexpr std::uint32_t kSmallestPathMtu = 576;
/// Frames that share one turn of sending (§4.5).
inline constexpr std::size_t kMaxAggregatedFrames = 100;

/// Every MTU number of sleeve. All values in bytes; "mtu" is the largest IP packet of a container.
struct SleeveMtu {
  bool encrypted = false;

  [[nodiscard]] constexpr std::uint32_t packet_overhead() const {
    return encrypted ? kEncryptedPacketOverhead : kClearPacketOverhead;
  }
  /// All that is added to one container's IP packet sent alone: 62 or 86.
  [[nodiscard]] constexpr std::uint32_t total_overhead() const {
    return kOuterHeaders + packet_overhead() + kFrameOverhead + kSleeveEthernet;
  }
  /// Of a path that carries whole IP packets of `path_mtu`. Never below 8 (one unit of a fragment).
  [[nodiscard]] constexpr std::uint32_t mtu(std::uint32_t path_mtu) const {
    return std::clamp(path_mtu, total_overhead() + 8, kMaxIpPacket) - total_overhead();
  }
  [[nodiscard]] constexpr std::uint32_t max_payload(std::uint32_t mtu) const {
    return std::min(mtu + total_overhead() - kOuterHeaders, kMaxUdpPayload);
  }
  /// Length of a special frame whose packet is just as long as that of a container's packet of `mtu`.
  [[nodiscard]] static constexpr std::uint32_t test_frame_size(std::uint32_t mtu) { return mtu + kSleeveEthernet; }
};

inline constexpr Duration kFastHeartbeat = std::chrono::milliseconds{500};
inline constexpr Duration kSlowHeartbeat = std::chrono::seconds{10};
inline constexpr Duration kHeartbeatTimeout = std::chrono::seconds{60};
inline constexpr Duration kFragmentationTestInterval = std::chrono::minutes{5};

} // namespace weave::datapath
