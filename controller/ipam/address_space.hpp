#pragma once

#include <optional>
#include <vector>

#include "base/address.hpp"
#include "controller/ipam/interval_set.hpp"

namespace weave::controller::ipam {

/// The addresses that the ring gives this peer, split into allocated and free (protocol/ipam-dns.md §5). Value type,
/// pure. Follows the ring in both directions: ranges that the ring took away leave it at once.
class AddressSpace {
 public:
  /// Makes the space exactly `owned`. What is new becomes free, except the addresses of `in_use` in it.
  void follow(std::vector<Ipv4Range> const& owned, std::vector<Ipv4Address> const& in_use);
  /// Forgets everything.
  void clear() { *this = AddressSpace{}; }

  /// Takes the lowest free address in `range`.
  [[nodiscard]] std::optional<Ipv4Address> allocate(Ipv4Range range);
  /// Takes this address; false unless it is free.
  [[nodiscard]] bool claim(Ipv4Address address);
  /// Gives an allocated address back; nothing happens for others.
  void release(Ipv4Address address);
  /// Chooses free space inside `request` to give to another peer and removes it; nothing if there is none.
  [[nodiscard]] std::optional<Ipv4Range> donate(Ipv4Range request);

  [[nodiscard]] IntervalSet const& free() const { return free_; }
  [[nodiscard]] IntervalSet const& allocated() const { return allocated_; }

 private:
  [[nodiscard]] std::optional<Ipv4Range> donation_candidate(Ipv4Range request) const;

  IntervalSet free_;
  IntervalSet allocated_;
};

} // namespace weave::controller::ipam
