#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/logger.hpp"
#include "base/result.hpp"
#include "base/scheduler.hpp"
#include "plugin/driver_records.hpp"
#include "plugin/driver_store.hpp"
#include "plugin/keyed_queue.hpp"
#include "plugin/messages.hpp"
#include "plugin/network_isolation.hpp"
#include "plugin/network_rules.hpp"
#include "plugin/network_source.hpp"
#include "plugin/sandbox_attacher.hpp"

namespace weave::plugin {

/// The MAC of a container that asked for none: 02:77 and the four bytes of its address. Addresses of the ring are
/// unique in the mesh, so the MACs are too, and a container that comes back with its address, here or on another host,
/// is reached at once by neighbours whose ARP caches still have the old entry.
[[nodiscard]] MacAddress mac_of_address(Ipv4Address address);

/// Docker's network driver (protocol/surfaces.md §10.4), for all sockets alike. Networks are names with options: all
/// share the one bridge, and those with the option are kept apart on it. Control thread; everything it is given must
/// outlive it.
///
/// Each call answers once, at the latest after `limit`, and may be repeated: creating what exists gives the same
/// answer, removing what does not exist succeeds. Calls for one endpoint run one after the other, also when an earlier
/// one has been answered by the deadline. A network that is unknown (state lost) is served with default options, and
/// looked up in the background for the next time. Nothing here ever waits for Docker (§12.2).
///
/// The interface of a container on an isolated network is not made before it is filtered; where that fails the
/// container does not start. Of a network that is unknown nobody can tell that it is isolated: its containers are
/// filtered from the moment that it has been looked up.
class NetworkDriver {
 public:
  struct Dependencies {
    Scheduler& scheduler;
    SandboxAttacher& attacher;
    DriverStore& store;
    NetworkSource& source;
    NetworkIsolation& isolation;
    Logger log;
  };
  struct Config {
    /// Of networks that have no such option.
    bool default_multicast = false;
    /// Addresses in its universe are unique in the mesh and give their containers' MACs.
    std::optional<AddressRange> range = {};
    /// Docker's swarm hands out all addresses, each once in the mesh: any network is served, and all addresses give
    /// MACs.
    bool swarm = false;
    Duration limit = std::chrono::seconds{5};
  };
  template <class T>
  using Answer = std::function<void(Result<T>)>;

  NetworkDriver(Dependencies dependencies, Config config);
  NetworkDriver(NetworkDriver const&) = delete;
  NetworkDriver& operator=(NetworkDriver const&) = delete;

  [[nodiscard]] Result<void> create_network(CreateNetworkRequest const& request);
  void delete_network(NetworkRequest const& request);
  void create_endpoint(CreateEndpointRequest const& request, Answer<CreateEndpointReply> answer);
  void join(JoinRequest const& request, Answer<JoinReply> answer);
  void leave(EndpointRequest const& request, Answer<void> answer);
  void delete_endpoint(EndpointRequest const& request, Answer<void> answer);

  /// What is known of a network from elsewhere (the default network, a NetworkSource), and, if it is isolated, of the
  /// endpoints of its running containers, by id. What our own records say counts more.
  struct Learned {
    std::string id;
    NetworkFacts facts;
    std::map<std::string, EndpointRecord> endpoints = {};
  };
  void learn_network(Learned const& network) { learn_networks({network}); }
  /// Several at once: rules that are in force for some of them are not put aside while the others are not known yet.
  void learn_networks(std::vector<Learned> const& networks);
  [[nodiscard]] DriverRecords const& records() const { return records_; }
  /// Puts in force what was isolated before this start. To be tried again after a failure.
  [[nodiscard]] Result<void> isolate();

 private:
  struct Creation;

  /// Whether there is something new to be isolated.
  [[nodiscard]] bool take(Learned const& network);
  void run_creation(std::shared_ptr<Creation> const& creation, KeyedQueue::Finished finished);
  void on_created(Creation const& creation, Result<MacAddress> const& made, KeyedQueue::Finished finished);
  void remove_link(std::string const& endpoint_id, std::function<void()> done);
  [[nodiscard]] std::optional<MacAddress> derived_mac(CreateEndpointRequest const& request) const;
  [[nodiscard]] Result<void> check_prefix(std::string const& endpoint_id) const;
  [[nodiscard]] Result<void> check_join(JoinRequest const& request);
  [[nodiscard]] bool is_isolated(std::string const& network_id) const;
  void settle_isolation();
  void forget_outlived(CreateNetworkRequest const& request);
  [[nodiscard]] bool wants_multicast(std::string const& network_id);
  void look_up(std::string const& network_id);

  Dependencies dependencies_;
  Config config_;
  DriverRecords records_;
  KeyedQueue queue_;
  std::set<std::string> looking_up_;
  std::map<std::string, EndpointRecord> creating_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true); ///< lets late completions see that we are gone
};

} // namespace weave::plugin
