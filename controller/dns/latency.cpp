#include "controller/dns/latency.hpp"

#include <algorithm>

namespace weave::controller::dns {

LatencyCounts& LatencyCounts::operator+=(LatencyCounts const& other) {
  for (std::size_t i = 0; i < classes.size(); ++i) classes[i] += other.classes[i];
  sum += other.sum;
  return *this;
}

void LatencyHistogram::add(std::chrono::nanoseconds each, std::uint64_t times) {
  auto const bound = std::ranges::find_if(
      kLatencyBounds, [each](std::uint32_t microseconds) { return each <= std::chrono::microseconds{microseconds}; });
  auto const index = static_cast<std::size_t>(bound - kLatencyBounds.begin());
  classes_[index].fetch_add(times, std::memory_order_relaxed);
  sum_.fetch_add(each.count() * static_cast<std::int64_t>(times), std::memory_order_relaxed);
}

LatencyCounts LatencyHistogram::counts() const {
  LatencyCounts result;
  for (std::size_t i = 0; i < classes_.size(); ++i) result.classes[i] = classes_[i].load(std::memory_order_relaxed);
  result.sum = std::chrono::nanoseconds{sum_.load(std::memory_order_relaxed)};
  return result;
}

} // namespace weave::controller::dns
