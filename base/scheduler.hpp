#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

namespace weave {

/// Monotonic time; never jumps. In tests it is virtual.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock>;
using Duration = std::chrono::nanoseconds;
/// Calendar time, for what goes on the wire or to a user as Unix seconds. May jump.
using WallTime = std::chrono::time_point<std::chrono::system_clock>;

/// Cancels its pending call when destroyed or reset. Move-only; may outlive the call (then it does nothing) but not the
/// scheduler that made it.
class Timer {
 public:
  Timer() = default;
  /// `cancel` is called once, at destruction or reset; implementers make it harmless after the call has happened.
  explicit Timer(std::function<void()> cancel) : cancel_{std::move(cancel)} {}
  Timer(Timer&& other) noexcept : cancel_{std::exchange(other.cancel_, nullptr)} {}
  Timer& operator=(Timer&& other) noexcept {
    if (this != &other) {
      reset();
      cancel_ = std::exchange(other.cancel_, nullptr);
    }
    return *this;
  }
  ~Timer() { reset(); }

  void reset() {
    if (auto cancel = std::exchange(cancel_, nullptr)) cancel();
  }

 private:
  std::function<void()> cancel_;
};

/// The port through which pure cores see time and defer work. All calls and all callbacks happen on the control thread
/// (in the daemon: the one io_context; in tests: VirtualScheduler::advance). Callbacks never run inside `after` or
/// `post`.
class Scheduler {
 public:
  virtual ~Scheduler() = default;

  [[nodiscard]] virtual TimePoint now() const = 0;
  [[nodiscard]] virtual WallTime wall_now() const = 0;
  /// Runs `call` once, `delay` from now (negative counts as zero), unless the Timer goes first.
  [[nodiscard]] virtual Timer after(Duration delay, std::function<void()> call) = 0;
  /// Runs `call` soon, after the current handler. Cannot be cancelled.
  virtual void post(std::function<void()> call) = 0;
};

} // namespace weave
