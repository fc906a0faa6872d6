#pragma once

#include <string_view>

#include "base/result.hpp"
#include "plugin/messages.hpp"

namespace weave::plugin {

/// Driver options of `docker network create -o`. A switch with no text means yes, else Go's words for true and false.

/// A route to multicast addresses.
inline constexpr std::string_view kMulticastOption = "works.weave.multicast";
/// Containers of this network exchange frames only with each other (network_isolation.hpp).
inline constexpr std::string_view kIsolateOption = "works.weave.isolate";
/// `docker`: addresses may come from Docker's own IPAM, which knows nothing of other hosts. `weave`, the default: not.
inline constexpr std::string_view kIpamOption = "works.weave.ipam";

struct NetworkOptions {
  bool multicast = false;
  bool isolate = false;
  bool docker_ipam = false;

  friend bool operator==(NetworkOptions const&, NetworkOptions const&) = default;
};

/// Of those three that are given, on top of `defaults`; others are passed over. Error: `unrecognized value "<v>" for
/// option <name>`.
[[nodiscard]] Result<NetworkOptions> parse_network_options(Options const& options, NetworkOptions defaults);
[[nodiscard]] bool is_known_option(std::string_view name);

} // namespace weave::plugin
