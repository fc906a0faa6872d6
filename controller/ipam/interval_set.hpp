#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/address.hpp"

namespace weave::controller::ipam {

/// A set of IPv4 addresses kept as disjoint, joined intervals: look-ups cost the logarithm of the number of intervals,
/// not of addresses. Value type. Ranges with start >= end are empty and change nothing.
class IntervalSet {
 public:
  void add(Ipv4Range range);
  void remove(Ipv4Range range);

  [[nodiscard]] bool empty() const { return ends_.empty(); }
  [[nodiscard]] bool contains(Ipv4Address address) const;
  /// Every address of `range` is in the set; true for an empty range.
  [[nodiscard]] bool covers(Ipv4Range range) const;
  /// Some address of `range` is in the set.
  [[nodiscard]] bool overlaps(Ipv4Range range) const;
  [[nodiscard]] std::uint32_t count() const { return count_; }
  [[nodiscard]] std::uint32_t count_in(Ipv4Range range) const;
  [[nodiscard]] std::optional<Ipv4Address> lowest_in(Ipv4Range range) const;

  /// In address order.
  [[nodiscard]] std::vector<Ipv4Range> ranges() const;
  /// The parts that lie inside `range`, in address order.
  [[nodiscard]] std::vector<Ipv4Range> clipped(Ipv4Range range) const;
  /// The parts of `range` that are not in the set, in address order.
  [[nodiscard]] std::vector<Ipv4Range> gaps(Ipv4Range range) const;

  friend bool operator==(IntervalSet const&, IntervalSet const&) = default;

 private:
  using Ends = std::map<Ipv4Address, Ipv4Address>;

  /// The first interval that ends behind `address`.
  [[nodiscard]] Ends::const_iterator first_beyond(Ipv4Address address) const;

  Ends ends_; // interval start -> end
  std::uint32_t count_ = 0;
};

} // namespace weave::controller::ipam
