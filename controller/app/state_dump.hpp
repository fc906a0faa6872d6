#pragma once

#include <functional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "base/logger.hpp"
#include "controller/api/messages.hpp"

namespace weave::controller {

/// Writes the daemon's state into the log at each SIGQUIT, which ends it no more than it ends the original
/// (protocol/surfaces.md §3.3). Control thread; the context outlives it.
class StateDump {
 public:
  StateDump(boost::asio::io_context& context, std::function<api::StatusReport()> report, Logger logger);

 private:
  void wait();
  void write() const;

  boost::asio::signal_set signals_;
  std::function<api::StatusReport()> report_;
  Logger logger_;
};

} // namespace weave::controller
