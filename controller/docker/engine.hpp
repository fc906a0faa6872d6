#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"

namespace weave::controller::docker {

/// A network to be made.
struct NetworkSpec {
  std::string name;
  std::string driver;
  std::string ipam_driver;
  std::string subnet; ///< CIDR
  std::map<std::string, std::string> options;

  friend bool operator==(NetworkSpec const&, NetworkSpec const&) = default;
};

/// A network as the engine shows it.
struct NetworkInfo {
  std::string id;
  std::string name;
  std::string driver;
  std::vector<std::string> subnets;
  std::map<std::string, std::string> options;
  std::vector<std::string> containers; ///< IDs of those attached and running
  std::string ipam_driver = {};
  std::vector<Ipv4Cidr> reserved = {}; ///< gateways and auxiliary addresses, with the prefix length of their subnet

  friend bool operator==(NetworkInfo const&, NetworkInfo const&) = default;
};

/// A container's place on one network, as a list shows it.
struct ContainerPlace {
  std::string network_id;
  std::optional<Ipv4Cidr> address;      ///< absent while the container does not run
  std::optional<Ipv4Address> requested; ///< what the user chose for each start
  std::string endpoint_id = {};         ///< empty while the container does not run
  std::string mac_address = {};

  friend bool operator==(ContainerPlace const&, ContainerPlace const&) = default;
};

struct ContainerSummary {
  std::string id;
  std::string name; ///< the first, without its slash
  std::string state;
  std::map<std::string, std::string> networks; ///< name of the network, address without prefix length (may be empty)
  std::vector<ContainerPlace> places = {};

  /// Its processes exist or are about to: also while it is paused, and between two tries to keep it up.
  [[nodiscard]] bool alive() const { return state == "running" || state == "paused" || state == "restarting"; }
  friend bool operator==(ContainerSummary const&, ContainerSummary const&) = default;
};

/// The port to a Docker engine. Control thread. Each call completes exactly once, never inside the call, in bounded
/// time. Errors: unavailable (no engine there), timed_out, system (it answers that it cannot, perhaps not yet);
/// not_found (no such network), already_exists, refused (in use, not permitted), malformed, cancelled.
class DockerEngine {
 public:
  template <class T>
  using Callback = std::function<void(Result<T>)>;

  virtual ~DockerEngine() = default;

  /// By name or ID.
  virtual void inspect_network(std::string const& network, Callback<NetworkInfo> done) = 0;
  /// Gives the ID. The engine calls our plugin sockets before it answers.
  virtual void create_network(NetworkSpec const& spec, Callback<std::string> done) = 0;
  virtual void remove_network(std::string const& network, Callback<void> done) = 0;
  virtual void list_containers(bool with_stopped, Callback<std::vector<ContainerSummary>> done) = 0;
};

} // namespace weave::controller::docker
