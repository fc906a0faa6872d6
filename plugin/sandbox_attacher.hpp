#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/address.hpp"
#include "base/result.hpp"

namespace weave::plugin {

/// The veth pair of one endpoint (protocol/surfaces.md §1.3, §10.4). Value type.
struct EndpointLink {
  std::string host_name;     ///< `vethwl` and nine characters of the endpoint ID: stays on the bridge
  std::string guest_name;    ///< `vethwg` and the same: Docker moves it into the container and renames it
  std::string old_host_name; ///< `vethwl` and five: what releases before 2.0 made; only to be deleted

  /// The ID must be one that valid_docker_id accepts.
  [[nodiscard]] static EndpointLink of(std::string_view endpoint_id);

  friend bool operator==(EndpointLink const&, EndpointLink const&) = default;
};

/// Letters and digits only, 1 to 128: what may become part of an interface name and of a key in the store.
[[nodiscard]] bool valid_docker_id(std::string_view id);

/// The port through which the network driver makes and removes interfaces; bound to datapath/link in the composition
/// root. Control thread; calls back exactly once, possibly inside the call. The driver sets the deadline, never has two
/// calls for one endpoint under way, and removes what is made too late.
class SandboxAttacher {
 public:
  using Created = std::function<void(Result<MacAddress>)>;
  using Deleted = std::function<void(Result<void>)>;

  virtual ~SandboxAttacher() = default;

  /// Makes the pair with the bridge's MTU, host end attached to the bridge and up, and gives the guest end's address,
  /// which is `mac` if given. A pair that exists already is kept and its guest's address given; already_exists if the
  /// guest is out of sight in its container, for which the driver has a record.
  virtual void create_endpoint(EndpointLink const& link, std::optional<MacAddress> mac, Created done) = 0;
  /// Nothing there: not_found, which the driver takes as success. Must work without the bridge.
  virtual void delete_endpoint(EndpointLink const& link, Deleted done) = 0;
};

} // namespace weave::plugin
