#pragma once

#include <algorithm>

#include "base/scheduler.hpp"

namespace weave::gossip {

/// Limits how often something happens: `capacity` times at once, then once an `interval`. Starts full. Pure: time comes
/// in (accepting connections: 20 and 50 ms, protocol/mesh.md §2.1).
class TokenBucket {
 public:
  TokenBucket(int capacity, Duration interval) : capacity_{capacity}, interval_{interval} {}

  /// Takes one token; returns how long to wait before acting on it, zero if it was there.
  [[nodiscard]] Duration take(TimePoint now) {
    auto const fullest = now - capacity_ * interval_;
    oldest_unspent_ = std::max(oldest_unspent_, fullest) + interval_;
    return std::max(oldest_unspent_ - now, Duration::zero());
  }

 private:
  int capacity_;
  Duration interval_;
  /// When the next token was, or will be, put in.
  TimePoint oldest_unspent_ = TimePoint::min();
};

} // namespace weave::gossip
