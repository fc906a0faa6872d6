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

void ContainerService::check_running(std::string const& id, std::function<void(bool running)> done) {
  engine_.inspect_container(id, [done = std::move(done)](Result<docker::ContainerInfo> const& info) {
    done(info ? info->running : info.error().kind() != ErrorKind::not_found);
  });
}

} // namespace weave::controller
