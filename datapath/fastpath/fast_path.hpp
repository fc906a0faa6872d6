#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/scheduler.hpp"
#include "datapath/bridge/mac_learning.hpp"
#include "datapath/fastpath/forwarding_state.hpp"
#include "datapath/tunnel/tunnel_id.hpp"

namespace weave::datapath {

/// A frame with zero MAC addresses that came out of a VXLAN tunnel; never forwarded.
struct HeartbeatArrival {
  TunnelId ids;
  /// Outer source address, and the UDP port of the device that it came in by.
  Ipv4Address remote;
  std::uint16_t udp_port = 0;
  /// Bytes of the whole inner frame; `head` holds the first kHeartbeatHead of them at most.
  std::uint32_t length = 0;
  Bytes head;
  /// When, if the kernel has noted it; else just now.
  std::optional<TimePoint> at = {};
};
inline constexpr std::size_t kHeartbeatHead = 64;

/// One entry of the kernel's forwarding for people: `weave status flows`.
struct FlowDescription {
  /// In the notation of `ovs-dpctl dump-flows`.
  std::string match;
  std::string actions;
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  /// Kernel monotonic time (CLOCK_MONOTONIC) of the last packet; absent: none yet, or not known.
  std::optional<std::chrono::milliseconds> used = {};
};

/// One port of the kernel's forwarding for people: `OverlayDiagnostics` of the report.
struct PortDescription {
  std::uint32_t number = 0;
  std::string name;
  /// "netdev", "internal", "vxlan", …
  std::string type;
};

/// What a fast path reports; on the control thread, never inside one of its methods.
struct FastPathEvents {
  std::function<void(HeartbeatArrival const&)> on_heartbeat;
  /// It carries nothing any more and could not repair itself; nothing follows. The text says why.
  std::function<void(Error)> on_failed;
};

/// A kernel datapath between the bridge "weave" and VXLAN tunnels (protocol/datapath.md §5): the port that its two
/// implementations, Open vSwitch and VXLAN with BPF, fill. It learns MAC addresses and forwards by the last state that
/// was applied, without user space. Destroying it leaves everything in the kernel as it is: traffic goes on, and the
/// next process adopts it. Control thread only; calls may block for a few system calls.
///
/// The user port (a TAP device that this object plugs in by `attach_user_port`) carries what VXLAN cannot. Frames for
/// it and from it are tagged, see datapath/fastpath/user_tag.hpp.
class FastPath {
 public:
  virtual ~FastPath() = default;

  /// "openvswitch" or "bpf".
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// Begins to report. Once, before anything else.
  virtual void start(FastPathEvents events) = 0;
  /// Plugs in the TAP device of that name; again after the device was made anew.
  [[nodiscard]] virtual Result<void> attach_user_port(std::string const& device) = 0;
  /// Makes sure that VXLAN packets to and from this UDP port are taken; idempotent. already_exists: the port is
  /// somebody else's.
  [[nodiscard]] virtual Result<void> open_tunnel_port(std::uint16_t udp_port) = 0;
  /// Brings the kernel to this state by touching only what differs. Failures of single entries are logged and tried
  /// again with the next state or within seconds.
  virtual void apply(std::shared_ptr<ForwardingState const> state) = 0;
  /// Sends one frame (zero MACs) by the tunnel itself, whatever the neighbour's carrier is. Success does not mean that
  /// it left the host.
  [[nodiscard]] virtual Result<void> send_heartbeat(TunnelEndpoints const& endpoints, TunnelId ids, ByteView frame) = 0;

  /// Where addresses are, as this path has learned it; outlived by the path. Usable from any thread.
  [[nodiscard]] virtual MacLearning& macs() = 0;
  [[nodiscard]] virtual Result<std::vector<FlowDescription>> flows() = 0;
  [[nodiscard]] virtual Result<std::vector<PortDescription>> ports() { return std::vector<PortDescription>{}; }
  /// Counters by name for status ("UpcallsReceived", …).
  [[nodiscard]] virtual std::vector<std::pair<std::string, std::uint64_t>> statistics() = 0;
};

} // namespace weave::datapath
