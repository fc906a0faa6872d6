#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "base/async/asio_fd_watcher.hpp"
#include "base/async/asio_scheduler.hpp"
#include "base/logger.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "controller/api/control_port.hpp"
#include "controller/app/address_service.hpp"
#include "controller/app/allocation_gate.hpp"
#include "controller/app/api_servers.hpp"
#include "controller/app/attach_service.hpp"
#include "controller/app/attached_addresses.hpp"
#include "controller/app/attachment_keeper.hpp"
#include "controller/app/background_worker.hpp"
#include "controller/app/container_addresses.hpp"
#include "controller/app/container_service.hpp"
#include "controller/app/data_plane.hpp"
#include "controller/app/dns_service.hpp"
#include "controller/app/docker_service.hpp"
#include "controller/app/encryption.hpp"
#include "controller/app/expose_service.hpp"
#include "controller/app/local_ranges.hpp"
#include "controller/app/mesh_view.hpp"
#include "controller/app/options.hpp"
#include "controller/app/port_mtu.hpp"
#include "controller/app/service_manager.hpp"
#include "controller/app/state_dump.hpp"
#include "controller/app/store_service.hpp"
#include "controller/app/watchdog.hpp"
#include "gossip/asio/tcp_transport.hpp"
#include "gossip/mesh_router.hpp"

namespace weave::controller {

/// The daemon: builds every part in the order in which it depends on the others, runs them on one thread and takes them
/// down in reverse. What must hold before anything is told to the outside (state file, bridge, sockets) fails the
/// start; what depends on others (peers, Docker) is tried again for ever and shown in the status.
class Application final : public api::DaemonPort {
 public:
  Application(Options options, Logger logger);
  ~Application() override;

  /// Runs until SIGTERM or SIGINT; gives the exit status. An error is one that kept the daemon from starting or going
  /// on.
  [[nodiscard]] Result<int> run();

  [[nodiscard]] api::StatusReport report() const override;
  [[nodiscard]] Result<std::optional<api::FastPathStatus>> flows() override;
  [[nodiscard]] std::vector<api::MetricSample> samples() const override;
  void connect(std::vector<std::string> peers, bool replace,
               std::function<void(std::vector<std::string> errors)> done) override;
  void forget(std::vector<std::string> peers) override;

 private:
  [[nodiscard]] Result<void> build();
  [[nodiscard]] Result<void> build_store();
  [[nodiscard]] Result<void> import_state();
  [[nodiscard]] PeerName choose_name();
  [[nodiscard]] Result<void> build_keys();
  [[nodiscard]] Result<void> build_data_plane();
  [[nodiscard]] Result<void> build_host_services();
  void build_mesh();
  void tell_short_ids();
  [[nodiscard]] std::optional<ShortId> short_id_of(PeerName peer) const;
  [[nodiscard]] Result<void> build_containers();
  [[nodiscard]] Result<void> build_ipam();
  void follow_containers(bool memory_lost);
  [[nodiscard]] Result<void> build_docker();
  [[nodiscard]] Result<void> build_dns();
  [[nodiscard]] Result<void> build_attachments();
  [[nodiscard]] Result<void> build_api();
  [[nodiscard]] Result<void> start();
  [[nodiscard]] std::vector<std::string> choose_targets();
  void watch_signals();
  void fail(Error error);
  void stop();

  Options options_;
  Logger logger_;
  std::optional<Error> failure_;
  bool imported_ = false;
  std::vector<std::string> targets_;
  std::map<std::string, UniqueFd> inherited_ = inherited_sockets();

  // Destroyed from the bottom up: each part may use those above it.
  boost::asio::io_context context_{1};
  AsioScheduler scheduler_{context_.get_executor()};
  AsioFdWatcher watcher_{context_.get_executor()};
  SystemRandom random_;
  boost::asio::signal_set signals_{context_};
  std::optional<StateDump> state_dump_;
  std::unique_ptr<StoreService> store_;
  PeerName name_;
  KeyMaker make_keys_;
  std::unique_ptr<DataPlane> plane_;
  BackgroundWorker worker_{context_};
  std::unique_ptr<LocalRanges> local_ranges_;
  std::unique_ptr<ExposeService> expose_;
  std::unique_ptr<AttachService> attach_;
  std::unique_ptr<gossip::TcpTransport> transport_;
  std::unique_ptr<gossip::MeshRouter> mesh_;
  std::unique_ptr<MeshKnowledge> mesh_view_;
  std::unique_ptr<ContainerService> containers_;
  std::unique_ptr<ipam::Allocator> allocator_;
  AllocationGate gate_;
  std::optional<HandFiledAddresses> hand_filed_;
  std::unique_ptr<ControlAddresses> control_addresses_;
  std::unique_ptr<AttachedAddresses> attached_addresses_;
  std::unique_ptr<PortMtu> port_mtu_;
  std::unique_ptr<ContainerAddresses> container_addresses_;
  std::unique_ptr<DockerService> docker_;
  std::unique_ptr<DnsService> dns_;
  std::unique_ptr<AttachmentKeeper> attachments_;
  std::unique_ptr<ApiServers> api_;
  Watchdog watchdog_{scheduler_, Watchdog::limit_of_process(), notify_service_manager, logger_};
};

} // namespace weave::controller
