#include "base/random.hpp"

#include <cstdlib>
#include <sys/random.h>

namespace weave {

std::uint64_t RandomSource::below(std::uint64_t bound) {
  if (bound == 0) return 0;
  // Values above the largest multiple of bound would favour small results.
  auto const limit = ~std::uint64_t{0} - ~std::uint64_t{0} % bound;
  auto value = u64();
  while (value >= limit) value = u64();
  return value % bound;
}

double RandomSource::unit() { return static_cast<double>(u64() >> 11) * 0x1.0p-53; }

std::uint64_t SystemRandom::u64() {
  std::uint64_t value = 0;
  if (getrandom(&value, sizeof value, 0) != static_cast<ssize_t>(sizeof value)) std::abort();
  return value;
}

std::uint64_t SeededRandom::u64() {
  state_ += 0x9e3779b97f4a7c15ULL;
  auto z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

} // namespace weave
