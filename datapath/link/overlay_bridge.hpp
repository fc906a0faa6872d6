#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/peer_name.hpp"
#include "base/result.hpp"
#include "datapath/link/link.hpp"
#include "datapath/link/links.hpp"

namespace weave::datapath {

/// Interface names that containers' start-up scripts and administrators know (protocol/datapath.md §8.1).
inline constexpr std::string_view kBridgeName = "weave";
inline constexpr std::string_view kUserPortName = "vethwe-user";
/// Host and container end of a Docker endpoint, each followed by nine characters of the endpoint id.
inline constexpr std::string_view kEndpointHostPrefix = "vethwl";
inline constexpr std::string_view kEndpointGuestPrefix = "vethwg";
/// Everything else that belongs to the overlay on this host.
inline constexpr std::string_view kOwnPrefix = "vethwe";
/// Bytes of a container's IP packet that every path carries, the kernel fast paths on a 1500-byte network included.
inline constexpr std::uint32_t kDefaultBridgeMtu = 1376;

/// The bridge's MAC: the peer name, made a unicast address if it is not one.
[[nodiscard]] MacAddress bridge_mac(PeerName name);

/// The Linux bridge that containers of this host hang on. Blocking, one thread.
class OverlayBridge {
 public:
  /// `links` must outlive this object.
  explicit OverlayBridge(Links& links) : links_{links} {}

  /// Creates the bridge or adopts the one that is there, its ports untouched, and brings it to `spec`: MAC and MTU
  /// fixed whatever ports come and go, no spanning tree, no multicast snooping, no IPv6 autoconfiguration, up.
  /// already_exists when the name belongs to something that is not a bridge.
  [[nodiscard]] Result<Link> ensure(BridgeSpec const& spec);

  /// Deletes the bridge and every interface of the overlay in this network namespace (with the ends inside
  /// containers). Goes on after a failure and reports the first.
  [[nodiscard]] Result<void> reset(std::string_view bridge = kBridgeName);

 private:
  [[nodiscard]] Result<void> configure(BridgeSpec const& spec, Link const& link);

  Links& links_;
};

} // namespace weave::datapath
