#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/peer_name.hpp"
#include "datapath/tunnel/path_echo.hpp"
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

/// A heartbeat between two of our own peers that have both announced kSleeveProbesFeature, instead of the original's
/// once the connection is established. It is shorter than any test of the path's MTU, and looks like one to others:
///
///   0 zeros (14)   14 uid (8)   22 version 1 (1)   23 zero (1)   24 interval, ms (4)   28 sequence (4)   32 echo (12)
///
/// A later version may only append.
struct SleeveProbe {
  ConnectionUid uid{};
  /// One more with each of a connection; wraps around.
  std::uint32_t sequence = 0;
  /// The next one follows so long after this one.
  std::uint32_t interval_ms = 0;
  std::optional<PathEcho> echo = {};

  friend bool operator==(SleeveProbe const&, SleeveProbe const&) = default;
};
inline constexpr std::size_t kSleeveProbeSize = 44;
/// No longer frame is read as a probe.
inline constexpr std::size_t kLongestSleeveProbe = 128;
/// The key in the introduction of peers that send and read them; the value tells the version.
inline constexpr std::string_view kSleeveProbesFeature = "SleeveProbes";

[[nodiscard]] Bytes make_probe(SleeveProbe const& probe);
/// None if the frame is not one.
[[nodiscard]] std::optional<SleeveProbe> read_probe(ByteView frame);

[[nodiscard]] Bytes make_heartbeat(ConnectionUid uid);
[[nodiscard]] Bytes make_fragmentation_test();
[[nodiscard]] Bytes make_discovery();
/// A probe for `mtu`; its packet is as long as that of a container's IP packet of this size.
[[nodiscard]] Bytes make_path_mtu_test(std::uint32_t mtu);

/// The uid in a heartbeat; none if the frame is not one.
[[nodiscard]] std::optional<ConnectionUid> heartbeat_uid(ByteView frame);
[[nodiscard]] bool is_all_zero(ByteView bytes);

} // namespace weave::datapath
