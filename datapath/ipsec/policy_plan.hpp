#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "datapath/fastpath/forwarding_state.hpp"
#include "datapath/ipsec/xfrm.hpp"

namespace weave::datapath::ipsec {

/// What one connection wants of VXLAN between two ends.
struct TunnelClaim {
  TunnelEndpoints ends;
  /// Both ends trust the network between them.
  bool may_be_clear = false;
  /// The association of what we send; none yet: nothing may be sent.
  std::optional<Spi> sending = {};
};

struct PolicyNeeds {
  /// UDP ports where VXLAN listens.
  std::set<std::uint16_t> ports;
  /// Addresses of this host from which VXLAN is sent.
  std::set<Ipv4Address> sources;
  /// In the order of the connections: of two between the same ends the later one counts.
  std::vector<TunnelClaim> claims;
};

/// The policies that keep VXLAN encrypted whatever the firewall does: what comes in by a port must have been encrypted
/// by an association of ours; what goes out from our addresses to a port is blocked; between the ends of a claim the
/// latter is encrypted instead or, if all claims agree, may be clear both ways. Pure.
///
/// They name the port, which the kernel's VXLAN tells to the lookup of policies, and no mark, since marks would have
/// to be set by firewall rules, which others flush (§7.4, §13 W5).
[[nodiscard]] std::map<PolicyId, Policy> wanted_policies(PolicyNeeds const& needs);

/// Whether the VXLAN of a kernel with this release ("6.1.0-13-amd64", as uname says) tells the port: from 4.14 on.
[[nodiscard]] bool vxlan_tells_port(std::string_view kernel_release);

} // namespace weave::datapath::ipsec
