#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/http/server.hpp"
#include "controller/api/control_port.hpp"

namespace weave::test {

/// Takes the one answer to a request that a test hands to the control routes.
struct CaughtAnswer final : http::Responder::Sink {
  std::optional<http::Response> response;
  void deliver(http::Response answer) override { response = std::move(answer); }
  [[nodiscard]] bool abandoned() const override { return false; }
  void set_on_abandoned(std::function<void()>) override {}
};

/// For routes that ask nothing of the daemon itself.
struct NoDaemon final : controller::api::DaemonPort {
  [[nodiscard]] controller::api::StatusReport report() const override { return {}; }
  void connect(std::vector<std::string>, bool, std::function<void(std::vector<std::string>)>) override {}
  void forget(std::vector<std::string>) override {}
};

} // namespace weave::test
