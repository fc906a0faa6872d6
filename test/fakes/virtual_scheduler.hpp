#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "base/scheduler.hpp"

namespace weave::test {

/// A Scheduler whose time moves only when a test says so. Calls due at the same instant run in the order they were
/// made.
class VirtualScheduler final : public Scheduler {
 public:
  [[nodiscard]] TimePoint now() const override { return now_; }
  [[nodiscard]] WallTime wall_now() const override { return wall_; }
  /// A clock jump: wall time only.
  void jump_wall(Duration by) { wall_ += std::chrono::duration_cast<WallTime::duration>(by); }

  [[nodiscard]] Timer after(Duration delay, std::function<void()> call) override {
    auto const key = std::pair{now_ + std::max(delay, Duration::zero()), next_++};
    (*queue_)[key] = std::move(call);
    return Timer{[key, weak = std::weak_ptr{queue_}] {
      if (auto const queue = weak.lock()) queue->erase(key);
    }};
  }
  void post(std::function<void()> call) override { (*queue_)[std::pair{now_, next_++}] = std::move(call); }

  /// Runs everything due up to `now + by`, including what these calls schedule, and leaves time there.
  void advance(Duration by) {
    auto const until = now_ + by;
    while (!queue_->empty() && queue_->begin()->first.first <= until) run_next();
    set_now(until);
  }
  /// Runs what is due now, until nothing is.
  void settle() { advance(Duration::zero()); }
  /// Runs the next call whatever its time; false if there is none.
  bool step() {
    if (queue_->empty()) return false;
    run_next();
    return true;
  }
  [[nodiscard]] std::size_t pending() const { return queue_->size(); }

 private:
  using Key = std::pair<TimePoint, std::uint64_t>;

  void set_now(TimePoint to) {
    if (to <= now_) return;
    wall_ += std::chrono::duration_cast<WallTime::duration>(to - now_);
    now_ = to;
  }
  void run_next() {
    auto node = queue_->extract(queue_->begin());
    set_now(node.key().first);
    node.mapped()();
  }

  TimePoint now_{std::chrono::hours{1}};
  WallTime wall_{std::chrono::seconds{1'700'000'000}};
  std::uint64_t next_ = 0;
  std::shared_ptr<std::map<Key, std::function<void()>>> queue_ =
      std::make_shared<std::map<Key, std::function<void()>>>();
};

} // namespace weave::test
