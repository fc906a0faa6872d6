#pragma once

#include <string>

#include "controller/docker/engine.hpp"
#include "plugin/network_source.hpp"

namespace weave::controller::docker {

/// Lets the network driver learn from the engine about networks made before its time. The engine must outlive it.
class EngineNetworkSource final : public plugin::NetworkSource {
 public:
  explicit EngineNetworkSource(DockerEngine& engine) : engine_{engine} {}

  void look_up(std::string const& network_id, Found found) override {
    engine_.inspect_network(network_id, [found = std::move(found)](Result<NetworkInfo> const& network) {
      if (!network) return found(failure_of(network));
      found(plugin::NetworkFacts{.options = network->options, .pools = network->subnets});
    });
  }

 private:
  DockerEngine& engine_;
};

} // namespace weave::controller::docker
