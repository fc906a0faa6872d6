#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "plugin/messages.hpp"

namespace weave::plugin {

/// What the maker of a network knows of it.
struct NetworkFacts {
  Options options;                ///< those of the driver
  std::vector<std::string> pools; ///< IPv4 subnets
};

/// The port through which the network driver learns, later and in the background, about a network that it does not
/// know (made before its state was lost, or by the original). No driver answer ever waits for it: Docker may be
/// waiting for that answer before it serves its own interface (protocol/surfaces.md §12.1 h). Control thread.
class NetworkSource {
 public:
  using Found = std::function<void(Result<NetworkFacts>)>;

  virtual ~NetworkSource() = default;
  /// Calls back at most once, never inside the call.
  virtual void look_up(std::string const& network_id, Found found) = 0;
};

/// Never finds anything.
class NullNetworkSource final : public NetworkSource {
 public:
  void look_up(std::string const&, Found) override {}
};

} // namespace weave::plugin
