#include "controller/docker/inspection_queue.hpp"

#include <utility>

namespace weave::controller::docker {

InspectionQueue::InspectionQueue(Scheduler& scheduler, ContainerEngine& engine, std::size_t at_once, OnAnswer on_answer)
    : scheduler_{scheduler}, engine_{engine}, at_once_{at_once}, on_answer_{std::move(on_answer)} {}

void InspectionQueue::want(std::string const& id, Duration delay) {
  auto& wish = wishes_[id];
  if (wish.waiting) return;
  auto const due = scheduler_.now() + delay;
  if (wish.due && *wish.due <= due) return;
  wish.due = due;
  wish.timer = scheduler_.after(delay, [this, id] { on_due(id); });
}

void InspectionQueue::clear() {
  wishes_.clear();
  turns_.clear();
  under_way_ = 0;
  run_ = std::make_shared<int>(0);
}

void InspectionQueue::on_due(std::string const& id) {
  auto const found = wishes_.find(id);
  if (found == wishes_.end()) return;
  found->second.due.reset();
  if (found->second.asked) {
    found->second.waiting = true; // its answer, which is to come, is the turn
    return;
  }
  found->second.waiting = true;
  turns_.push_back(id);
  ask_next();
}

void InspectionQueue::ask_next() {
  while (under_way_ < at_once_ && !turns_.empty()) {
    auto const id = std::move(turns_.front());
    turns_.pop_front();
    auto const found = wishes_.find(id);
    // Dropped, and perhaps wanted again since: then it has its own turn.
    if (found != wishes_.end() && found->second.waiting && !found->second.asked) ask(id, found->second);
  }
}

void InspectionQueue::ask(std::string const& id, Wish& wish) {
  wish.waiting = false;
  wish.asked = ++serial_;
  ++under_way_;
  engine_.inspect_container(id, [this, run = std::weak_ptr{run_}, id, serial = serial_](Result<ContainerInfo> answer) {
    if (!run.expired()) on_answered(id, serial, answer);
  });
}

void InspectionQueue::on_answered(std::string const& id, std::uint64_t serial, Result<ContainerInfo> const& answer) {
  --under_way_;
  auto const found = wishes_.find(id);
  if (found == wishes_.end() || found->second.asked != serial) return ask_next();
  auto& wish = found->second;
  wish.asked.reset();
  if (wish.waiting) turns_.push_back(id);
  auto const outdated = wish.waiting || wish.due;
  if (!outdated) wishes_.erase(found);
  auto const run = std::weak_ptr{run_};
  if (!outdated) on_answer_(id, answer);
  if (!run.expired()) ask_next();
}

} // namespace weave::controller::docker
