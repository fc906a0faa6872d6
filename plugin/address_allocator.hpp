#pragma once

#include <functional>
#include <string>

#include "base/address.hpp"
#include "base/result.hpp"

namespace weave::plugin {

/// The port through which the IPAM driver gets addresses; bound to the address ring in the composition root. All on the
/// control thread.
///
/// Addresses are owned under their own text ("10.32.0.1"), not by a container: Docker names no container when it asks,
/// and gives back by address (protocol/surfaces.md §10.5).
///
/// `allocate` and `claim` call back exactly once, possibly inside the call, unless cancelled. The driver sets the
/// deadline. Cancelling after the call back is harmless; a grant that comes nevertheless after cancelling is released
/// by the driver.
class AddressAllocator {
 public:
  using Cancel = std::function<void()>;
  using Allocated = std::function<void(Result<Ipv4Address>)>;
  using Claimed = std::function<void(Result<void>)>;

  virtual ~AddressAllocator() = default;

  [[nodiscard]] virtual Ipv4Cidr default_subnet() const = 0;
  /// All that may be allocated from (--ipalloc-range).
  [[nodiscard]] virtual Ipv4Cidr universe() const = 0;
  /// The lowest free address of `range` that is neither network nor broadcast address of `subnet`.
  [[nodiscard]] virtual Cancel allocate(Ipv4Cidr subnet, Ipv4Range range, Allocated done) = 0;
  /// Exactly this address. Fails with already_exists if anything on this host holds it, *whoever that is, also under
  /// the same text*; with refused if another peer holds it. An address outside the universe is recorded locally.
  [[nodiscard]] virtual Cancel claim(Ipv4Cidr address, Claimed done) = 0;
  /// Gives the address back, whichever owner it is filed under (after a loss of state that may be a container). Not
  /// held: not_found, which the driver takes as success. Must work without quorum.
  [[nodiscard]] virtual Result<void> release(Ipv4Address address) = 0;
  /// For people, while something waits: "2 of 5 initial peers reachable: a, b; missing c, d, e". Empty if unknown.
  [[nodiscard]] virtual std::string waiting_for() const = 0;
};

/// When addresses are not ours to give (--no-ipam): refuses everything, forgets everything.
class NullAddressAllocator final : public AddressAllocator {
 public:
  [[nodiscard]] Ipv4Cidr default_subnet() const override { return {}; }
  [[nodiscard]] Ipv4Cidr universe() const override { return {}; }
  [[nodiscard]] Cancel allocate(Ipv4Cidr, Ipv4Range, Allocated done) override {
    done(failure(ErrorKind::unavailable, kText));
    return [] {};
  }
  [[nodiscard]] Cancel claim(Ipv4Cidr, Claimed done) override {
    done(failure(ErrorKind::unavailable, kText));
    return [] {};
  }
  [[nodiscard]] Result<void> release(Ipv4Address) override { return {}; }
  [[nodiscard]] std::string waiting_for() const override { return {}; }

 private:
  static constexpr auto kText = "address allocation is switched off";
};

} // namespace weave::plugin
