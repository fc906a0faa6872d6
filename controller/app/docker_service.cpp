#include "controller/app/docker_service.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "controller/app/survey_source.hpp"

namespace weave::controller {
namespace {

using namespace std::chrono_literals;

constexpr Duration kPatience = 2500ms;
constexpr Duration kAskAgain = 1s;
constexpr auto kSwitchedOff = "weave's Docker plugin is off on this host; 'weave launch-plugin' switches it on";

/// The driver's name in Docker is the name of its socket.
std::string driver_name(std::string const& socket) { return std::filesystem::path{socket}.stem().string(); }

std::unique_ptr<plugin::AddressAllocator> make_addresses(DockerService::Settings const& settings,
                                                         DockerService::Ports const& ports) {
  if (ports.allocator == nullptr || !settings.universe) return std::make_unique<plugin::NullAddressAllocator>();
  return std::make_unique<PluginAddresses>(*ports.allocator, ports.gate, *settings.universe, ports.hooks);
}

std::unique_ptr<plugin::NetworkSource> make_networks(docker::DockerClient* engine,
                                                     std::function<void(EngineSurvey const&)> tell) {
  if (engine == nullptr) return std::make_unique<plugin::NullNetworkSource>();
  return std::make_unique<SurveySource>(*engine, std::move(tell));
}

std::unique_ptr<docker::DockerClient> make_engine(DockerService::Settings const& settings,
                                                  DockerService::Ports const& ports) {
  if (settings.engine.empty()) return nullptr;
  auto endpoint = http::Endpoint::parse(settings.engine);
  if (!endpoint) {
    ports.logger.error("Docker engine: {}", endpoint.error().text());
    return nullptr;
  }
  return std::make_unique<docker::DockerClient>(ports.context, std::move(*endpoint));
}

std::optional<plugin::AddressRange> address_range(DockerService::Settings const& settings,
                                                  DockerService::Ports const& ports) {
  if (ports.allocator == nullptr || !settings.universe) return std::nullopt;
  return plugin::AddressRange{.universe = *settings.universe, .default_subnet = ports.allocator->default_subnet()};
}

plugin::NetworkDriver::Config driver_config(DockerService::Settings const& settings,
                                            DockerService::Ports const& ports) {
  auto const swarm = settings.weave_reach == PluginReach::swarm;
  return {
      .default_multicast = swarm && settings.multicast_route, .range = address_range(settings, ports), .swarm = swarm};
}

/// What the engine knows of the endpoints that running containers have on a network.
std::map<std::string, plugin::EndpointRecord> endpoints_on(EngineSurvey const& survey, std::string const& network_id) {
  std::map<std::string, plugin::EndpointRecord> endpoints;
  for (auto const& container : survey.containers) {
    if (!container.alive()) continue;
    for (auto const& place : container.places) {
      if (place.network_id != network_id || place.endpoint_id.empty()) continue;
      endpoints[place.endpoint_id] =
          plugin::EndpointRecord{.network_id = network_id,
                                 .mac_address = place.mac_address,
                                 .address = place.address ? place.address->to_string() : std::string{},
                                 .sandbox_key = {}};
    }
  }
  return endpoints;
}

} // namespace

std::set<std::string> driver_names(std::string const& weave_socket, std::string const& mesh_socket) {
  std::set<std::string> names;
  for (auto const& socket : {weave_socket, mesh_socket}) {
    if (!socket.empty()) names.insert(driver_name(socket));
  }
  return names;
}

Result<std::unique_ptr<DockerService>> DockerService::create(Settings settings, Ports ports) {
  auto service = std::unique_ptr<DockerService>{new DockerService{std::move(settings), std::move(ports)}};
  // Before anybody can ask for anything.
  service->memory_lost_ = service->network_driver_.records().networks().empty();
  if (service->memory_lost_) {
    service->keep_rules();
  } else {
    service->isolation_.ensure([driver = &service->network_driver_] { return driver->isolate(); });
  }
  if (service->settings_.weave_reach == PluginReach::swarm) service->survey();
  // Off, it still answers to what gives something up, if Docker may have something of ours; and sockets that somebody
  // else opened must not keep Docker waiting.
  auto const& records = service->network_driver_.records();
  bool const known = !records.networks().empty() || !records.endpoints().empty();
  if (!service->settings_.enabled) service->listener_.refuse(kSwitchedOff);
  if (!service->settings_.enabled && !known && service->settings_.inherited.empty()) return service;
  if (auto const listening = service->listen(); !listening) return failure_of(listening);
  if (service->settings_.enabled) service->start_default_network();
  return service;
}

DockerService::DockerService(Settings settings, Ports ports)
    : settings_{std::move(settings)},
      ports_{std::move(ports)},
      started_{ports_.scheduler.now()},
      addresses_{make_addresses(settings_, ports_)},
      sandboxes_{ports_.sandboxes, settings_.bridge},
      isolation_{{.scheduler = ports_.scheduler, .watcher = ports_.watcher, .logger = ports_.logger},
                 settings_.isolation_impossible},
      engine_{make_engine(settings_, ports_)},
      networks_{make_networks(engine_.get(), [this](EngineSurvey const& survey) { learn_networks(survey); })},
      network_driver_{{.scheduler = ports_.scheduler,
                       .attacher = sandboxes_,
                       .store = ports_.store,
                       .source = *networks_,
                       .isolation = isolation_,
                       .log = ports_.logger},
                      driver_config(settings_, ports_)},
      ipam_driver_{ports_.scheduler, *addresses_, ports_.logger},
      leftovers_{{.scheduler = ports_.scheduler,
                  .driver = network_driver_,
                  .host_ends = [this] { return ports_.sandboxes.host_ends(); },
                  .remove = [this](std::string const& name) { return ports_.sandboxes.delete_endpoint(name); },
                  .ask = [this] { survey(); },
                  .logger = ports_.logger},
                 {.networks_are_listed = settings_.weave_reach != PluginReach::swarm}},
      listener_{ports_.context, network_driver_, ipam_driver_, ports_.logger} {}

Result<void> DockerService::listen() {
  std::vector<plugin::PluginSocket> sockets;
  auto const add = [&](std::string const& path, plugin::Scope scope) {
    if (path.empty()) return;
    UniqueFd inherited;
    if (auto const found = settings_.inherited.find(path); found != settings_.inherited.end()) {
      inherited = std::move(found->second);
    }
    sockets.push_back({.path = path, .scope = scope, .inherited = std::move(inherited)});
  };
  add(settings_.weave_socket,
      settings_.weave_reach == PluginReach::local ? plugin::Scope::local : plugin::Scope::global);
  add(settings_.mesh_socket, plugin::Scope::local);
  return listener_.listen(std::move(sockets));
}

void DockerService::start_default_network() {
  if (!engine_ || ports_.allocator == nullptr || settings_.mesh_socket.empty()) return;
  default_network_ = std::make_unique<docker::DefaultNetwork>(
      ports_.scheduler, *engine_,
      docker::DefaultNetwork::Config{.name = "weave",
                                     .driver = driver_name(settings_.mesh_socket),
                                     .subnet = ports_.allocator->default_subnet(),
                                     .multicast = settings_.multicast_route},
      ports_.logger);
  default_network_->watch([this](docker::DefaultNetworkStatus const& status) {
    if (status.state != docker::DefaultNetworkState::ready) return;
    network_driver_.learn_network(
        {.id = status.network_id, .facts = {.options = default_network_->options(), .pools = {}}});
  });
  default_network_->start();
}

std::optional<std::string> DockerService::not_ready() const {
  if (auto reason = isolation_.not_ready()) return reason;
  if (!settings_.enabled) return std::nullopt;
  if (!default_network_) return std::nullopt;
  if (default_network_->status().state != docker::DefaultNetworkState::waiting) return std::nullopt;
  if (ports_.scheduler.now() - started_ > kPatience) return std::nullopt;
  return "waiting for Docker to make the network weave";
}

std::optional<api::PluginStatus> DockerService::status() const {
  if (!settings_.enabled) return std::nullopt;
  api::PluginStatus status{};
  status.dns = settings_.dns;
  status.socket = settings_.weave_socket;
  status.mesh_socket = settings_.mesh_socket;
  status.default_subnet = ports_.allocator == nullptr ? "" : ports_.allocator->default_subnet().to_string();
  status.v2 = settings_.weave_reach == PluginReach::swarm;
  status.v2_multicast = status.v2 && settings_.multicast_route;
  // An engine that is not there is the obstacle of more than this.
  if (default_network_ && default_network_->status().state != docker::DefaultNetworkState::engine_absent) {
    status.network_obstacle = default_network_->status().reason;
    status.network_differs =
        default_network_->status().state == docker::DefaultNetworkState::ready && !status.network_obstacle.empty();
  }
  if (!settings_.weave_socket.empty()) status.driver_name = driver_name(settings_.weave_socket);
  if (!settings_.mesh_socket.empty()) status.mesh_driver_name = driver_name(settings_.mesh_socket);
  return status;
}

bool DockerService::has_endpoint(Ipv4Address address) const {
  return std::ranges::any_of(network_driver_.records().endpoints(), [&](auto const& endpoint) {
    auto const cidr = Ipv4Cidr::parse(endpoint.second.address);
    return cidr && cidr->address == address;
  });
}

void DockerService::learn_networks(EngineSurvey const& survey) {
  auto const drivers = driver_names(settings_.weave_socket, settings_.mesh_socket);
  std::vector<plugin::NetworkDriver::Learned> networks;
  for (auto const& network : survey.networks) {
    if (!drivers.contains(network.driver)) continue;
    if (network_driver_.records().network(network.id) == nullptr) {
      ports_.logger.info("docker: network {} was made before our time", network.name);
    }
    networks.push_back({.id = network.id,
                        .facts = {.options = network.options, .pools = network.subnets},
                        .endpoints = endpoints_on(survey, network.id)});
  }
  if (memory_lost_) isolation_.release();
  network_driver_.learn_networks(networks);
  // Only now is it known that nothing is to be kept apart.
  if (std::exchange(memory_lost_, false)) isolation_.ensure([this] { return network_driver_.isolate(); });
  leftovers_.look(survey);
}

void DockerService::keep_rules() {
  if (!engine_ || !datapath::is_isolation_there()) return;
  isolation_.hold();
  ask_until_told();
}

void DockerService::ask_until_told() {
  if (!memory_lost_) return;
  survey();
  asking_ = ports_.scheduler.after(kAskAgain, [this] { ask_until_told(); });
}

void DockerService::survey() {
  if (settings_.weave_reach == PluginReach::swarm) return leftovers_.look({});
  if (!engine_) return;
  take_survey(*engine_, [this](Result<EngineSurvey> const& survey) {
    if (survey) learn_networks(*survey);
  });
}

void DockerService::remove_default_network(api::Completion<Removal> done) {
  auto const others = [this] { return !network_driver_.records().networks().empty(); };
  if (!default_network_) return done(Removal{.removed = true, .attached_containers = {}, .others = others()});
  default_network_->remove([done = std::move(done), others](Result<docker::DefaultNetwork::Removal> const& removal) {
    // A Docker that does not run will meet its networks when it starts.
    if (!removal && others()) return done(Removal{.removed = true, .attached_containers = {}, .others = true});
    if (!removal) return done(failure_of(removal));
    done(Removal{.removed = removal->removed, .attached_containers = removal->attached_containers, .others = others()});
  });
}

Result<void> DockerService::switch_on() {
  if (settings_.enabled) return {};
  if (settings_.weave_socket.empty() && settings_.mesh_socket.empty()) {
    return failure(ErrorKind::refused,
                   "weave was launched without a socket for Docker (empty --plugin-socket and --plugin-mesh-socket)");
  }
  if (!listener_.listening()) {
    if (auto const listening = listen(); !listening) {
      return failure(ErrorKind::unavailable,
                     fmt::format("Docker cannot be served: {}; make that free, or launch weave with other sockets "
                                 "(--plugin-socket, --plugin-mesh-socket)",
                                 listening.error().text()));
    }
  }
  listener_.refuse({});
  settings_.enabled = true;
  remember(true);
  started_ = ports_.scheduler.now();
  start_default_network();
  return {};
}

void DockerService::switch_off(api::Completion<Removal> done) {
  if (std::exchange(settings_.enabled, false)) remember(false);
  listener_.refuse(kSwitchedOff);
  remove_default_network(std::move(done));
}

void DockerService::remember(bool enabled) {
  if (!settings_.remember) return;
  if (auto const saved = settings_.remember(enabled); !saved) {
    ports_.logger.error("docker: after a restart the plugin is {} again: {}", enabled ? "off" : "on",
                        saved.error().text());
  }
}

void DockerService::stop() {
  if (default_network_) default_network_->stop();
  listener_.close();
}

} // namespace weave::controller
