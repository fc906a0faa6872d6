#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "datapath/odp/datapath_interface.hpp"
#include "datapath/odp/ovs_devices.hpp"
#include "datapath/odp/port_map.hpp"

namespace weave::datapath::odp {

/// Keeps the vports of the overlay plugged in: the veth pair to the bridge, the packet worker's TAP device, VXLAN
/// ports. Control thread only; blocking.
class PortKeeper {
 public:
  /// A port that should be there and is not, with the reason.
  struct Missing {
    std::string name;
    PortRole role = PortRole::ignored;
    Error error;
  };

  struct Config {
    /// Its internal port has the same name.
    std::string datapath;
    /// Without a bridge containers are vports themselves, and the internal port is the host's own.
    bool bridged = true;
  };

  /// `devices` outlives this object.
  PortKeeper(OvsDevices& devices, Config config) : devices_{devices}, config_{std::move(config)} {}

  /// Wants it and plugs it in, newly if a port of that name is there: the device may be another one by now.
  [[nodiscard]] Result<void> plug_user_port(DatapathInterface& datapath, std::string const& device);
  /// Where there is no bridge: makes the device a port, as long as it exists. Idempotent.
  [[nodiscard]] Result<void> plug_container(DatapathInterface& datapath, std::string const& device);
  /// Plugs it in if it is not, and wants it from then on.
  [[nodiscard]] Result<void> open_tunnel(DatapathInterface& datapath, std::uint16_t udp_port);

  /// Looks at the vports, and plugs in what has gone. `missing()` tells afterwards what could not be. Fails only if the
  /// datapath cannot be read.
  [[nodiscard]] Result<PortMap> sync(DatapathInterface& datapath);
  [[nodiscard]] std::vector<Missing> const& missing() const { return missing_; }
  /// Ports that sync() had to plug in, by role; in the order of their loss.
  [[nodiscard]] std::vector<std::string> take_replugged() { return std::exchange(replugged_, {}); }

 private:
  [[nodiscard]] Result<PortMap> read(DatapathInterface& datapath);
  using Note = std::function<void(std::string name, PortRole role, Result<bool> const& plugged)>;
  void ensure_containers(DatapathInterface& datapath, PortMap const& ports, Note const& note);
  [[nodiscard]] Result<bool> ensure_bridge_port(DatapathInterface& datapath, PortMap const& ports);
  [[nodiscard]] Result<bool> ensure_user_port(DatapathInterface& datapath, PortMap const& ports);
  [[nodiscard]] Result<bool> ensure_tunnel(DatapathInterface& datapath, PortMap const& ports, std::uint16_t udp_port);
  [[nodiscard]] Result<void> add_tunnel(DatapathInterface& datapath, std::uint16_t udp_port);
  [[nodiscard]] Result<void> add_builtin_tunnel(DatapathInterface& datapath, std::uint16_t udp_port);

  OvsDevices& devices_;
  Config config_;
  std::optional<std::string> user_port_;
  std::set<std::uint16_t> tunnels_;
  /// Devices of containers that are or were ports.
  std::set<std::string> containers_;
  std::vector<Missing> missing_;
  std::vector<std::string> replugged_;
};

} // namespace weave::datapath::odp
