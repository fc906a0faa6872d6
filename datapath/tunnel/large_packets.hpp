#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "datapath/tunnel/sleeve_layout.hpp"

namespace weave::datapath {

/// Tells the control thread whether it matters how long the packets on a path may be. Any thread.
class LargePackets {
 public:
  /// UDP payload of a packet that every path carries.
  static constexpr std::size_t kOrdinary = kSmallestPathMtu - kOuterHeaders;

  /// A packet with a payload of this size has been sent.
  void sent(std::size_t payload) {
    if (payload > kOrdinary) count_.fetch_add(1, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> count_{0};
};

} // namespace weave::datapath
