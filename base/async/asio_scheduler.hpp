#pragma once

#include <boost/asio/any_io_executor.hpp>

#include "base/scheduler.hpp"

namespace weave {

/// The Scheduler of the daemon, on one single-threaded Asio executor. `after` and `post` may be called on that thread
/// only. Must outlive all Timers it made.
class AsioScheduler final : public Scheduler {
 public:
  explicit AsioScheduler(boost::asio::any_io_executor executor) : executor_{std::move(executor)} {}

  [[nodiscard]] TimePoint now() const override;
  [[nodiscard]] WallTime wall_now() const override;
  [[nodiscard]] Timer after(Duration delay, std::function<void()> call) override;
  void post(std::function<void()> call) override;

 private:
  boost::asio::any_io_executor executor_;
};

} // namespace weave
