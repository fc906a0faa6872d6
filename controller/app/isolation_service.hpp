#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/fd_watcher.hpp"
#include "base/logger.hpp"
#include "base/scheduler.hpp"
#include "datapath/link/isolation.hpp"
#include "plugin/network_isolation.hpp"

namespace weave::controller {

/// The plugin's port for keeping networks apart, bound to the kernel. Rules that somebody takes away are put back as
/// soon as the kernel tells, and what cannot be put in force is tried again for ever. Nothing is opened before there is
/// an isolated network. Control thread only; what it is given must outlive it.
class IsolationService final : public plugin::NetworkIsolation {
 public:
  struct Ports {
    Scheduler& scheduler;
    FdWatcher& watcher;
    Logger logger;
  };

  /// `impossible`: why containers' ports cannot be filtered here, if so.
  IsolationService(Ports ports, std::optional<std::string> impossible)
      : ports_{std::move(ports)}, impossible_{std::move(impossible)} {}
  IsolationService(IsolationService const&) = delete;
  IsolationService& operator=(IsolationService const&) = delete;

  [[nodiscard]] std::optional<std::string> impossible() const override { return impossible_; }
  [[nodiscard]] Result<void> apply(plugin::IsolationPlan const& plan) override;
  void ensure(std::function<Result<void>()> apply) override;
  /// Until release() rules of a former process stay as they are, and others are refused: what they are for is not
  /// known.
  void hold() { held_ = true; }
  void release() { held_ = false; }
  /// For the status: what is wanted and not in force.
  [[nodiscard]] std::optional<std::string> not_ready() const;

 private:
  [[nodiscard]] Result<void> put(plugin::IsolationPlan const& plan);
  [[nodiscard]] Result<void> open();
  void on_changes();
  void restore();
  void settle();

  Ports ports_;
  std::optional<std::string> impossible_;
  std::optional<datapath::PortIsolation> isolation_;
  std::optional<Error> failed_;           ///< at the last attempt to put in force what is wanted already
  std::function<Result<void>()> ensured_; ///< while it has not succeeded
  FdWatch watch_;                         ///< of a descriptor of `isolation_`
  Timer retry_;
  bool held_ = false;
};

} // namespace weave::controller
