#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/address.hpp"
#include "controller/docker/container_engine.hpp"

namespace weave::controller::docker {

/// A name and what it stands for. Names compare without regard to case, as DNS does.
struct ContainerName {
  std::string fqdn; ///< ends in a dot
  Ipv4Address address;

  friend bool operator<(ContainerName const& a, ContainerName const& b);
  friend bool operator==(ContainerName const& a, ContainerName const& b) { return !(a < b) && !(b < a); }
};

/// Which names a container has (protocol/ipam-dns.md §14): its host name if that lies in the domain, and, completed
/// with the domain unless they lie in it already, its name and the aliases on each network; but not its short ID, and
/// nothing outside the domain. Value type.
class ContainerNaming {
 public:
  using IsOurs = std::function<bool(ContainerEndpoint const&)>;

  /// With or without its last dot.
  explicit ContainerNaming(std::string_view domain);

  /// For the endpoints that are ours and have an address.
  [[nodiscard]] std::set<ContainerName> names_of(ContainerInfo const& container, IsOurs const& is_ours) const;
  [[nodiscard]] std::string const& domain() const { return domain_; }

 private:
  [[nodiscard]] bool inside(std::string_view name) const;
  [[nodiscard]] std::optional<std::string> as_it_is(std::string_view name) const;
  [[nodiscard]] std::optional<std::string> completed(std::string_view name) const;

  std::string domain_; ///< without its last dot
};

} // namespace weave::controller::docker
