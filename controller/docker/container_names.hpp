#pragma once

#include <set>
#include <string>

#include "base/address.hpp"

namespace weave::controller::docker {

/// The port to which a ContainerWatcher tells names, and the lives of containers as the allocator needs them. Control
/// thread. `id` is the full container ID. What was added is removed before anything else is told in its stead; nothing
/// is removed while the engine is away. When the watcher goes, what it told stays.
class ContainerNames {
 public:
  virtual ~ContainerNames() = default;

  /// `fqdn` lies in the domain and ends in a dot; its case is the user's. Told once for each (id, name, address).
  virtual void add(std::string const& id, std::string const& fqdn, Ipv4Address address) = 0;
  virtual void remove(std::string const& id, std::string const& fqdn, Ipv4Address address) = 0;
  /// After the removals. Any container, with or without names. May come twice for one death.
  virtual void died(std::string const& id) = 0;

  /// It has been started, or was found to run. Before its names.
  virtual void started(std::string const& /*id*/) {}
  virtual void destroyed(std::string const& /*id*/) {}
  /// After each list of the engine (at each connection, then every few minutes): these run, as far as is known; who is
  /// not among them does not.
  virtual void running(std::set<std::string> const& /*ids*/) {}
  /// Nobody is at the engine's socket (any more).
  virtual void engine_absent() {}
};

} // namespace weave::controller::docker
