#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace weave::controller::dns {

/// Upper bounds of the classes, in microseconds; what takes longer is in one more class.
inline constexpr std::array<std::uint32_t, 14> kLatencyBounds{
    50, 100, 250, 500, 1'000, 2'500, 5'000, 10'000, 25'000, 100'000, 250'000, 500'000, 1'000'000, 2'500'000};

/// How often which time was taken. Value type.
struct LatencyCounts {
  std::array<std::uint64_t, kLatencyBounds.size() + 1> classes{}; ///< each without those before it
  std::chrono::nanoseconds sum{};

  LatencyCounts& operator+=(LatencyCounts const& other);
};

/// Counts times in classes. Any thread; without locks, two additions a call.
class LatencyHistogram {
 public:
  /// `times`: how many took that long.
  void add(std::chrono::nanoseconds each, std::uint64_t times = 1);
  [[nodiscard]] LatencyCounts counts() const;

 private:
  std::array<std::atomic<std::uint64_t>, kLatencyBounds.size() + 1> classes_{};
  std::atomic<std::int64_t> sum_{0}; ///< ns
};

} // namespace weave::controller::dns
