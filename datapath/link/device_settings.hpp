#pragma once

#include <string_view>

#include "base/result.hpp"

namespace weave::datapath {

/// Writes /proc/sys/<path> of the calling thread's network namespace. A file that does not exist (IPv6 switched off,
/// an old kernel) counts as done: the feature to be tamed is absent.
[[nodiscard]] Result<void> write_sysctl(std::string_view path, std::string_view value);

/// accept_ra, autoconf and the automatic link-local address off, so that no router advertisement of a container or of
/// the overlay reaches this host's IPv6 configuration. Before the interface goes up.
[[nodiscard]] Result<void> refuse_ipv6_autoconf(std::string_view link_name);

/// ethtool: whether the interface may be handed packets whose checksum is not complete. Off costs CPU in the sender;
/// needed only where somebody captures raw frames (the TAP user port completes checksums itself).
[[nodiscard]] Result<void> set_tx_checksum_offload(std::string_view link_name, bool on);
[[nodiscard]] Result<bool> tx_checksum_offload(std::string_view link_name);

} // namespace weave::datapath
