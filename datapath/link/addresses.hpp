#pragma once

#include <optional>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "datapath/link/link.hpp"
#include "datapath/link/route_socket.hpp"

namespace weave::datapath {

/// An IPv4 address on an interface.
struct InterfaceAddress {
  LinkIndex link{};
  Ipv4Cidr address;

  friend bool operator==(InterfaceAddress const&, InterfaceAddress const&) = default;
};

/// A unicast IPv4 route of the main table.
struct Route {
  /// The network, host bits zero; prefix 0 is the default route.
  Ipv4Cidr destination;
  std::optional<Ipv4Address> gateway;
  /// Absent for multipath routes.
  std::optional<LinkIndex> link;

  friend bool operator==(Route const&, Route const&) = default;
};

/// IPv4 addresses and routes of one network namespace over rtnetlink. Blocking, one thread. Adding what exists and
/// removing what is missing succeed.
class Addresses {
 public:
  /// `socket` must outlive this object.
  explicit Addresses(RouteSocket& socket) : socket_{socket} {}

  [[nodiscard]] Result<void> add(InterfaceAddress const& address);
  [[nodiscard]] Result<void> remove(InterfaceAddress const& address);
  /// Those of one interface, or of all.
  [[nodiscard]] Result<std::vector<InterfaceAddress>> list(std::optional<LinkIndex> link = {});
  /// All unicast routes of the main table, for the overlap check of an allocation range.
  [[nodiscard]] Result<std::vector<Route>> routes();

 private:
  RouteSocket& socket_;
};

} // namespace weave::datapath
