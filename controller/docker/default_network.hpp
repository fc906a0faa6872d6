#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/logger.hpp"
#include "base/scheduler.hpp"
#include "controller/docker/engine.hpp"

namespace weave::controller::docker {

enum class DefaultNetworkState {
  waiting,       ///< no answer yet
  engine_absent, ///< nobody at Docker's socket: fine, containers come by other ways
  failing,       ///< the engine answers and refuses; tried again
  foreign,       ///< another driver's network has the name; left alone, looked at again now and then
  ready
};

struct DefaultNetworkStatus {
  DefaultNetworkState state = DefaultNetworkState::waiting;
  std::string reason;     ///< for people; when ready: how it differs from what it should be, usually empty
  std::string network_id; ///< when ready

  friend bool operator==(DefaultNetworkStatus const&, DefaultNetworkStatus const&) = default;
};

/// Sees to it, in the background, that the engine has the default network (protocol/surfaces.md §10.6, §12.2.4): looks,
/// makes it if missing, tries again with growing pauses until it is there, and then leaves it alone: who removes it
/// afterwards wants it so. Nothing else waits for this. Each new reason is logged once. Control thread; everything it
/// is given must outlive it.
class DefaultNetwork {
 public:
  struct Config {
    std::string name = "weave";
    std::string driver = "weavemesh";
    Ipv4Cidr subnet;
    bool multicast = true;
  };
  struct Removal {
    bool removed = false;                         ///< or was not there, or is not ours
    std::vector<std::string> attached_containers; ///< IDs of those that hindered it
  };
  /// Called each time the state or the reason changes.
  using Watcher = std::function<void(DefaultNetworkStatus const&)>;
  using Removed = std::function<void(Result<Removal>)>;

  DefaultNetwork(Scheduler& scheduler, DockerEngine& engine, Config config, Logger log);
  DefaultNetwork(DefaultNetwork const&) = delete;
  DefaultNetwork& operator=(DefaultNetwork const&) = delete;

  void watch(Watcher watcher) { watcher_ = std::move(watcher); }
  void start();
  /// No more attempts; a network that is there stays.
  void stop();
  [[nodiscard]] DefaultNetworkStatus const& status() const { return status_; }
  /// The options the network was made with, when ready; before that those it would be made with.
  [[nodiscard]] std::map<std::string, std::string> options() const;

  /// Stops, then removes the network if its driver is ours (`weave stop`, `weave reset`). Our plugin must still be
  /// served meanwhile. Completes in bounded time, never inside the call.
  void remove(Removed done);

 private:
  void attempt();
  void on_inspected(Result<NetworkInfo> const& found);
  void create();
  void settle(NetworkInfo const& found);
  /// How one of ours is not as it would be made now; empty: not at all.
  [[nodiscard]] std::string difference(NetworkInfo const& found);
  void on_failure(Error const& error);
  void enter(DefaultNetworkState state, std::string reason, std::string network_id = {});
  void try_again(Duration pause);
  void remove_found(NetworkInfo const& found, Removed const& done);
  [[nodiscard]] bool ours(std::string const& driver) const;
  /// A callback that does nothing after stop() or destruction.
  template <class T>
  [[nodiscard]] DockerEngine::Callback<T> current(void (DefaultNetwork::*handler)(Result<T> const&));
  void on_created(Result<std::string> const& id);

  Scheduler& scheduler_;
  DockerEngine& engine_;
  Config config_;
  Logger log_;
  Watcher watcher_;
  DefaultNetworkStatus status_;
  std::optional<std::string> multicast_; ///< as the network that was found has it
  Duration pause_;
  Timer timer_;
  std::shared_ptr<int> run_; ///< replaced by start() and stop(), so that answers to an earlier run are not heard
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

} // namespace weave::controller::docker
