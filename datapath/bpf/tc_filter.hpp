#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "datapath/link/link.hpp"
#include "datapath/link/route_socket.hpp"

namespace weave::datapath::bpf {

/// Where a classifier hangs on an interface.
enum class TcHook : std::uint8_t { ingress, egress };

/// Name of our filters; those of others on the same hook stay as they are.
inline constexpr char kFilterName[] = "weave";

/// Makes the interface ready for filters (qdisc clsact); done already counts as success.
[[nodiscard]] Result<void> add_tc_hooks(RouteSocket& socket, LinkIndex link);

/// Hangs the program there in place of what we have there; no frame passes without one or the other. Needs
/// add_tc_hooks. The kernel holds the program as long as the filter exists. Blocking.
[[nodiscard]] Result<void> attach_filter(RouteSocket& socket, LinkIndex link, TcHook hook, int program_fd);

/// Kernel id of the program of our filter there; none if there is no such filter.
[[nodiscard]] Result<std::optional<std::uint32_t>> attached_program(RouteSocket& socket, LinkIndex link, TcHook hook);

} // namespace weave::datapath::bpf
