#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"

namespace weave::gossip {

/// A direct peer as a user types it: `host[:port]` (protocol/mesh.md §13.1).
struct TargetAddress {
  std::string host;
  /// Absent: our own port is used, and an inbound connection from that host makes dialling needless.
  std::optional<std::uint16_t> port;

  /// Error texts: `invalid peer name "<text>", should be host[:port]`, `unknown port in peer name "<text>"`.
  [[nodiscard]] static Result<TargetAddress> parse(std::string_view text);

  friend bool operator==(TargetAddress const&, TargetAddress const&) = default;
};

/// `10.0.0.1:6783`, `[fe80::1%eth0]:6783`.
[[nodiscard]] std::string join_host_port(std::string_view host, std::uint16_t port);
/// The opposite, for gossiped addresses; nullopt unless host and a port number from 1 are there.
[[nodiscard]] std::optional<std::pair<std::string, std::uint16_t>> split_host_port(std::string_view address);

} // namespace weave::gossip
