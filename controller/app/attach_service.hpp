#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/logger.hpp"
#include "controller/api/host_port.hpp"
#include "controller/app/background_worker.hpp"
#include "controller/docker/docker_client.hpp"
#include "datapath/link/attached_interface.hpp"
#include "datapath/link/links.hpp"
#include "datapath/link/route_socket.hpp"
#include "datapath/link/sandbox_interface.hpp"

namespace weave::controller {

/// `weave attach` and `detach`: asks the engine for the container and works in its network namespace. Operations run
/// one after another, so that two for one container never meet. What takes long runs beside the control thread; all
/// else is on it, and what it is given must outlive it.
class AttachService final : public api::AttachPort {
 public:
  struct Settings {
    std::string engine; ///< as for --docker-api
    std::string bridge = "weave";
  };
  struct Ports {
    boost::asio::io_context& context;
    datapath::SandboxInterfaces& sandboxes;
    BackgroundWorker& worker;
    Logger logger;
  };

  /// Error: malformed, if the engine's address is not one.
  [[nodiscard]] static Result<std::unique_ptr<AttachService>> create(Settings settings, Ports ports);

  void find(std::string container, api::Completion<Identity> done) override;
  void attach(std::string container, Wish wish, api::Completion<void> done) override;
  void detach(std::string container, std::vector<Ipv4Address> addresses, api::Completion<void> done) override;

 private:
  /// A running container and its network namespace, which is not ours.
  struct Target {
    docker::ContainerInfo info;
    std::shared_ptr<datapath::NetworkNamespace const> guest;
    /// The full id of the container whose network namespace it shares; empty: none.
    std::string owner;
  };
  using Outcome = Result<void>;
  /// Does its work and calls `done` once.
  using Operation = std::function<void(api::Completion<void> done)>;

  AttachService(Settings settings, Ports ports, http::Endpoint engine, datapath::RouteSocket socket);
  void inspect(std::string const& container, api::Completion<Target> done);
  [[nodiscard]] static Result<Target> target_of(Result<docker::ContainerInfo> info, std::string const& container,
                                                std::string owner = {});
  void attach_to(Target const& target, Wish wish, api::Completion<void> done);
  void enqueue(Operation operation, api::Completion<void> done);
  void begin_next();

  Settings settings_;
  Ports ports_;
  datapath::RouteSocket socket_;
  datapath::Links links_{socket_};
  struct Waiting {
    Operation operation;
    api::Completion<void> done;
  };
  /// The first is under way.
  std::deque<Waiting> operations_;
  docker::DockerClient engine_; // last: its destruction silences every callback that uses the rest
};

} // namespace weave::controller
