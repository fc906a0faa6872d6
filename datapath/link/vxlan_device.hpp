#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/result.hpp"
#include "datapath/link/links.hpp"

namespace weave::datapath {

/// A VXLAN device that takes the tunnel of every frame from its metadata (`vxlan external`), and so serves all peers.
struct VxlanSpec {
  std::string name; // "vxlan-6784"
  std::uint16_t udp_port = 0;
  std::uint32_t mtu = 0;
};

/// The name that the original and ovs-dpctl give it: "vxlan-<port>".
[[nodiscard]] std::string vxlan_device_name(std::uint16_t udp_port);

/// Creates the device or adopts the one of that name and port, and brings it up: no learning, no UDP checksum needed
/// from senders, MTU as given, no IPv6 autoconfiguration, alias "weave" as our mark. already_exists when the UDP port
/// belongs to somebody else (the kernel says so only when the device goes up; nothing stays then) or the name to
/// something that is not such a device; refused without permission. KERNEL-VXLAN facts: a device of its own per port,
/// EADDRINUSE at "up". Blocking.
[[nodiscard]] Result<Link> ensure_vxlan_device(Links& links, VxlanSpec const& spec);

/// All such devices that are ours, by UDP port.
[[nodiscard]] Result<std::map<std::uint16_t, Link>> list_vxlan_devices(Links& links);

/// For `weave reset`: deletes them all, and with them what hangs on them. Goes on after a failure and reports the
/// first.
[[nodiscard]] Result<void> remove_vxlan_devices(Links& links);

} // namespace weave::datapath
