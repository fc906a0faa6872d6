#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"

namespace weave::datapath {

/// A set of IPv4 subnets in the kernel for rules of iptables to match, as `ipset create NAME hash:net` makes it.
/// Belongs to the network namespace that was current at open(). Calls block until the kernel has answered, which is at
/// once; one thread.
class AddressSet {
 public:
  virtual ~AddressSet() = default;

  /// Makes the set unless it is there; one that is there keeps what it contains. refused: this kernel has no such sets,
  /// or we have no right to them; already_exists: the name is that of a set of another type.
  [[nodiscard]] static Result<std::unique_ptr<AddressSet>> open(std::string name);
  /// Succeeds if there is none. already_exists while a rule refers to it.
  [[nodiscard]] static Result<void> destroy(std::string const& name);

  /// In address order.
  [[nodiscard]] virtual Result<std::vector<Ipv4Cidr>> entries() = 0;
  /// Succeed if it is there, or gone, already.
  [[nodiscard]] virtual Result<void> add(Ipv4Cidr cidr) = 0;
  [[nodiscard]] virtual Result<void> remove(Ipv4Cidr cidr) = 0;
};

} // namespace weave::datapath
