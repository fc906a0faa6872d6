#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/logger.hpp"
#include "base/result.hpp"
#include "datapath/bpf/kernel_programs.hpp"
#include "datapath/bpf/tc_filter.hpp"
#include "datapath/link/links.hpp"

namespace weave::datapath::bpf {

/// The devices that our programs hang on: one VXLAN device a UDP port, the primary one a port of the bridge, and the
/// TAP device of the packet worker. Makes, adopts, watches and mends them. Blocking, one thread.
class VxlanPorts {
 public:
  struct Config {
    std::string bridge;
    std::uint32_t mtu = 0;
    std::uint16_t primary_port = 0;
  };

  /// `links` must outlive this object.
  VxlanPorts(Links& links, Logger logger, Config config);

  /// Makes or adopts the device for the port and hangs the programs on it, then makes the primary one a bridge port.
  /// With `keep_programs` what hangs there stays, whatever it is, until attach_all(). Nothing stays after a failure
  /// that was not there before.
  [[nodiscard]] Result<void> open(std::uint16_t udp_port, KernelPrograms const& programs, bool keep_programs = false);
  /// Takes the TAP device out of the bridge if it is in one, brings it up and hangs its program on it.
  [[nodiscard]] Result<void> open_user(std::string const& device, KernelPrograms const& programs);
  /// Hangs the programs on all devices again.
  [[nodiscard]] Result<void> attach_all(KernelPrograms const& programs);

  /// Looks whether all is as it should be and mends what is not; each fault and each failure to mend it is logged once.
  /// True when an interface number may have changed.
  bool check(KernelPrograms const& programs);
  /// Why the primary device cannot be mended; counts checks in a row.
  struct Trouble {
    int checks = 0;
    std::string why;
  };
  [[nodiscard]] Trouble const& trouble() const { return trouble_; }

  /// Interface number by UDP port, 0 if not open; and the reverse.
  [[nodiscard]] std::uint32_t device_of(std::uint16_t udp_port) const;
  [[nodiscard]] std::uint16_t port_of(std::uint32_t ifindex) const;
  [[nodiscard]] std::uint32_t primary() const { return device_of(config_.primary_port); }
  [[nodiscard]] std::uint32_t user() const { return static_cast<std::uint32_t>(user_index_); }
  [[nodiscard]] std::string const& user_name() const { return user_name_; }

 private:
  [[nodiscard]] Result<void> attach(LinkIndex link, KernelPrograms const& programs, bool keep);
  [[nodiscard]] Result<void> hang(LinkIndex link, TcHook hook, Program program, KernelPrograms const& programs,
                                  bool keep);
  [[nodiscard]] Result<Link> ensure_device(std::uint16_t udp_port);
  [[nodiscard]] Result<void> join_bridge(std::string const& name);
  [[nodiscard]] Result<std::vector<std::string>> mend(std::uint16_t udp_port, KernelPrograms const& programs);
  [[nodiscard]] Result<bool> mend_filter(LinkIndex link, TcHook hook, Program program, KernelPrograms const& programs);
  void check_port(std::uint16_t udp_port, KernelPrograms const& programs);
  void check_user(KernelPrograms const& programs);
  void say(std::string const& device, std::string const& problem);

  Links& links_;
  Logger logger_;
  Config config_;
  std::map<std::uint16_t, LinkIndex> ports_;
  std::string user_name_;
  LinkIndex user_index_{};
  Trouble trouble_;
  /// Failures that were logged, by device.
  std::map<std::string, std::string> said_;
};

} // namespace weave::datapath::bpf
