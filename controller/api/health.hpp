#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/api/messages.hpp"

namespace weave::controller::api {

/// Something in a report that is not as it should be, in words for people.
struct Trouble {
  std::string subject; ///< `weave`, `router`, `ipam`, `dns`, `plugin` or `host`; stable
  std::string what;
  std::string cause;
  std::string next;      ///< what to do, with the command
  bool degraded = false; ///< it works, but not as well as it could

  /// `what: cause. Next: next`, in one line without control characters.
  [[nodiscard]] std::string line() const;
  /// "warning" or "error".
  [[nodiscard]] std::string_view severity() const { return degraded ? "warning" : "error"; }
  friend bool operator==(Trouble const&, Trouble const&) = default;
};

/// Whether a connection's last error says that it led to this host itself: one list of hosts for all of them has this
/// one in it as well, which is no trouble.
[[nodiscard]] bool leads_to_ourself(std::string_view last_error);

/// All that is not well, in the order of `weave status`; empty: all is. A service that is switched off is not asked
/// about. Pure.
[[nodiscard]] std::vector<Trouble> find_troubles(StatusReport const& report);

/// What is not well with this one; none: all is, or it does not matter. Pure.
[[nodiscard]] std::optional<Trouble> trouble_of(ConnectionStatus const& connection, RouterStatus const& router);
/// What is lost with this share of the address range; none: its owner is there. Pure.
[[nodiscard]] std::optional<Trouble> trouble_of(RingEntryStatus const& entry);

} // namespace weave::controller::api
