#include "controller/app/container_service.hpp"

#include <utility>

namespace weave::controller {

Result<std::unique_ptr<ContainerService>> ContainerService::create(Settings settings, Ports ports) {
  auto endpoint = http::Endpoint::parse(settings.engine);
  if (!endpoint) return failure_of(endpoint);
  return std::unique_ptr<ContainerService>{new ContainerService{std::move(*endpoint), std::move(settings), ports}};
}

ContainerService::ContainerService(http::Endpoint endpoint, Settings settings, Ports const& ports)
    : engine_{ports.context, std::move(endpoint)},
      watcher_{ports.scheduler, engine_, ports.names,
               docker::ContainerWatcher::Config{
                   .domain = std::move(settings.domain), .drivers = std::move(settings.drivers), .pauses = {}},
               ports.logger} {}

} // namespace weave::controller
