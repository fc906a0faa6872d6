#include "controller/app/allocation_gate.hpp"

#include <utility>

namespace weave::controller {

void AllocationGate::close(Scheduler& scheduler, Duration limit, std::function<void()> on_limit) {
  closed_ = true;
  limit_ = scheduler.after(limit, [this, on_limit = std::move(on_limit)] {
    on_limit();
    open();
  });
}

void AllocationGate::open() {
  closed_ = false;
  limit_.reset();
  for (auto const& call : std::exchange(waiting_, {})) call();
}

void AllocationGate::pass(std::function<void()> call) {
  if (!closed_) return call();
  waiting_.push_back(std::move(call));
}

} // namespace weave::controller
