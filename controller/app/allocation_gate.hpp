#pragma once

#include <functional>
#include <vector>

#include "base/scheduler.hpp"

namespace weave::controller {

/// Holds addresses back for a moment after a start without memory: until what runs on this host has been asked which
/// addresses it uses, none of them may be handed out. Control thread. What still waits when this goes is dropped.
class AllocationGate {
 public:
  /// It is open until it is closed, and opens again by itself after `limit`: what is asked may be waiting for us.
  void close(Scheduler& scheduler, Duration limit, std::function<void()> on_limit);
  /// Lets those through that wait, in the order in which they came.
  void open();
  [[nodiscard]] bool closed() const { return closed_; }
  /// Calls at once, or when the gate opens.
  void pass(std::function<void()> call);

 private:
  bool closed_ = false;
  Timer limit_;
  std::vector<std::function<void()>> waiting_;
};

} // namespace weave::controller
