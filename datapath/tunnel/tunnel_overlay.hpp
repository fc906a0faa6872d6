#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/logger.hpp"
#include "base/scheduler.hpp"
#include "datapath/tunnel/tunnel_switch.hpp"

namespace weave::datapath {

/// The data plane as the mesh sees it: announces the kinds of tunnels we have and prepares them for each connection.
/// Control thread only. Whoever joins the two adapts it to the mesh's own port.
class TunnelOverlay {
 public:
  /// `kinds` in order of preference; they and the scheduler outlive the overlay and all connections.
  TunnelOverlay(Scheduler& scheduler, Logger logger, std::vector<ForwarderKind*> kinds);

  /// Value of the `Overlays` feature to announce: the kinds that are available now.
  [[nodiscard]] std::string feature() const;
  /// Errors: `no overlays in common with peer`, `no working forwarders to <peer>`.
  [[nodiscard]] Result<std::unique_ptr<TunnelSwitch>> prepare(TunnelConnectionParameters parameters) const;

 private:
  Scheduler& scheduler_;
  Logger logger_;
  std::vector<ForwarderKind*> kinds_;
};

} // namespace weave::datapath
