#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace weave::controller::api {

/// What the daemon answered, whatever the status.
struct Answer {
  int status = 0;
  std::string body;

  [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
};

/// Asks the daemon over its control socket or TCP address and waits: for programs that have nothing else to do. One
/// connection a request. Errors: not_found, unavailable (nobody listens there), refused (no permission), timed_out,
/// malformed.
class ApiClient {
 public:
  using Parameters = std::vector<std::pair<std::string, std::string>>;

  /// `/path`, `unix:///path`, `host:port`.
  [[nodiscard]] static Result<ApiClient> at(std::string_view address);

  /// A timeout of zero waits without limit.
  [[nodiscard]] Result<Answer> get(std::string target, std::chrono::milliseconds timeout) const;
  [[nodiscard]] Result<Answer> post(std::string target, Parameters const& parameters,
                                    std::chrono::milliseconds timeout) const;
  [[nodiscard]] Result<Answer> remove(std::string target, std::chrono::milliseconds timeout) const;
  [[nodiscard]] Result<Answer> put(std::string target, Parameters const& parameters,
                                   std::chrono::milliseconds timeout) const;
  /// `GET /name`: JSON.
  [[nodiscard]] Result<Answer> names(std::chrono::milliseconds timeout) const;
  /// `GET /report` as JSON.
  [[nodiscard]] Result<Answer> report(std::chrono::milliseconds timeout) const;
  /// `GET /report` through a template.
  [[nodiscard]] Result<Answer> report(std::string_view format, std::chrono::milliseconds timeout) const;

  /// As printed to people.
  [[nodiscard]] std::string const& address() const { return address_; }

 private:
  explicit ApiClient(std::string address) : address_{std::move(address)} {}

  std::string address_;
};

/// One part of a target path, encoded.
[[nodiscard]] std::string path_part(std::string_view text);

} // namespace weave::controller::api
