#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace weave::datapath {

/// Remembers which sequence numbers one receive context has seen: two windows of 2^20 numbers, the newest and the one
/// before it (protocol/datapath.md §4.2). Ask only after a packet was authenticated. Owns 256 KiB; allocates at
/// construction only. One thread.
class ReplayWindow {
 public:
  static constexpr unsigned kBits = 20;

  ReplayWindow() : current_(kWords), previous_(kWords) {}

  /// True the first time for a number that is not too old, and marks it.
  [[nodiscard]] bool accept(std::uint64_t sequence) {
    auto const window = sequence >> kBits;
    auto const offset = sequence & ((std::uint64_t{1} << kBits) - 1);
    if (window + 1 < window_) return false;
    if (window > window_) shift_to(window);
    auto& word = (window == window_ ? current_ : previous_)[offset / 64];
    auto const bit = std::uint64_t{1} << (offset % 64);
    if ((word & bit) != 0) return false;
    word |= bit;
    return true;
  }

 private:
  static constexpr std::size_t kWords = (std::size_t{1} << kBits) / 64;

  void shift_to(std::uint64_t window) {
    if (window == window_ + 1) {
      std::swap(current_, previous_);
    } else {
      previous_.assign(kWords, 0);
    }
    current_.assign(kWords, 0);
    window_ = window;
  }

  std::uint64_t window_ = 0;
  std::vector<std::uint64_t> current_;
  std::vector<std::uint64_t> previous_;
};

} // namespace weave::datapath
