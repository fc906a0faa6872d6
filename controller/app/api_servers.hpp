#pragma once

#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/http/server.hpp"
#include "base/logger.hpp"
#include "base/result.hpp"

namespace weave::controller {

/// Where the daemon answers (protocol/surfaces.md §1.2, §6; DESIGN §2): the control API on a unix socket always, on a
/// TCP address if one is named; status and metrics, which change nothing, on addresses of their own. Control thread.
/// Destruction ends all connections and takes the socket away.
class ApiServers {
 public:
  struct Places {
    std::string control_socket;
    std::string control; ///< `host:port` or `unix:path`; empty: nowhere else
    std::string status;  ///< the same; empty: nowhere
    std::string metrics; ///< the same
  };
  struct Handlers {
    http::Handler control;
    http::Handler status;
    http::Handler metrics;
  };

  /// `context` must outlive it.
  ApiServers(boost::asio::io_context& context, Logger logger) : context_{context}, logger_{std::move(logger)} {}

  /// After a failure some of them may answer already. invalid: an address that is none; otherwise as of Server::bind.
  [[nodiscard]] Result<void> open(Places const& places, Handlers handlers);

 private:
  http::Server& serve(http::Handler handler);

  boost::asio::io_context& context_;
  Logger logger_;
  std::vector<std::unique_ptr<http::Server>> servers_;
};

} // namespace weave::controller
