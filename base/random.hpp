#pragma once

#include <cstdint>

namespace weave {

/// The port through which pure cores draw random numbers: kernel randomness in the daemon, seeded in tests.
class RandomSource {
 public:
  virtual ~RandomSource() = default;

  [[nodiscard]] virtual std::uint64_t u64() = 0;
  /// Uniform in [0, bound); bound 0 yields 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound);
  /// Uniform in [0, 1).
  [[nodiscard]] double unit();
};

/// getrandom(2). Aborts the process if the kernel has no randomness to give.
class SystemRandom final : public RandomSource {
 public:
  [[nodiscard]] std::uint64_t u64() override;
};

/// Deterministic (splitmix64), for simulations that replay from their seed. Not for secrets.
class SeededRandom final : public RandomSource {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_{seed} {}
  [[nodiscard]] std::uint64_t u64() override;

 private:
  std::uint64_t state_;
};

} // namespace weave
