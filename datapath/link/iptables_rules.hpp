#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "datapath/link/firewall_wish.hpp"

namespace weave::datapath {

/// The overlay's rules in iptables' own tables, as texts for its programs. Pure.
///
/// Docker sets the policy of FORWARD to DROP, and with bridge netfilter on that hits frames between two ports of one
/// bridge as well; only an ACCEPT there, in the same table, spares a packet that policy. These rules are in chains of
/// ours, `WEAVE-FORWARD`, `WEAVE-EXPOSE` and `WEAVE-INPUT` of the filter table, `WEAVE` of the nat table
/// (protocol/surfaces.md §15.2).

enum class IptablesShare {
  accepts,   ///< what others' rules make necessary; the rest is in the overlay's own table
  everything ///< where the kernel has no nftables for it
};

/// Input for `iptables-restore --noflush` that brings our chains to `wish` whatever is in them, given what
/// `iptables-save` prints now.
[[nodiscard]] std::string iptables_script(FirewallWish const& wish, std::string_view saved,
                                          IptablesShare share = IptablesShare::everything);
/// The same to take everything of ours away, and what jumps there; empty if nothing is there.
[[nodiscard]] std::string iptables_removal(std::string_view saved);
/// Those lines of `iptables-save` that are ours: what has to be as we left it.
[[nodiscard]] std::vector<std::string> own_iptables_rules(std::string_view saved);
/// Whether what is saved has all that the script has just put there.
[[nodiscard]] bool iptables_hold(std::string_view saved, std::string_view script);
/// Whether somebody else filters here what is forwarded or received: by a policy, or by rules.
[[nodiscard]] bool iptables_filter(std::string_view saved);
/// Whether firewalld keeps its rules here.
[[nodiscard]] bool iptables_have_firewalld(std::string_view saved);

} // namespace weave::datapath
