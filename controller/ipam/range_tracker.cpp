#include "controller/ipam/range_tracker.hpp"

#include <algorithm>
#include <iterator>

#include "controller/ipam/interval_set.hpp"
#include "controller/ipam/ranges.hpp"

namespace weave::controller::ipam {

std::vector<Ipv4Cidr> covering_cidrs(std::vector<Ipv4Range> const& ranges) {
  IntervalSet joined;
  for (auto const& range : ranges) joined.add(range);
  std::vector<Ipv4Cidr> cidrs;
  for (auto const& range : joined.ranges()) std::ranges::copy(to_cidrs(range), std::back_inserter(cidrs));
  return cidrs;
}

CidrChange cidr_change(std::vector<Ipv4Cidr> const& from, std::vector<Ipv4Cidr> const& to) {
  CidrChange change;
  std::ranges::set_difference(to, from, std::back_inserter(change.added));
  std::ranges::set_difference(from, to, std::back_inserter(change.removed));
  return change;
}

} // namespace weave::controller::ipam
