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
      watcher_{ports.scheduler, engine_, *this,
               docker::ContainerWatcher::Config{
                   .domain = std::move(settings.domain), .drivers = std::move(settings.drivers), .pauses = {}},
               ports.logger} {}

void ContainerService::check_running(std::string const& id, std::function<void(bool running)> done) {
  engine_.inspect_container(id, [done = std::move(done)](Result<docker::ContainerInfo> const& info) {
    if (!info) return done(info.error().kind() != ErrorKind::not_found);
    done(info->running && !info->restarting);
  });
}

void ContainerService::add(std::string const& id, std::string const& fqdn, Ipv4Address address) {
  for (auto* const listener : listeners_) listener->add(id, fqdn, address);
}

void ContainerService::remove(std::string const& id, std::string const& fqdn, Ipv4Address address) {
  for (auto* const listener : listeners_) listener->remove(id, fqdn, address);
}

void ContainerService::died(std::string const& id) {
  for (auto* const listener : listeners_) listener->died(id);
}

void ContainerService::started(std::string const& id) {
  for (auto* const listener : listeners_) listener->started(id);
}

void ContainerService::destroyed(std::string const& id) {
  for (auto* const listener : listeners_) listener->destroyed(id);
}

void ContainerService::running(std::set<std::string> const& ids) {
  for (auto* const listener : listeners_) listener->running(ids);
}

void ContainerService::engine_absent() {
  for (auto* const listener : listeners_) listener->engine_absent();
}

} // namespace weave::controller
