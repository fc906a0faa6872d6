#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "datapath/link/isolation_script.hpp"
#include "datapath/link/nftables.hpp"
#include "datapath/link/nftables_watch.hpp"

namespace weave::datapath {

/// Keeps networks apart on this host: rules in the kernel (isolation_script.hpp says which), that stay when this object
/// goes, and word of it when somebody else touches them. In the network namespace in which it was opened. Blocking, one
/// thread; a port that comes or goes costs less than a millisecond beside a table of hundreds.
class PortIsolation {
 public:
  /// refused or system where the kernel has no nftables, or we may not use them.
  [[nodiscard]] static Result<PortIsolation> open();

  /// Brings the kernel to `wanted`, without a gap for what was in force; with no networks at all the table goes. After
  /// a failure the kernel has what it had.
  [[nodiscard]] Result<void> apply(IsolatedNetworks wanted);
  /// The same once more, whatever the kernel has now.
  [[nodiscard]] Result<void> restore();

  /// Readable after any change of nftables by anybody.
  [[nodiscard]] int fd() const { return watch_.fd(); }
  /// Whether somebody else has changed our table since the last call. Takes what fd() has to tell. True when in doubt.
  [[nodiscard]] Result<bool> disturbed();

 private:
  PortIsolation(Nftables nftables, NftablesWatch watch) : nftables_{std::move(nftables)}, watch_{std::move(watch)} {}
  [[nodiscard]] Result<void> run(std::string const& script);
  [[nodiscard]] Result<void> remove();

  Nftables nftables_;
  NftablesWatch watch_;
  /// As last put in force; none: never.
  std::optional<IsolatedNetworks> wanted_;
  /// As the kernel has it; none: unknown.
  std::optional<IsolatedNetworks> applied_;
  /// Transactions of our own of which we have not been told yet. There is no telling whose one is, so they are counted:
  /// more than these means somebody else's, at any place between them.
  std::size_t own_ = 0;
};

/// Whether there is a table, such as a former process has left.
[[nodiscard]] bool is_isolation_there();

/// Takes the table away, if there is one (reset).
[[nodiscard]] Result<void> remove_isolation();

} // namespace weave::datapath
