#pragma once

#include <boost/asio/any_io_executor.hpp>

#include "base/fd_watcher.hpp"

namespace weave {

/// The FdWatcher of the daemon, on one single-threaded Asio executor. Must outlive all watches it made.
class AsioFdWatcher final : public FdWatcher {
 public:
  explicit AsioFdWatcher(boost::asio::any_io_executor executor) : executor_{std::move(executor)} {}

  [[nodiscard]] FdWatch watch_readable(int fd, std::function<void()> call) override;

 private:
  boost::asio::any_io_executor executor_;
};

} // namespace weave
