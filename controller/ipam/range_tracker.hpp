#pragma once

#include <vector>

#include "base/address.hpp"

namespace weave::controller::ipam {

/// What to do, in this order, so that what is covered before and after stays covered all the time.
struct CidrChange {
  std::vector<Ipv4Cidr> added;
  std::vector<Ipv4Cidr> removed;

  [[nodiscard]] bool empty() const { return added.empty() && removed.empty(); }
  friend bool operator==(CidrChange const&, CidrChange const&) = default;
};

/// The fewest aligned CIDRs that cover exactly these ranges, in address order; adjacent ranges are joined first.
[[nodiscard]] std::vector<Ipv4Cidr> covering_cidrs(std::vector<Ipv4Range> const& ranges);
/// From one such list to another (protocol/ipam-dns.md §11).
[[nodiscard]] CidrChange cidr_change(std::vector<Ipv4Cidr> const& from, std::vector<Ipv4Cidr> const& to);

/// The port to whoever wants to know which addresses the ring gives to this peer: routes and sets outside of IPAM.
/// Control thread only.
class RangeTracker {
 public:
  virtual ~RangeTracker() = default;

  /// They are `ranges` from now on, in address order. Called at start, when a stored ring has been taken up, and after
  /// everything that changes the ring once that is saved: merging, giving, formation, taking over, handing over. It may
  /// be called again with the same; must not block for long, and logs its failures itself.
  virtual void follow(std::vector<Ipv4Range> const& ranges) = 0;
};

} // namespace weave::controller::ipam
