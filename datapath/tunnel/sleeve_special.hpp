#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/peer_name.hpp"
#include "datapath/tunnel/sleeve_layout.hpp"

namespace weave::datapath {

/// Kinds of special frames, told apart by the length of the whole Ethernet frame (protocol/datapath.md §4.3). All start
/// with 14 zero bytes and go from one neighbour to the next, never further.
enum class SpecialKind : std::uint8_t {
  heartbeat,          ///< 22 bytes: zeros and the connection's uid; df channel
  fragmentation_test, ///< 60001 zero bytes; fragmentable channel
  path_mtu_test       ///< any other length, zeros; df channel
};

inline constexpr std::size_t kHeartbeatSize = 22;
inline constexpr std::size_t kFragmentationTestSize = 60001;
/// Longer than any real path carries, so that the kernel tells its path MTU.
inline constexpr std::size_t kDiscoverySize = 60000;

[[nodiscard]] constexpr SpecialKind special_kind(std::size_t frame_size) {
  if (frame_size == kHeartbeatSize) return SpecialKind::heartbeat;
  return frame_size == kFragmentationTestSize ? SpecialKind::fragmentation_test : SpecialKind::path_mtu_test;
}

[[nodiscard]] Bytes make_heartbeat(ConnectionUid uid);
[[nodiscard]] Bytes make_fragmentation_test();
[[nodiscard]] Bytes make_discovery();
/// A probe for `mtu`; its packet is as long as that of a container's IP packet of this size.
[[nodiscard]] Bytes make_path_mtu_test(std::uint32_t mtu);

/// The uid in a heartbeat; none if the frame is not one.
[[nodiscard]] std::optional<ConnectionUid> heartbeat_uid(ByteView frame);
[[nodiscard]] bool is_all_zero(ByteView bytes);

} // namespace weave::datapath
