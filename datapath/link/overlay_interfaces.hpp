#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "datapath/link/links.hpp"
#include "datapath/link/network_namespace.hpp"

namespace weave::datapath {

/// An interface that connects a network namespace to the overlay, and its IPv4 addresses in the kernel's order.
struct OverlayInterface {
  std::string name;
  MacAddress mac;
  std::vector<Ipv4Cidr> addresses;

  friend bool operator==(OverlayInterface const&, OverlayInterface const&) = default;
};

/// What is plugged into the overlay's switch on this host, and who has the other ends. True at the moment of the query;
/// blocking, reads only.
class OverlayPorts {
 public:
  /// Of the network namespace of `links`. Without the switch there are none.
  [[nodiscard]] static Result<OverlayPorts> list(Links& links, std::string_view bridge);

  /// Interfaces inside `guest` whose other end is one of these ports, in the order of their numbers. The right to enter
  /// it is needed.
  [[nodiscard]] Result<std::vector<OverlayInterface>> interfaces_in(NetworkNamespace const& guest) const;

 private:
  /// Ends in other namespaces by the number of the port.
  std::map<LinkIndex, LinkIndex> peers_;
};

/// The switch itself as an interface of this host; not_found if there is none.
[[nodiscard]] Result<OverlayInterface> bridge_interface(Links& links, std::string_view bridge);

} // namespace weave::datapath
