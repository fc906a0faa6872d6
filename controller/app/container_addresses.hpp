#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/logger.hpp"
#include "base/scheduler.hpp"
#include "controller/app/allocation_gate.hpp"
#include "controller/app/engine_survey.hpp"
#include "controller/docker/container_engine.hpp"
#include "controller/docker/container_names.hpp"
#include "controller/ipam/allocator.hpp"

namespace weave::controller {

/// Lets addresses follow the lives of containers (protocol/ipam-dns.md §7.7, "Reclaim" of §8): tells the allocator of
/// events, and after each list of the watcher asks the engine for everything and compares it with what is recorded.
///
/// - Recorded for a container that does not exist: freed. For one that is stopped: freed after the allocator's grace.
/// - Used by a container and not recorded (state lost): claimed. Until that has been asked once, the gate is closed to
///   allocations of a daemon without memory; an engine that is absent or slow opens it.
/// - Given to the Docker driver and used by nobody in every look during `leak_grace`: freed. Such are left when Docker
///   ends between asking for an address and using it. One that the driver has an endpoint for, that the engine mentions
///   anywhere, or that was filed by hand is never touched, and nothing is while the engine cannot be asked.
///
/// Control thread; what it is given must outlive it.
class ContainerAddresses final : public docker::ContainerNames {
 public:
  struct Config {
    std::set<std::string> drivers;
    /// Nothing was known of addresses when the daemon started.
    bool memory_lost = false;
    Duration leak_grace = std::chrono::minutes{10};
    /// A starting engine may itself be waiting for an address.
    Duration gate_limit = std::chrono::seconds{5};
  };
  using Attached = std::function<void(std::vector<ipam::ReclaimedAddress>)>;
  struct Ports {
    Scheduler& scheduler;
    docker::ContainerEngine& engine;
    ipam::Allocator& allocator;
    AllocationGate& gate;
    /// What people have attached to these containers; calls back once.
    std::function<void(std::vector<std::string> const& containers, Attached done)> find_attached;
    /// Whether an address is that of an endpoint of the network driver, or was filed by hand.
    std::function<bool(Ipv4Address)> is_known_use;
    Logger logger;
  };

  /// Closes the gate if the memory is lost.
  ContainerAddresses(Config config, Ports ports);
  ContainerAddresses(ContainerAddresses const&) = delete;
  ContainerAddresses& operator=(ContainerAddresses const&) = delete;

  /// For all that want to know what the engine says when it has been asked.
  void watch(std::function<void(EngineSurvey const&)> watcher) { watcher_ = std::move(watcher); }
  /// The Docker driver has been given this address, or gave it back.
  void touch(Ipv4Address address);

  void add(std::string const&, std::string const&, Ipv4Address) override {}
  void remove(std::string const&, std::string const&, Ipv4Address) override {}
  void died(std::string const& id) override { ports_.allocator.on_container_died(id); }
  void started(std::string const& id) override;
  void destroyed(std::string const& id) override { ports_.allocator.on_container_destroyed(id); }
  void running(std::set<std::string> const& ids) override;
  void engine_absent() override;

 private:
  /// What was recorded when the engine was asked, and what has changed since.
  struct Look {
    std::vector<std::string> watched;
    std::set<Ipv4Address> driver_addresses;
    std::set<std::string> started = {};
    std::set<Ipv4Address> touched = {};
  };

  void begin();
  void on_survey(Look const& look, EngineSurvey const& survey);
  void settle_lives(Look const& look, EngineSurvey const& survey);
  void reclaim(std::vector<ipam::ReclaimedAddress> addresses, Look const& look);
  void report_doubles(std::vector<ipam::ReclaimedAddress> const& attached, EngineSurvey const& survey) const;
  void reclaim_reserved(EngineSurvey const& survey);
  void reclaim_attached(EngineSurvey const& survey);
  void free_unused(Look const& look, EngineSurvey const& survey);

  Config config_;
  Ports ports_;
  std::function<void(EngineSurvey const&)> watcher_;
  UnusedAddresses unused_;
  /// While the engine is being asked.
  std::shared_ptr<Look> look_;
  /// Claimed, and not yet recorded.
  std::set<Ipv4Address> reclaiming_;
  bool first_ = true;
  Timer retry_;
};

} // namespace weave::controller
