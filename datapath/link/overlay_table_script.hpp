#pragma once

#include <string>
#include <string_view>

#include "datapath/link/firewall_wish.hpp"

namespace weave::datapath {

/// The table of nftables, family inet, that all of this is in; nobody else's.
inline constexpr std::string_view kOverlayTable = "weave";

/// What of the firewall does not depend on anybody else's rules, as texts for nft. Pure.
///
/// A packet passes every table that hooks it. What one drops is gone, and the first source address that one gives it
/// stays; that others accept it changes neither. So these are here, where `iptables -F` does not reach:
///
///   input        ports for other hosts, from bridges with containers: dropped, IPv4 and IPv6;
///                control and status, to a loopback address from outside: dropped
///   forward      from Docker's bridge into the overlay: dropped
///   postrouting  masquerading of exposed networks, after everybody else's rules: those of the administrator win
///
/// An accept on the other hand saves a packet from nobody else's drop: those are where the drop is
/// (iptables_rules.hpp).

/// The whole table in place of the one that is there, in one transaction: no packet passes in between.
[[nodiscard]] std::string overlay_table_script(FirewallWish const& wish, std::string_view table = kOverlayTable);
/// Prints what is in it; fails when there is no table.
[[nodiscard]] std::string overlay_table_query();
/// Succeeds when there is none.
[[nodiscard]] std::string overlay_table_removal(std::string_view table = kOverlayTable);
/// Rules in a script, or in what the query prints.
[[nodiscard]] std::size_t count_overlay_rules(std::string_view text);

} // namespace weave::datapath
