#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/logger.hpp"
#include "controller/app/background_worker.hpp"
#include "controller/docker/container_engine.hpp"

namespace weave::controller {

/// Containers that were attached while the overlay carried larger packets (an original without Open vSwitch: 65535
/// bytes) would send what nobody takes any more. Their interfaces get the bridge's MTU, at both ends. Control thread;
/// works on the worker; what it is given must outlive it.
class PortMtu {
 public:
  struct Ports {
    docker::ContainerEngine& engine;
    BackgroundWorker& worker;
    Logger logger;
  };

  PortMtu(std::string bridge, Ports ports) : bridge_{std::move(bridge)}, ports_{std::move(ports)} {}

  /// Looks at all ports, and into these containers if one is too large.
  void fit(std::vector<std::string> const& containers);

 private:
  void fit_in(docker::ContainerInfo const& info, std::uint32_t mtu);

  std::string bridge_;
  Ports ports_;
};

} // namespace weave::controller
