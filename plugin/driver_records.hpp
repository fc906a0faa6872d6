#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/logger.hpp"
#include "base/result.hpp"
#include "plugin/driver_store.hpp"

namespace weave::plugin {

struct NetworkRecord {
  bool multicast = false;
  bool isolated = false;
  std::vector<std::string> pools; ///< IPv4 subnets, for people

  friend bool operator==(NetworkRecord const&, NetworkRecord const&) = default;
};

struct EndpointRecord {
  std::string network_id;
  std::string mac_address;    ///< of the guest end
  bool requested_mac = false; ///< Docker named it
  std::string address;        ///< CIDR or empty
  std::string sandbox_key;    ///< empty while not joined

  friend bool operator==(EndpointRecord const&, EndpointRecord const&) = default;
};

/// The network driver's memory, kept in step with a DriverStore. A store that fails costs only the survival of a
/// restart, so it is logged and the work goes on, unless the caller minds. Control thread; the store must outlive it.
class DriverRecords {
 public:
  /// Reads everything; entries that cannot be read are logged and left where they are.
  DriverRecords(DriverStore& store, Logger log);

  [[nodiscard]] NetworkRecord const* network(std::string const& id) const;
  [[nodiscard]] EndpointRecord const* endpoint(std::string const& id) const;
  [[nodiscard]] std::map<std::string, NetworkRecord> const& networks() const { return networks_; }
  [[nodiscard]] std::map<std::string, EndpointRecord> const& endpoints() const { return endpoints_; }
  /// Whether a process before this one has made it.
  [[nodiscard]] bool is_inherited(std::string const& endpoint_id) const { return inherited_.contains(endpoint_id); }

  /// The error is that of the store; the record is known all the same.
  Result<void> set_network(std::string const& id, NetworkRecord record);
  void set_endpoint(std::string const& id, EndpointRecord record);
  void erase_network(std::string const& id);
  void erase_endpoint(std::string const& id);

 private:
  void load();
  Result<void> report(Result<void> stored, std::string_view what) const;

  DriverStore& store_;
  Logger log_;
  std::map<std::string, NetworkRecord> networks_;
  std::map<std::string, EndpointRecord> endpoints_;
  std::set<std::string> inherited_;
};

} // namespace weave::plugin
