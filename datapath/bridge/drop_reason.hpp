#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weave::datapath {

/// Why a frame was not forwarded.
enum class DropReason : std::uint8_t {
  none,
  runt,              ///< shorter than an Ethernet header
  special_frame,     ///< a container imitates the daemons' own frames, or one came for somebody else
  invalid_source,    ///< source MAC zero or a group address
  bridge_control,    ///< 01:80:c2:00:00:00, never leaves a bridge
  local_destination, ///< captured although its destination is on our bridge
  held_down,         ///< captured, but its source was just now seen at another peer: probably our own injected frame
  returned,          ///< a frame that we captured came back
  no_route,          ///< destination peer not in the topology, or not reachable over established connections
  backwards,         ///< the next hop is the peer that gave us the frame
  untagged,          ///< out of the user port of a kernel fast path without its tags
  unknown_peer       ///< no peer with this short id, or a peer without one
};
inline constexpr std::size_t kDropReasons = 12;

/// As in status and metrics: lower case, words separated by underscores.
[[nodiscard]] std::string_view to_string(DropReason reason);

/// Dropped frames by reason, counted by any thread without ordering.
class DropCounters {
 public:
  void add(DropReason reason) { counts_[static_cast<std::size_t>(reason)].fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t count(DropReason reason) const {
    return counts_[static_cast<std::size_t>(reason)].load(std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<std::uint64_t>, kDropReasons> counts_{};
};

} // namespace weave::datapath
