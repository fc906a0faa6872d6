#pragma once

#include <optional>
#include <vector>

#include "base/peer_name.hpp"
#include "datapath/odp/types.hpp"
#include "datapath/tunnel/tunnel_id.hpp"

namespace weave::datapath::odp {

/// What happens to a packet, in the overlay's terms: copies to local ports, to the packet worker with our tags
/// (datapath/fastpath/user_tag.hpp), and to neighbours by VXLAN. Flow actions are made from it and read back into it.
struct Plan {
  struct ToUser {
    /// Absent: captured on this host.
    std::optional<ShortId> source = {};
    ShortId destination{};
    bool flooded = false;
    friend bool operator==(ToUser const&, ToUser const&) = default;
  };
  struct ToTunnel {
    PortNo port{};
    TunnelKey tunnel;
    friend bool operator==(ToTunnel const&, ToTunnel const&) = default;
  };

  /// Takes the outermost tag off first.
  bool untag = false;
  std::vector<PortNo> local = {};
  std::optional<PortNo> user_port = {};
  std::vector<ToUser> user = {};
  std::vector<ToTunnel> tunnels = {};

  [[nodiscard]] bool drops() const { return local.empty() && user.empty() && tunnels.empty(); }
  friend bool operator==(Plan const&, Plan const&) = default;
};

/// Local copies first, so that they cannot suffer from tags and tunnels of others. User copies without a user port are
/// left out.
[[nodiscard]] Actions actions_of(Plan const& plan);
/// None if these are not the actions of a plan.
[[nodiscard]] std::optional<Plan> plan_of(Actions const& actions);

/// What a VXLAN port needs to send to a neighbour: TOS 0, TTL 64, DF, no UDP checksum (protocol/datapath.md §5.5).
[[nodiscard]] TunnelKey tunnel_key(TunnelId ids, Ipv4Address source, Ipv4Address destination);

} // namespace weave::datapath::odp
