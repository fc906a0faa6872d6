#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/fd_watcher.hpp"
#include "base/logger.hpp"
#include "base/scheduler.hpp"
#include "base/unique_fd.hpp"
#include "controller/api/control_port.hpp"
#include "controller/app/address_service.hpp"
#include "controller/app/engine_survey.hpp"
#include "controller/app/isolation_service.hpp"
#include "controller/app/leftovers.hpp"
#include "controller/app/options.hpp"
#include "controller/app/sandbox_service.hpp"
#include "controller/docker/default_network.hpp"
#include "controller/docker/docker_client.hpp"
#include "plugin/ipam_driver.hpp"
#include "plugin/network_driver.hpp"
#include "plugin/plugin_listener.hpp"

namespace weave::controller {

/// The names that Docker knows our drivers by: each is that of a socket; an empty path is none.
[[nodiscard]] std::set<std::string> driver_names(std::string const& weave_socket, std::string const& mesh_socket);

/// Everything that faces Docker, wired: the drivers on their sockets and the default network in the background. Control
/// thread only; what it is given must outlive it.
class DockerService final : public api::DockerNetworkPort {
 public:
  struct Settings {
    std::string weave_socket;
    std::string mesh_socket;
    /// Sockets that the service manager listens on already, by path.
    std::map<std::string, UniqueFd> inherited = {};
    PluginReach weave_reach = PluginReach::local;
    /// Of the default network; in a swarm of all networks that do not say otherwise.
    bool multicast_route = true;
    /// Engine to make the default network on; empty: none.
    std::string engine;
    std::string bridge = "weave";
    /// What may be allocated; absent: Docker has to bring addresses itself.
    std::optional<Ipv4Cidr> universe;
    /// Whether Docker is served at the start.
    bool enabled = true;
    /// Whether DNS is served; for the status.
    bool dns = false;
    /// Called with each change, so that the next process begins with it.
    std::function<Result<void>(bool enabled)> remember = {};
    /// Why containers' ports cannot be filtered here, if so.
    std::optional<std::string> isolation_impossible = {};
  };
  struct Ports {
    boost::asio::io_context& context;
    Scheduler& scheduler;
    FdWatcher& watcher;
    datapath::SandboxInterfaces& sandboxes;
    plugin::DriverStore& store;
    /// Null when allocation is off.
    ipam::Allocator* allocator = nullptr;
    AllocationGate& gate;
    PluginAddresses::Hooks hooks;
    Logger logger;
  };

  [[nodiscard]] static Result<std::unique_ptr<DockerService>> create(Settings settings, Ports ports);

  /// Nothing if containers can be attached now; else what is still awaited. The default network is awaited for a
  /// bounded time only: an engine that is starting may itself be waiting for us.
  [[nodiscard]] std::optional<std::string> not_ready() const;
  /// Whether the address is that of an endpoint that Docker has made and not deleted.
  [[nodiscard]] bool has_endpoint(Ipv4Address address) const;
  /// Options of networks that were made before our time, or whose record was lost; and what crashes have left goes.
  void learn_networks(EngineSurvey const& survey);
  /// Absent while Docker is not served.
  [[nodiscard]] std::optional<api::PluginStatus> status() const;
  void remove_default_network(api::Completion<Removal> done) override;
  [[nodiscard]] Result<void> switch_on() override;
  void switch_off(api::Completion<Removal> done) override;
  /// Takes the sockets away.
  void stop();

 private:
  DockerService(Settings settings, Ports ports);
  [[nodiscard]] Result<void> listen();
  void remember(bool enabled);
  void start_default_network();
  /// Asks the engine, and learns; in a swarm only looks for interfaces and endpoints that crashes have left.
  void survey();
  /// What an earlier process keeps apart is left so, although there is no record of it, until the engine has told.
  void keep_rules();
  void ask_until_told();

  Settings settings_;
  Ports ports_;
  TimePoint started_;
  std::unique_ptr<plugin::AddressAllocator> addresses_;
  SandboxService sandboxes_;
  IsolationService isolation_;
  /// There are no records of networks, and the engine has not told.
  bool memory_lost_ = false;
  Timer asking_;
  std::unique_ptr<docker::DockerClient> engine_;
  std::unique_ptr<plugin::NetworkSource> networks_;
  plugin::NetworkDriver network_driver_;
  plugin::IpamDriver ipam_driver_;
  Leftovers leftovers_;
  plugin::PluginListener listener_;
  std::unique_ptr<docker::DefaultNetwork> default_network_;
};

} // namespace weave::controller
