#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <string_view>

#include "base/logger.hpp"
#include "base/scheduler.hpp"

namespace weave::controller {

/// Signs of life for a service manager that kills and restarts a process which gives none (systemd's WatchdogSec=, and
/// our own supervisor): they come from the control thread, so that they end with its work. Says in the log when that
/// thread was held up, which people otherwise only see as slowness. Control thread.
class Watchdog {
 public:
  /// What the service manager asked for (WATCHDOG_USEC, WATCHDOG_PID): how long it waits. None: it does not wait.
  [[nodiscard]] static std::optional<Duration> limit_of_process();

  /// `notify` sends one word to the service manager. Without a limit nothing is sent.
  Watchdog(Scheduler& scheduler, std::optional<Duration> limit, std::function<void(std::string_view)> notify,
           Logger logger)
      : scheduler_{scheduler}, limit_{limit}, notify_{std::move(notify)}, logger_{std::move(logger)} {}

  void start();

 private:
  /// Some signs may be late or lost.
  static constexpr int kSignsPerLimit = 5;
  static constexpr Duration kShortestInterval = std::chrono::milliseconds{10};
  static constexpr Duration kUsualInterval = std::chrono::seconds{2};
  static constexpr Duration kHeldUp = std::chrono::seconds{1};

  void give_sign();
  [[nodiscard]] Duration interval() const {
    return limit_ ? std::max(*limit_ / kSignsPerLimit, kShortestInterval) : kUsualInterval;
  }

  Scheduler& scheduler_;
  std::optional<Duration> limit_;
  std::function<void(std::string_view)> notify_;
  Logger logger_;
  TimePoint due_{};
  Timer timer_;
};

} // namespace weave::controller
