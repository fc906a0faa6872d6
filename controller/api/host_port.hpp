#pragma once

#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "controller/api/control_port.hpp"

/// What the control API needs to change this host's interfaces; implemented by the composition root. Threads, callbacks
/// and lifetimes as in control_port.hpp; everything completes in bounded time.
namespace weave::controller::api {

/// Interfaces of containers that run already (`weave attach`).
class AttachPort {
 public:
  struct Identity {
    std::string id;   ///< full
    std::string fqdn; ///< empty if its host name has no domain
  };
  struct Wish {
    std::vector<Ipv4Cidr> addresses; ///< not empty
    bool multicast_route = true;
    bool rewrite_hosts = false;
    std::vector<std::string> extra_hosts = {}; ///< `name:ip`, for the container's hosts file
    bool without_name = false;                 ///< of no meaning now: at later starts its name is not registered
  };

  virtual ~AttachPort() = default;

  /// By name or id; of a container that runs in a network namespace of its own. Errors are for people
  /// (protocol/surfaces.md §2.6).
  virtual void find(std::string container, Completion<Identity> done) = 0;
  /// Gives the container these addresses beside those that it has. Allocates nothing, registers nothing.
  virtual void attach(std::string container, Wish wish, Completion<void> done) = 0;
  /// What it does not have is no error.
  virtual void detach(std::string container, std::vector<Ipv4Address> addresses, Completion<void> done) = 0;
};

/// Addresses of this host in the overlay (`weave expose`), kept across restarts. Allocates nothing.
class ExposePort {
 public:
  virtual ~ExposePort() = default;

  virtual void expose(Ipv4Cidr address, bool masquerade, Completion<void> done) = 0;
  /// Whatever its prefix length. What is not exposed is no error.
  virtual void hide(Ipv4Address address, Completion<void> done) = 0;
};

} // namespace weave::controller::api
