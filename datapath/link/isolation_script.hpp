#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/address.hpp"

namespace weave::datapath {

/// The table of nftables, family bridge, that all of this is in; nobody else's.
inline constexpr std::string_view kIsolationTable = "weave";

/// A network whose containers exchange frames among themselves only.
struct IsolatedNetwork {
  /// Of its containers, and of nobody else.
  MacAddress first_mac;
  MacAddress last_mac;
  /// Host ends of its containers' pairs, by interface name; they need not exist yet.
  std::set<std::string> ports;

  friend bool operator==(IsolatedNetwork const&, IsolatedNetwork const&) = default;
};

/// By subnet; these do not overlap.
using IsolatedNetworks = std::map<Ipv4Cidr, IsolatedNetwork>;

/// What keeps networks apart, as texts for nft. Pure.
///
/// The wire has no room for the number of a network, so each host filters at the ports of its own containers, in both
/// directions, before the bridge learns an address from a frame and after it has chosen the port:
///
///   port of an isolated network   in and out: only IPv4 and ARP from its subnet to its subnet, IPv4 multicast and
///                                 broadcast from its subnet. IPv6 and everything else is dropped.
///   port of any other container   in and out: nothing from or to an isolated subnet; in: no source MAC of one.
///   all other ports               as they come: tunnels (the other end has filtered), the host, what people plug in.
///
/// Container ports are told by name (`vethwl…`, `vethwepl…`): not every kernel can ask nftables for the bridge of a
/// port.

/// The whole table in place of the one that is there, in one transaction: no frame passes in between.
[[nodiscard]] std::string isolation_script(IsolatedNetworks const& networks);
/// From one state to another where only ports come and go, else none. Empty: nothing to do.
[[nodiscard]] std::optional<std::string> isolation_changes(IsolatedNetworks const& before,
                                                           IsolatedNetworks const& after);
/// Both fail when there is no table.
[[nodiscard]] std::string isolation_listing();
[[nodiscard]] std::string isolation_removal();

} // namespace weave::datapath
