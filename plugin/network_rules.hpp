#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "plugin/driver_records.hpp"
#include "plugin/messages.hpp"
#include "plugin/network_isolation.hpp"
#include "plugin/network_options.hpp"

namespace weave::plugin {

// What may be made, and what follows from it. Pure.

/// What this host hands out; none: Docker has to bring addresses itself.
struct AddressRange {
  Ipv4Cidr universe;
  Ipv4Cidr default_subnet;
};

/// Whether a network may be created beside those in `records`, which may already have it. An error tells Docker's user
/// what to do instead. Refused: IPv6 subnets and addresses of Docker's own IPAM, unless the network says that its user
/// shares them out (`works.weave.ipam=docker`) or a cluster store of Docker's does; an isolated network that has not
/// exactly one subnet, or that shares addresses with any other; any that shares addresses with an isolated one.
[[nodiscard]] Result<void> check_network(CreateNetworkRequest const& request, NetworkOptions const& options,
                                         DriverRecords const& records, std::optional<AddressRange> const& range);

/// The networks on record, without endpoints here, whose addresses `request` has now. For a swarm, which gives them to
/// one network at a time: those others are gone.
[[nodiscard]] std::vector<std::string> outlived_networks(CreateNetworkRequest const& request,
                                                         DriverRecords const& records,
                                                         std::map<std::string, EndpointRecord> const& arriving);

/// `arriving`: endpoints whose interfaces are being made, not yet in `records`.
[[nodiscard]] IsolationPlan isolation_plan(DriverRecords const& records,
                                           std::map<std::string, EndpointRecord> const& arriving);

} // namespace weave::plugin
