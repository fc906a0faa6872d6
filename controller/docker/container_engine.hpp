#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "controller/docker/engine.hpp"

namespace weave::controller::docker {

/// A container's place on one network.
struct ContainerEndpoint {
  std::string network_id;
  std::string network_name;
  std::optional<Ipv4Address> address; ///< absent while the container is not there (yet)
  std::vector<std::string> aliases;   ///< what the user gave, and host name, short ID, name as the engine likes

  friend bool operator==(ContainerEndpoint const&, ContainerEndpoint const&) = default;
};

/// A container as the engine shows it.
struct ContainerInfo {
  std::string id;
  std::string name; ///< without its slash
  std::string hostname;
  std::string domainname;
  bool running = false;
  bool restarting = false; ///< waits for its next start; may say that it is running, too
  std::int64_t pid = 0;
  std::vector<ContainerEndpoint> endpoints;  ///< by name of the network
  std::string sandbox = {};                  ///< file of its network namespace; empty if it has not got one of its own
  std::string network_owner = {};            ///< the container whose network namespace it shares; empty: none
  std::string hosts_file = {};               ///< its /etc/hosts on this host; empty if there is none
  std::vector<std::string> extra_hosts = {}; ///< `name:ip` as asked for when it was made

  /// Host name and domain; empty without a domain.
  [[nodiscard]] std::string fqdn() const {
    if (!domainname.empty()) return hostname + "." + domainname;
    return hostname.find('.') != std::string::npos ? hostname : std::string{};
  }
  /// It has processes and its networks are made.
  [[nodiscard]] bool up() const { return running && !restarting && pid > 0; }
  friend bool operator==(ContainerInfo const&, ContainerInfo const&) = default;
};

enum class EventKind {
  container_started,
  container_died,
  container_destroyed,
  container_renamed,
  network_connected,
  network_disconnected,
  other ///< nothing for us
};

struct EngineEvent {
  EventKind kind = EventKind::other;
  std::string container;         ///< full ID
  std::chrono::nanoseconds time; ///< since 1970 by the engine's clock

  friend bool operator==(EngineEvent const&, EngineEvent const&) = default;
};

/// The port to a Docker engine for who follows its containers. Control thread. Nothing is called inside the call that
/// asks for it. Errors as for DockerEngine.
class ContainerEngine {
 public:
  template <class T>
  using Answer = std::function<void(Result<T>)>;
  /// on_open, once: from now on no event is missed. on_event: in the engine's order; an error is one line that cannot
  /// be read, and the stream goes on. on_end, once: nothing more is called.
  struct EventHandlers {
    std::function<void()> on_open;
    std::function<void(Result<EngineEvent>)> on_event;
    std::function<void(Error)> on_end;
  };

  virtual ~ContainerEngine() = default;

  /// By name or ID. Each of these completes exactly once, in bounded time.
  virtual void inspect_container(std::string const& container, Answer<ContainerInfo> done) = 0;
  virtual void inspect_network(std::string const& network, Answer<NetworkInfo> done) = 0;
  virtual void list_containers(bool with_stopped, Answer<std::vector<ContainerSummary>> done) = 0;
  virtual void list_networks(Answer<std::vector<NetworkInfo>> done) = 0;
  /// Events of containers and networks, first those from `since` on that the engine remembers. One stream at a time:
  /// an earlier one ends silently.
  virtual void follow_events(std::optional<std::chrono::nanoseconds> since, EventHandlers handlers) = 0;
  /// Silently.
  virtual void stop_following() = 0;
};

} // namespace weave::controller::docker
