#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

namespace weave::plugin {

/// Runs tasks of one key one after the other, tasks of different keys independently. Control thread. A task calls the
/// function it is given when it has finished, possibly inside itself; forgetting to would block its key. Tasks waiting
/// when the queue is destroyed never run.
class KeyedQueue {
 public:
  using Finished = std::function<void()>;
  using Task = std::function<void(Finished)>;

  void run(std::string const& key, Task task) {
    auto& waiting = (*lanes_)[key];
    waiting.push_back(std::move(task));
    if (waiting.size() == 1) run_first(lanes_, key);
  }
  /// Keys with a task running.
  [[nodiscard]] std::size_t busy() const { return lanes_->size(); }

 private:
  using Lanes = std::map<std::string, std::deque<Task>>;

  static void run_first(std::shared_ptr<Lanes> const& lanes, std::string const& key) {
    auto const task = lanes->at(key).front();
    task([weak = std::weak_ptr{lanes}, key] {
      auto const held = weak.lock();
      if (!held) return;
      auto const lane = held->find(key);
      if (lane == held->end()) return;
      lane->second.pop_front();
      if (lane->second.empty()) {
        held->erase(lane);
      } else {
        run_first(held, key);
      }
    });
  }

  std::shared_ptr<Lanes> lanes_ = std::make_shared<Lanes>();
};

} // namespace weave::plugin
