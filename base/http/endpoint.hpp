#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace weave::http {

/// Where a server listens or a client connects: a Unix socket path, or a TCP host and port. Value type.
struct Endpoint {
  /// Not empty: a Unix socket; host and port are not used then.
  std::string path;
  /// A name or a numeric address (IPv6 without brackets). Empty: every address (server), the local host (client).
  std::string host;
  std::uint16_t port = 0;

  [[nodiscard]] static Endpoint unix_socket(std::string path) { return {.path = std::move(path), .host = {}}; }
  [[nodiscard]] static Endpoint tcp(std::string host, std::uint16_t port) {
    return {.path = {}, .host = std::move(host), .port = port};
  }
  /// `unix:///path`, `/path`, `tcp://host:port`, `http://host:port`, `host:port`, `:port`, `[v6]:port`.
  [[nodiscard]] static Result<Endpoint> parse(std::string_view text);

  [[nodiscard]] bool is_unix() const { return !path.empty(); }
  /// `unix:///path` or `host:port`.
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(Endpoint const&, Endpoint const&) = default;
};

} // namespace weave::http
