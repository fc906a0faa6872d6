#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/address.hpp"

namespace weave::datapath {

/// An address of this host in the overlay (`weave expose`).
struct Exposure {
  Ipv4Cidr address;
  /// Traffic between its subnet and the rest of the world takes this host's address.
  bool masquerade = true;

  friend bool operator==(Exposure const&, Exposure const&) = default;
};

/// What the firewall shall let pass and keep away.
struct FirewallWish {
  std::string bridge;
  /// Docker's own bridge, whose containers do not reach into the overlay; empty: there is none.
  std::string docker_bridge;
  std::vector<Exposure> exposures;
  /// Name of an AddressSet of this host's own containers, for iptables: what goes to them keeps its source. Empty:
  /// there is none.
  std::string local_set = {};
  /// The same for nftables, which matches no such set.
  std::vector<Ipv4Cidr> local_ranges = {};
  /// Ports of this host that are there for other hosts: what containers send there is dropped.
  std::vector<std::uint16_t> tcp_ports = {};
  std::vector<std::uint16_t> udp_ports = {};
  /// Of TCP, on loopback addresses: nobody else reaches them, also where the kernel routes such addresses.
  std::vector<std::uint16_t> loopback_ports = {};
  /// Containers on Docker's bridge may ask a name server of this host.
  bool names = false;
  /// More bridges with containers, for the ports: of Docker's other networks.
  std::vector<std::string> container_bridges = {};
  /// What goes into the overlay keeps its source (`weave attach-bridge`).
  bool keep_sources = false;

  friend bool operator==(FirewallWish const&, FirewallWish const&) = default;
};

[[nodiscard]] inline bool wants_masquerading(FirewallWish const& wish) {
  return std::ranges::any_of(wish.exposures, &Exposure::masquerade);
}

} // namespace weave::datapath
