#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>

namespace weave::datapath {

/// Remembers which sequence numbers one receive context has seen: two windows of 2^20 numbers, the newest and the one
/// before it (protocol/datapath.md §4.2). Ask only after a packet was authenticated. Owns two maps of 128 KiB, whose
/// pages the kernel provides only where numbers have been marked, so that an idle connection takes next to nothing.
/// Allocates at construction and once each 2^20 numbers. One thread.
class ReplayWindow {
 public:
  static constexpr unsigned kBits = 20;

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

  struct Free {
    void operator()(std::uint64_t* words) const { std::free(words); }
  };
  using Map = std::unique_ptr<std::uint64_t[], Free>;

  static Map blank() {
    Map map{static_cast<std::uint64_t*>(std::calloc(kWords, sizeof(std::uint64_t)))};
    if (!map) throw std::bad_alloc{};
    return map;
  }

  void shift_to(std::uint64_t window) {
    previous_ = window == window_ + 1 ? std::move(current_) : blank();
    current_ = blank();
    window_ = window;
  }

  std::uint64_t window_ = 0;
  Map current_ = blank();
  Map previous_ = blank();
};

} // namespace weave::datapath
