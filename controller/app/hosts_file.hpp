#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"

namespace weave::controller {

/// What a container's /etc/hosts shall say.
struct HostsWish {
  std::string hostname; ///< without a domain
  std::string fqdn;     ///< empty without a domain
  std::vector<Ipv4Address> addresses;
  std::vector<std::string> extra_hosts; ///< `name:ip`
};

/// The file's text (protocol/surfaces.md §13.5). Error: malformed, an extra host that is not `name:ip`.
[[nodiscard]] Result<std::string> hosts_text(HostsWish const& wish);

/// The present text; empty if it cannot be read.
[[nodiscard]] std::string read_hosts(std::string const& path);

/// Whether this is the file that an engine keeps for one of these containers (full ids). The engine names anything that
/// is mounted on /etc/hosts instead, such as the host's own: to be left alone.
[[nodiscard]] bool is_engines_own(std::string_view path, std::vector<std::string> const& containers);

/// `name:ip` of an extra host as the engine was told, with the address that the present text has for a name of which
/// the engine was to find it out (`host-gateway`); none if there is none.
[[nodiscard]] std::optional<std::string> resolved_extra_host(std::string const& entry, std::string_view present);

/// Writes it where the container sees it, and once more as a new file, so that the engine no longer writes to what the
/// container sees. That stays in reach beside it until the container starts anew, which `life` tells.
[[nodiscard]] Result<void> write_hosts(std::string const& path, std::string const& text, std::int64_t life);

} // namespace weave::controller
