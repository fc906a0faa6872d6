#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/api/messages.hpp"

/// The kernel's forwarding as `weave status flows` prints it. Pure functions.
namespace weave::controller::api {

/// Who the short ids in a tunnel id (destination above source, 12 bits each) belong to.
struct TunnelPeers {
  std::uint64_t id = 0;
  /// `name(nickname)`, or `unknown` for an id that no peer has.
  std::string source;
  std::string destination;

  friend bool operator==(TunnelPeers const&, TunnelPeers const&) = default;
};

/// Every tunnel id in match and actions once, in their order. Of two peers with one short id the lower name counts, as
/// in forwarding.
[[nodiscard]] std::vector<TunnelPeers> tunnels_of(FlowStatus const& flow, std::vector<PeerStatus> const& peers);

/// The parts between the commas that stand in no brackets.
[[nodiscard]] std::vector<std::string> split_list(std::string_view text);

/// One line a flow as `ovs-dpctl dump-flows` has them, with the peers of its tunnels as a comment at the end:
/// `in_port(1),…, packets:3, bytes:294, used:0.512s, actions:2 # tun_id=0x2d977a: <source>-><destination>`. The
/// time is left out where the kernel counts without it. Empty without a fast path.
[[nodiscard]] std::string flows_text(StatusReport const& report);

} // namespace weave::controller::api
