#pragma once

#include <functional>
#include <utility>

namespace weave {

/// Ends a subscription when destroyed or reset. Move-only; must not outlive the watcher that made it.
class FdWatch {
 public:
  FdWatch() = default;
  /// `cancel` is called once, at destruction or reset.
  explicit FdWatch(std::function<void()> cancel) : cancel_{std::move(cancel)} {}
  FdWatch(FdWatch&& other) noexcept : cancel_{std::exchange(other.cancel_, nullptr)} {}
  FdWatch& operator=(FdWatch&& other) noexcept {
    if (this != &other) {
      reset();
      cancel_ = std::exchange(other.cancel_, nullptr);
    }
    return *this;
  }
  ~FdWatch() { reset(); }

  void reset() {
    if (auto cancel = std::exchange(cancel_, nullptr)) cancel();
  }

 private:
  std::function<void()> cancel_;
};

/// The port through which shells wait for descriptors without knowing the event loop. Control thread only.
class FdWatcher {
 public:
  virtual ~FdWatcher() = default;

  /// Calls `call` from the loop each time that `fd` has something to read, until the watch goes. The descriptor is
  /// borrowed and must stay open as long as the watch; `call` reads it (it is called again while data is left) and may
  /// end the watch.
  [[nodiscard]] virtual FdWatch watch_readable(int fd, std::function<void()> call) = 0;
};

} // namespace weave
