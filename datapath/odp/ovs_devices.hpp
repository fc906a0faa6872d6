#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.hpp"
#include "base/result.hpp"
#include "datapath/link/links.hpp"

namespace weave::datapath::odp {

/// Ends of the veth pair between the Linux bridge and the datapath (protocol/datapath.md §8.1).
inline constexpr std::string_view kBridgeEnd = "vethwe-bridge";
inline constexpr std::string_view kDatapathEnd = "vethwe-datapath";

/// The network devices around an Open vSwitch datapath: the port that the kernel and the tests fill. Blocking, control
/// thread.
class OvsDevices {
 public:
  virtual ~OvsDevices() = default;

  /// The pair kBridgeEnd-kDatapathEnd: up, with the overlay's MTU, the one end a learning port of the bridge. Makes or
  /// mends what is missing. True: the pair was made anew.
  [[nodiscard]] virtual Result<bool> ensure_bridge_link() = 0;
  /// The datapath's internal port as the host's own interface in the overlay, without a bridge: up, with the overlay's
  /// MTU, no IPv6 autoconfiguration.
  [[nodiscard]] virtual Result<void> ensure_host_device(std::string_view name) = 0;
  /// See ensure_vxlan_device().
  [[nodiscard]] virtual Result<void> ensure_tunnel_device(std::uint16_t udp_port) = 0;
  [[nodiscard]] virtual bool is_up(std::string_view name) = 0;
  [[nodiscard]] virtual Result<void> set_up(std::string_view name) = 0;
  /// Success if there is none.
  [[nodiscard]] virtual Result<void> remove(std::string_view name) = 0;
};

/// Those of the network namespace of `links`.
class KernelOvsDevices final : public OvsDevices {
 public:
  struct Config {
    std::string bridge = "weave";
    /// Of containers' packets.
    std::uint32_t mtu = 0;
    /// Of the host's own interface where there is no bridge; absent: whatever it has.
    std::optional<MacAddress> host_mac = {};
  };

  /// `links` outlives this object.
  KernelOvsDevices(Links& links, Config config) : links_{links}, config_{std::move(config)} {}

  [[nodiscard]] Result<bool> ensure_bridge_link() override;
  [[nodiscard]] Result<void> ensure_host_device(std::string_view name) override;
  [[nodiscard]] Result<void> ensure_tunnel_device(std::uint16_t udp_port) override;
  [[nodiscard]] bool is_up(std::string_view name) override;
  [[nodiscard]] Result<void> set_up(std::string_view name) override;
  [[nodiscard]] Result<void> remove(std::string_view name) override;

 private:
  [[nodiscard]] Result<bool> ensure_pair();
  [[nodiscard]] Result<void> ensure_end(std::string_view name);
  [[nodiscard]] Result<void> ensure_bridge_port();

  Links& links_;
  Config config_;
};

} // namespace weave::datapath::odp
