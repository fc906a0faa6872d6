#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/scheduler.hpp"
#include "controller/docker/container_engine.hpp"

namespace weave::controller::docker {

/// Looks at containers, each for many wishes at once, and only a few at a time. An answer that is older than the last
/// wish is thrown away and asked for again, so what is handed on is no older than the events one knows. Control thread;
/// the engine and the scheduler must outlive it. `on_answer` may call anything here.
class InspectionQueue {
 public:
  using OnAnswer = std::function<void(std::string const& id, Result<ContainerInfo> const& answer)>;

  InspectionQueue(Scheduler& scheduler, ContainerEngine& engine, std::size_t at_once, OnAnswer on_answer);
  InspectionQueue(InspectionQueue const&) = delete;
  InspectionQueue& operator=(InspectionQueue const&) = delete;

  /// At the latest after `delay` (and when its turn comes).
  void want(std::string const& id, Duration delay);
  /// No answer for this container any more.
  void drop(std::string const& id) { wishes_.erase(id); }
  void clear();
  [[nodiscard]] bool empty() const { return wishes_.empty(); }

 private:
  struct Wish {
    Timer timer;
    std::optional<TimePoint> due;       ///< the timer runs
    std::optional<std::uint64_t> asked; ///< under way
    bool waiting = false;               ///< for its turn
  };

  void on_due(std::string const& id);
  void ask_next();
  void ask(std::string const& id, Wish& wish);
  void on_answered(std::string const& id, std::uint64_t serial, Result<ContainerInfo> const& answer);

  Scheduler& scheduler_;
  ContainerEngine& engine_;
  std::size_t at_once_;
  OnAnswer on_answer_;
  std::map<std::string, Wish> wishes_;
  std::deque<std::string> turns_;
  std::size_t under_way_ = 0;
  std::uint64_t serial_ = 0;
  std::shared_ptr<int> run_ = std::make_shared<int>(0); ///< replaced by clear(), so that earlier answers are not heard
};

} // namespace weave::controller::docker
