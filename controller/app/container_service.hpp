#pragma once

#include <memory>
#include <set>
#include <string>

#include "base/logger.hpp"
#include "base/scheduler.hpp"
#include "controller/docker/container_names.hpp"
#include "controller/docker/container_watcher.hpp"
#include "controller/docker/docker_client.hpp"

namespace weave::controller {

/// Names and lives of a Docker engine's containers, wired: a connection of its own to the engine, and the watcher on
/// it. Does nothing before start(). Control thread only; what it is given must outlive it.
class ContainerService {
 public:
  struct Settings {
    std::string engine; ///< as for --docker-api
    std::string domain = "weave.local.";
    std::set<std::string> drivers{"weave", "weavemesh"}; ///< names of our network drivers
  };
  struct Ports {
    boost::asio::io_context& context;
    Scheduler& scheduler;
    docker::ContainerNames& names;
    Logger logger;
  };

  /// Error: malformed, if the engine's address is not one. Whether somebody is there is not asked.
  [[nodiscard]] static Result<std::unique_ptr<ContainerService>> create(Settings settings, Ports ports);

  void start() { watcher_.start(); }
  /// Leaves what was told.
  void stop() { watcher_.stop(); }
  /// Whether the container runs; true if that cannot be found out. Answers once, not any more when this has gone.
  void check_running(std::string const& id, std::function<void(bool running)> done);
  [[nodiscard]] docker::WatchStatus status() const { return watcher_.status(); }

 private:
  ContainerService(http::Endpoint endpoint, Settings settings, Ports const& ports);

  docker::DockerClient engine_;
  docker::ContainerWatcher watcher_;
};

} // namespace weave::controller
