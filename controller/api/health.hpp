#pragma once

#include <string>
#include <vector>

#include "controller/api/messages.hpp"

namespace weave::controller::api {

/// Something in a report that is not as it should be, in words for people.
struct Trouble {
  std::string what;
  std::string cause;
  std::string next;      ///< what to do, with the command
  bool degraded = false; ///< it works, but not as well as it could

  /// `what: cause. Next: next`, in one line without control characters.
  [[nodiscard]] std::string line() const;
  friend bool operator==(Trouble const&, Trouble const&) = default;
};

/// All that is not well, in the order of `weave status`; empty: all is. A service that is switched off is not asked
/// about. Pure.
[[nodiscard]] std::vector<Trouble> find_troubles(StatusReport const& report);

} // namespace weave::controller::api
