#pragma once

#include <algorithm>
#include <optional>

#include "base/random.hpp"
#include "base/scheduler.hpp"

namespace weave::gossip {

/// When to try a target again (protocol/mesh.md §13.3): delays are spread over [i/2, 3i/2) with i = 2 s, 3 s, 4.5 s, …
/// 6 min. A connection that had worked is tried a few times in quick succession first: most often the other daemon is
/// restarting, which takes less than a second, and the original's first pause is up to 3 s.
class RetrySchedule {
 public:
  explicit RetrySchedule(TimePoint now) : due_{now} {}

  void retry_now(TimePoint now) {
    due_ = now;
    interval_ = kFirstInterval;
    quick_tries_ = 0;
  }
  /// As soon as the remote can have forgotten the connection that has ended. The original computes its routes a tenth
  /// of a second later, and whoever is back before it has is told nothing of what lies behind it (mesh.md §2.4, §11.5).
  void retry_soon(TimePoint now) {
    retry_now(now);
    due_ = now + kForgotten;
  }
  /// The next kQuickTries pauses are short ones.
  void expect_restart() { quick_tries_ = kQuickTries; }
  void retry_later(TimePoint now, RandomSource& random) {
    auto const is_quick = quick_tries_ > 0;
    auto const pause = is_quick ? kQuickInterval : interval_;
    auto const jitter = Duration{static_cast<Duration::rep>(random.below(static_cast<std::uint64_t>(pause.count())))};
    due_ = now + pause / 2 + jitter;
    if (is_quick) {
      --quick_tries_;
    } else {
      interval_ = std::min(interval_ * 3 / 2, kLongestInterval);
    }
  }
  void retry_never() { due_.reset(); }
  /// As `other` says, but without waiting: the target has moved to another address.
  void inherit(RetrySchedule const& other, TimePoint now) {
    interval_ = other.interval_;
    due_ = now;
  }

  /// nullopt: never.
  [[nodiscard]] std::optional<TimePoint> due() const { return due_; }
  [[nodiscard]] bool is_due(TimePoint now) const { return due_ && *due_ <= now; }

 private:
  static constexpr Duration kForgotten = std::chrono::milliseconds{200};
  static constexpr Duration kFirstInterval = std::chrono::seconds{2};
  static constexpr Duration kLongestInterval = std::chrono::minutes{6};
  static constexpr Duration kQuickInterval = std::chrono::milliseconds{300};
  static constexpr int kQuickTries = 6;

  std::optional<TimePoint> due_;
  Duration interval_ = kFirstInterval;
  int quick_tries_ = 0;
};

} // namespace weave::gossip
