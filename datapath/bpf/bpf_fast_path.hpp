#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/fd_watcher.hpp"
#include "base/logger.hpp"
#include "base/peer_name.hpp"
#include "base/result.hpp"
#include "base/scheduler.hpp"
#include "datapath/fastpath/fast_path.hpp"
#include "datapath/link/links.hpp"

namespace weave::datapath::bpf {

/// What the fast path with BPF works with. All references must outlive it.
struct BpfFastPathConfig {
  Scheduler& scheduler;
  FdWatcher& watcher;
  Logger logger;
  /// Of the network namespace that is current when the path is opened.
  Links& links;
  PeerName self;
  /// Exists.
  std::string bridge = "weave";
  /// Of bridge, containers and VXLAN devices alike.
  std::uint32_t mtu = 0;
  /// Our own: router port + 1. Others come by open_tunnel_port().
  std::uint16_t udp_port = 0;
};

/// The fast path for kernels without Open vSwitch (KERNEL-VXLAN §9): loads the programs, makes the VXLAN device, hangs
/// them on it and makes it a port of the bridge. If an earlier process left all that, it is taken over with what it
/// learned and forwards, without a gap; programs of another version are replaced when the first state is applied.
///
/// `weave reset` ends it by remove_vxlan_devices() (datapath/link/vxlan_device.hpp).
///
/// Errors leave nothing behind: unavailable when this build is without BPF, refused without permission or when the
/// kernel lacks a part, already_exists when the UDP port or the device's name is somebody else's, not_found without
/// bridge.
///
/// Once a second it looks whether devices, bridge port and programs are still there, and mends them; a fault is logged
/// once. on_failed comes when the VXLAN device cannot be made again for five seconds (not while the bridge is missing:
/// that is mended when it comes back).
[[nodiscard]] Result<std::unique_ptr<FastPath>> open_bpf_fast_path(BpfFastPathConfig config);

} // namespace weave::datapath::bpf
