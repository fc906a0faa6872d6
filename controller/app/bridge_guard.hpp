#pragma once

#include <functional>
#include <string>

#include "base/result.hpp"
#include "base/scheduler.hpp"
#include "datapath/link/links.hpp"

namespace weave::controller {

/// Containers' interfaces that lost their bridge (it was deleted, or the host's network was set up anew) become ports
/// of it again. Returns how many.
[[nodiscard]] Result<std::size_t> rejoin_endpoints(datapath::Links& links, std::string const& bridge);

/// Looks every second whether the bridge is still the one that we set up, and reports once when it is not. Control
/// thread only; `links` outlives it.
class BridgeGuard {
 public:
  BridgeGuard(Scheduler& scheduler, datapath::Links& links, std::string bridge, std::function<void(Error)> on_lost);

 private:
  void watch();
  [[nodiscard]] Result<void> check();

  Scheduler& scheduler_;
  datapath::Links& links_;
  std::string bridge_;
  std::function<void(Error)> on_lost_;
  datapath::LinkIndex index_{};
  Timer timer_;
};

} // namespace weave::controller
