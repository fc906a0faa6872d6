#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/logger.hpp"
#include "base/scheduler.hpp"
#include "controller/docker/container_engine.hpp"
#include "controller/docker/container_names.hpp"
#include "controller/docker/container_naming.hpp"
#include "controller/docker/event_follower.hpp"
#include "controller/docker/inspection_queue.hpp"

namespace weave::controller::docker {

enum class WatchState {
  waiting,       ///< no answer yet
  engine_absent, ///< nobody at Docker's socket
  failing,       ///< the engine answers and refuses, or its stream was lost; tried again
  following
};

struct WatchStatus {
  WatchState state = WatchState::waiting;
  std::string reason; ///< for people; empty while waiting or following
  std::size_t containers = 0;
  std::size_t names = 0;
};

/// Follows the running containers of an engine and tells the names of those on our networks
/// (protocol/surfaces.md §10.7, protocol/ipam-dns.md §7.7 and §14, and what these want better). Events say where to
/// look; only a look at the container says what is true, but for deaths, which count at once. Everything is looked at
/// after each opening of the stream, and, where the list of containers shows a difference, every few minutes. While the
/// engine is away nothing is removed: its containers may run on.
///
/// Control thread; everything it is given must outlive it. Nothing is told inside start() or stop().
class ContainerWatcher {
 public:
  struct Config {
    std::string domain = "weave.local.";
    std::set<std::string> drivers{"weave", "weavemesh"}; ///< of networks that are ours
    EventFollower::Pauses pauses;
    Duration settling = std::chrono::milliseconds{20};    ///< from an event to the look: they come in flocks
    Duration look_again = std::chrono::milliseconds{200}; ///< at one without process or address
    int looks = 50;
    Duration reconcile_every = std::chrono::minutes{3};
    Duration reconcile_after_unreadable = std::chrono::seconds{5};
    std::size_t inspections_at_once = 8;
  };

  ContainerWatcher(Scheduler& scheduler, ContainerEngine& engine, ContainerNames& names, Config config, Logger log);
  ContainerWatcher(ContainerWatcher const&) = delete;
  ContainerWatcher& operator=(ContainerWatcher const&) = delete;

  void start();
  /// Leaves what was told.
  void stop();
  [[nodiscard]] WatchStatus status() const;

 private:
  struct Container {
    bool announced = false; ///< told as started
    bool starting = false;  ///< an event said so, and we have not seen it up
    int looks = 0;          ///< in vain, one after the other
    Duration pause{};       ///< after the last failure
    ContainerSummary seen;  ///< in the last list
    std::set<ContainerName> told;
  };
  enum class Network { ours, foreign, missing };
  enum class Thoroughness { everything, differences };

  void on_connected();
  void on_event(EngineEvent const& event);
  void on_lost(Error const& reason);
  void on_unreadable(Error const& reason);
  void reconcile(Thoroughness thoroughness);
  void on_listed(Result<std::vector<ContainerSummary>> const& listed, Thoroughness thoroughness);
  void reconcile_later(Duration delay, Thoroughness thoroughness);

  void on_inspected(std::string const& id, Result<ContainerInfo> const& answer);
  void on_up(Container& container, ContainerInfo const& info);
  void look_again(std::string const& id, Container& container);
  void try_again(std::string const& id, Container& container, Error const& reason);
  [[nodiscard]] bool networks_known(ContainerInfo const& info);
  void look_up(std::string const& network, std::string const& container);
  void on_network(std::string const& network, Result<NetworkInfo> const& found);
  [[nodiscard]] bool ours(ContainerEndpoint const& endpoint) const;

  void announce(std::string const& id, Container& container);
  void tell(std::string const& id, Container& container, std::set<ContainerName> wanted);
  /// It does not run. True if its death was told.
  bool vanish(std::string const& id);
  void enter(WatchState state, std::string reason);

  Scheduler& scheduler_;
  ContainerEngine& engine_;
  ContainerNames& names_;
  Config config_;
  Logger log_;
  ContainerNaming naming_;
  WatchState state_ = WatchState::waiting;
  std::string reason_;
  std::map<std::string, Container> containers_;
  std::map<std::string, Network> networks_;                  ///< by ID
  std::map<std::string, std::set<std::string>> waiting_for_; ///< containers, by the network being looked up
  Timer reconcile_timer_;
  bool hurried_ = false;         ///< the next reconciliation is because of an unreadable event
  std::shared_ptr<int> session_; ///< while the stream is open; answers to an earlier one are not heard
  InspectionQueue inspections_;
  EventFollower follower_;
};

} // namespace weave::controller::docker
