#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/address.hpp"
#include "base/logger.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/scheduler.hpp"
#include "controller/api/messages.hpp"
#include "controller/api/metric_samples.hpp"
#include "controller/app/container_service.hpp"
#include "controller/app/name_service.hpp"
#include "controller/dns/name_gossiper.hpp"
#include "controller/dns/name_registry.hpp"
#include "controller/dns/resolver_file.hpp"
#include "controller/dns/server.hpp"
#include "gossip/mesh_router.hpp"

namespace weave::controller {

/// weaveDNS, wired: the names of the mesh, those that the engine's containers bring, and the server that answers. Made
/// after the mesh and before it starts; control thread only. While the address to listen on does not exist (Docker's
/// bridge before Docker), names are kept and told, and the server follows when it can, also to another address.
class DnsService final : private docker::ContainerNames {
 public:
  struct Settings {
    PeerName self;
    std::string domain;
    /// Absent: port 53 of Docker's bridge.
    std::optional<Ipv4Endpoint> listen;
    std::string docker_bridge;
    std::uint32_t ttl = 1;
    std::chrono::milliseconds fallback_timeout{5000};
    std::string resolv_conf;
  };
  struct Ports {
    boost::asio::io_context& context;
    Scheduler& scheduler;
    RandomSource& random;
    gossip::MeshRouter& mesh;
    dns::NameStore& store;
    /// Null when Docker is not to be asked.
    ContainerService* containers = nullptr;
    Logger logger;
  };

  [[nodiscard]] static Result<std::unique_ptr<DnsService>> create(Settings settings, Ports ports);
  DnsService(DnsService const&) = delete;
  DnsService& operator=(DnsService const&) = delete;
  ~DnsService() override;

  /// An error is an address that was asked for and cannot be had.
  [[nodiscard]] Result<void> start();
  void stop();

  [[nodiscard]] api::NamePort& names() { return names_; }
  [[nodiscard]] api::DnsStatus status();
  /// See NameGossiper.
  [[nodiscard]] std::map<PeerName, std::int64_t> const& wrong_clocks() const { return gossiper_.wrong_clocks(); }
  /// None while there is no server.
  [[nodiscard]] std::vector<api::MetricSample> samples() const;
  /// Why questions are not answered although somebody may ask, and what to do about it.
  [[nodiscard]] std::optional<std::string> not_ready() const;

 private:
  DnsService(Settings settings, Ports ports);
  [[nodiscard]] Result<void> open();
  [[nodiscard]] Result<void> listen(Ipv4Endpoint endpoint);
  void listen_when_possible();

  void add(std::string const& id, std::string const& fqdn, Ipv4Address address) override;
  void remove(std::string const& id, std::string const& fqdn, Ipv4Address address) override;
  void died(std::string const& id) override;
  void running(std::set<std::string> const& ids) override;

  Settings settings_;
  Ports ports_;
  MeshMembership membership_;
  dns::NameGossiper gossiper_;
  dns::NameRegistry registry_;
  NameService names_;
  /// For status; the server has its own.
  dns::ResolverFile resolver_;
  bool engine_seen_ = false;
  std::unique_ptr<dns::Server> server_;
  Ipv4Endpoint listening_;
  std::string obstacle_; ///< a sentence; empty while listening
  bool waits_for_docker_ = false;
  Timer retry_;
};

} // namespace weave::controller
