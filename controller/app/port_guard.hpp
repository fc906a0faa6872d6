#pragma once

#include <cstdint>
#include <functional>

#include "base/scheduler.hpp"

namespace weave::controller {

/// Whether nobody in this network namespace listens on the UDP port, a kernel's VXLAN device included.
[[nodiscard]] bool is_udp_port_free(std::uint16_t port);

/// Waits for a UDP port that somebody else has: looks every ten seconds and calls `on_free` once. Control thread only.
class PortGuard {
 public:
  PortGuard(Scheduler& scheduler, std::uint16_t port, std::function<void()> on_free);

 private:
  void watch();

  Scheduler& scheduler_;
  std::uint16_t port_;
  std::function<void()> on_free_;
  Timer timer_;
};

} // namespace weave::controller
