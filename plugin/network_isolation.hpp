#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/address.hpp"
#include "base/result.hpp"

namespace weave::plugin {

/// The subnets of the networks that are to be kept apart, and the host ends of their containers' pairs.
using IsolationPlan = std::map<Ipv4Cidr, std::set<std::string>>;

/// The port through which the network driver keeps networks apart; bound to datapath/link in the composition root.
/// Control thread; answers inside the call.
class NetworkIsolation {
 public:
  virtual ~NetworkIsolation() = default;

  /// Why there can be no isolated networks on this host; none: there can.
  [[nodiscard]] virtual std::optional<std::string> impossible() const = 0;
  /// Once this has succeeded the ports named exchange frames only as `plan` says, also those that do not exist yet and
  /// whatever becomes of us. Idempotent, and quick where little changes.
  [[nodiscard]] virtual Result<void> apply(IsolationPlan const& plan) = 0;
  /// Runs what applies the plan of the moment: now, and if that fails again and again until it or an apply() has
  /// succeeded. For what is to be in force and nobody waits for.
  virtual void ensure(std::function<Result<void>()> apply) = 0;
};

/// Isolates nothing, and says so.
class NullNetworkIsolation final : public NetworkIsolation {
 public:
  [[nodiscard]] std::optional<std::string> impossible() const override { return "there is no bridge to filter on"; }
  [[nodiscard]] Result<void> apply(IsolationPlan const& plan) override {
    if (plan.empty()) return {};
    return failure(ErrorKind::refused, *impossible());
  }
  void ensure(std::function<Result<void>()>) override {}
};

} // namespace weave::plugin
