#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/address.hpp"

namespace weave::datapath {

/// Number of an interface within its network namespace; 0 is none.
enum class LinkIndex : std::uint32_t {};

/// Longest interface name, bytes.
inline constexpr std::size_t kLinkNameMax = 15;

/// What the kernel says about one interface. A value, true at the moment of the query.
struct Link {
  LinkIndex index{};
  std::string name;
  MacAddress mac;
  /// Bytes of a whole IP packet.
  std::uint32_t mtu = 0;
  /// Administratively up.
  bool up = false;
  /// The bridge that it is a port of.
  std::optional<LinkIndex> master;
  /// "bridge", "veth", "tun", …; empty for hardware.
  std::string kind;
  /// Other end of a veth pair, by its index in the network namespace where that end is.
  std::optional<LinkIndex> peer;
  /// False when the other end was moved to another network namespace.
  bool peer_here = true;
  /// A bridge port that sends frames back to where they come from.
  bool hairpin = false;

  friend bool operator==(Link const&, Link const&) = default;
};

/// A change of one interface; absent fields stay as they are.
struct LinkChange {
  std::optional<bool> up = {};
  std::optional<std::uint32_t> mtu = {};
  std::optional<MacAddress> mac = {};
  /// LinkIndex{0} takes it out of its bridge.
  std::optional<LinkIndex> master = {};
  std::optional<std::string> name = {};
  /// Descriptor of the network namespace that it moves to.
  std::optional<int> namespace_fd = {};
};

/// Properties of a bridge port; absent fields stay as they are.
struct BridgePortChange {
  std::optional<bool> hairpin = {};
  std::optional<bool> learning = {};
  /// Unknown unicast, broadcast and multicast alike.
  std::optional<bool> flood = {};
  /// Frames never pass between two isolated ports.
  std::optional<bool> isolated = {};
};

} // namespace weave::datapath
