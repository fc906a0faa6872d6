#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/host_facts.hpp"

namespace weave::tools {

/// A line of /proc/net/tcp, tcp6, udp or udp6 that somebody listens on.
struct ListedSocket {
  SocketUse use;
  std::uint64_t inode = 0;

  friend bool operator==(ListedSocket const&, ListedSocket const&) = default;
};

/// Reads such a file. Sockets of IPv6 that can take IPv4 as well count as on all addresses; others of IPv6 are left
/// out, as are lines that make no sense. Pure.
[[nodiscard]] std::vector<ListedSocket> parse_sockets(std::string_view text, bool tcp);

/// All of this network namespace whose port `wanted` says, with the processes that hold them as far as those may be
/// seen.
[[nodiscard]] std::vector<SocketUse> listening_sockets(std::function<bool(std::uint16_t)> const& wanted);

} // namespace weave::tools
