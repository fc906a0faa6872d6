#include "controller/app/state_dump.hpp"

#include <csignal>
#include <sstream>
#include <utility>

#include "controller/api/status_text.hpp"

namespace weave::controller {

StateDump::StateDump(boost::asio::io_context& context, std::function<api::StatusReport()> report, Logger logger)
    : signals_{context, SIGQUIT}, report_{std::move(report)}, logger_{std::move(logger)} {
  wait();
}

void StateDump::wait() {
  signals_.async_wait([this](boost::system::error_code const& error, int) {
    if (error) return;
    wait();
    write();
  });
}

void StateDump::write() const {
  auto const report = report_();
  logger_.info("=== received SIGQUIT, this is the state ===");
  std::istringstream lines{api::status_text(report) + api::connections_text(report) + api::peers_text(report)};
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty()) logger_.info("{}", line);
  }
  logger_.info("=== going on ===");
}

} // namespace weave::controller
