#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace weave::datapath {

/// Hands immutable values from one thread to another. The reader keeps the value it has and looks for a newer one
/// between batches: one atomic load, and a lock only when there is something new. Values in between are skipped.
template <class T>
class Snapshot {
 public:
  using Value = std::shared_ptr<T const>;

  void publish(Value value) {
    std::lock_guard const guard{mutex_};
    value_ = std::move(value);
    version_.fetch_add(1, std::memory_order_release);
  }

  /// Replaces `mine` if something was published since it was taken; whether it did. `version` is the reader's own
  /// memory, 0 at first.
  [[nodiscard]] bool refresh(Value& mine, std::uint64_t& version) const {
    if (version_.load(std::memory_order_acquire) == version) return false;
    std::lock_guard const guard{mutex_};
    mine = value_;
    version = version_.load(std::memory_order_relaxed);
    return true;
  }

 private:
  mutable std::mutex mutex_;
  Value value_;
  std::atomic<std::uint64_t> version_{0};
};

} // namespace weave::datapath
