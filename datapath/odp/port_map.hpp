#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datapath/odp/types.hpp"

namespace weave::datapath::odp {

/// What a vport is to the overlay.
enum class PortRole : std::uint8_t {
  local,  ///< containers of this host are behind it: the bridge, or one container
  user,   ///< the TAP device of the packet worker
  tunnel, ///< VXLAN
  ignored ///< takes no part
};

/// The vports of a datapath by role (protocol/datapath.md §5.1). A value.
class PortMap {
 public:
  struct Naming {
    std::string user_port;
    /// The internal port is the host's own interface in the overlay (there is no Linux bridge), and so local.
    bool internal_is_local = false;
  };

  PortMap() = default;
  /// netdev vports named "vxlan-<number>" are tunnels, other netdev vports local.
  PortMap(std::span<Vport const> ports, Naming const& naming);

  /// `ignored` for numbers that are not there.
  [[nodiscard]] PortRole role(PortNo port) const;
  /// Empty if not there.
  [[nodiscard]] std::string_view name(PortNo port) const;
  [[nodiscard]] std::optional<PortNo> find(std::string_view name) const;
  /// Ascending.
  [[nodiscard]] std::vector<PortNo> const& locals() const { return locals_; }
  [[nodiscard]] std::optional<PortNo> user() const { return user_; }
  [[nodiscard]] std::optional<PortNo> tunnel(std::uint16_t udp_port) const;
  /// Of a tunnel, else 0.
  [[nodiscard]] std::uint16_t udp_port(PortNo port) const;

  friend bool operator==(PortMap const&, PortMap const&) = default;

 private:
  struct Entry {
    std::string name;
    PortRole role = PortRole::ignored;
    std::uint16_t udp_port = 0;
    friend bool operator==(Entry const&, Entry const&) = default;
  };

  std::map<PortNo, Entry> entries_;
  std::vector<PortNo> locals_;
  std::optional<PortNo> user_;
  std::map<std::uint16_t, PortNo> tunnels_;
};

} // namespace weave::datapath::odp
