#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/peer_name.hpp"
#include "base/result.hpp"
#include "datapath/tunnel/path_echo.hpp"

namespace weave::datapath {

/// What our own peers say to each other in the zero fill of a heartbeat, from byte 24 on, all big-endian:
///
///   24 magic 0x5746 (2)   26 version 2 (1)   27 flags: bit 0 "I hear you" (1)   28 sequence (4)
///   32 interval, ms (2)   34 multiplier (1)  35 zero (1)
///   36 echo (12), from version 2 on; a frame that ends before it is one of version 1
///
/// Older peers do not look at these bytes. A later version may only append.
struct LivenessFields {
  /// One more with each heartbeat of a connection; wraps around.
  std::uint32_t sequence = 0;
  /// The sender's heartbeats come this often, …
  std::uint16_t interval_ms = 0;
  /// … and it is gone when so many of them are missing.
  std::uint8_t multiplier = 0;
  /// Heartbeats of the receiver arrive at the sender.
  bool hears_you = false;
  /// Absent: none of the receiver's has come in, or the sender is one of version 1.
  std::optional<PathEcho> echo = {};

  friend bool operator==(LivenessFields const&, LivenessFields const&) = default;
};

/// A heartbeat of the fast path (protocol/datapath.md §5.3).
struct Heartbeat {
  ConnectionUid connection{};
  /// Absent: an older peer's.
  std::optional<LivenessFields> liveness;

  friend bool operator==(Heartbeat const&, Heartbeat const&) = default;
};

/// Bytes of the whole inner frame for this MTU.
[[nodiscard]] std::uint32_t heartbeat_length(std::uint32_t mtu);
/// The whole inner frame.
[[nodiscard]] Bytes encode_heartbeat(Heartbeat const& heartbeat, std::uint32_t mtu);
/// `length` is that of the whole inner frame, `head` its first bytes (HeartbeatArrival). malformed: not a heartbeat.
[[nodiscard]] Result<Heartbeat> decode_heartbeat(std::uint32_t length, ByteView head);

} // namespace weave::datapath
