#pragma once

#include <string>
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

/// Writes it where the container sees it, and once more as a new file, so that the engine no longer writes to what the
/// container sees.
[[nodiscard]] Result<void> write_hosts(std::string const& path, std::string const& text);

} // namespace weave::controller
