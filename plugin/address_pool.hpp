#pragma once

#include <string>
#include <string_view>

#include "base/address.hpp"
#include "base/result.hpp"

namespace weave::plugin {

/// A subnet, and the part of it that addresses are taken from. Value type. It travels in Docker's store, for years, as
/// the pool ID `weave-<subnet>-<range>` (protocol/surfaces.md §10.5).
struct AddressPool {
  Ipv4Cidr subnet;
  Ipv4Cidr range;

  [[nodiscard]] std::string id() const;
  /// Also the ancient `weavepool`, which means the default subnet. Error: `Unrecognized pool ID: <id>`.
  [[nodiscard]] static Result<AddressPool> parse_id(std::string_view id, Ipv4Cidr default_subnet);
  /// For RequestPool: empty texts mean the default subnet, and the whole subnet. Host bits are dropped. Refused: what
  /// is not IPv4, less than four addresses, a range outside its subnet.
  [[nodiscard]] static Result<AddressPool> choose(std::string_view subnet, std::string_view range,
                                                  Ipv4Cidr default_subnet);

  friend bool operator==(AddressPool const&, AddressPool const&) = default;
};

/// Every address of `inner` is in `outer`.
[[nodiscard]] bool contains(Ipv4Cidr outer, Ipv4Cidr inner);
[[nodiscard]] bool contains(Ipv4Cidr outer, Ipv4Address address);
/// Network or broadcast address, which no container can have.
[[nodiscard]] bool is_edge(Ipv4Cidr subnet, Ipv4Address address);

} // namespace weave::plugin
