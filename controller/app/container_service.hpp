#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/logger.hpp"
#include "base/scheduler.hpp"
#include "controller/docker/container_names.hpp"
#include "controller/docker/container_watcher.hpp"
#include "controller/docker/docker_client.hpp"

namespace weave::controller {

/// A Docker engine's containers, for all who care about their names and lives: one connection to the engine, one
/// watcher on it. Does nothing before start(). Control thread only; what it is given must outlive it.
class ContainerService final : private docker::ContainerNames {
 public:
  struct Settings {
    std::string engine; ///< as for --docker-api
    std::string domain = "weave.local.";
    std::set<std::string> drivers{"weave", "weavemesh"}; ///< names of our network drivers
  };
  struct Ports {
    boost::asio::io_context& context;
    Scheduler& scheduler;
    Logger logger;
  };

  /// Error: malformed, if the engine's address is not one. Whether somebody is there is not asked.
  [[nodiscard]] static Result<std::unique_ptr<ContainerService>> create(Settings settings, Ports ports);

  /// Before start(). Each is told the same, in this order; they must stay until stop().
  void tell(docker::ContainerNames& listener) { listeners_.push_back(&listener); }
  void start() { watcher_.start(); }
  /// Leaves what was told.
  void stop() { watcher_.stop(); }
  /// Whether the container runs; true if that cannot be found out. Answers once, not any more when this has gone.
  void check_running(std::string const& id, std::function<void(bool running)> done);
  [[nodiscard]] docker::ContainerEngine& engine() { return engine_; }
  [[nodiscard]] docker::WatchStatus status() const { return watcher_.status(); }

 private:
  ContainerService(http::Endpoint endpoint, Settings settings, Ports const& ports);

  void add(std::string const& id, std::string const& fqdn, Ipv4Address address) override;
  void remove(std::string const& id, std::string const& fqdn, Ipv4Address address) override;
  void died(std::string const& id) override;
  void started(std::string const& id) override;
  void destroyed(std::string const& id) override;
  void running(std::set<std::string> const& ids) override;
  void engine_absent() override;

  std::vector<docker::ContainerNames*> listeners_;
  docker::DockerClient engine_;
  docker::ContainerWatcher watcher_;
};

} // namespace weave::controller
