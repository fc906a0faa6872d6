#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "base/scheduler.hpp"
#include "controller/docker/container_engine.hpp"

namespace weave::controller::docker {

/// Keeps an engine's event stream open: opens it anew when it ends, with growing pauses, from the last event on. An
/// engine forgets its events when it restarts and keeps only some hundred, so that after each opening the truth has to
/// be looked at. Control thread; the engine and the scheduler must outlive it. A handler may call stop(), but not
/// destroy the follower.
class EventFollower {
 public:
  struct Pauses {
    Duration first = std::chrono::seconds{1};
    Duration longest = std::chrono::seconds{20};
    /// Finding nobody at the socket costs nothing.
    Duration longest_without_engine = std::chrono::seconds{3};
  };
  struct Handlers {
    std::function<void()> on_connected;
    std::function<void(EngineEvent const&)> on_event; ///< each once, in order
    std::function<void(Error const&)> on_unreadable;  ///< an event was not understood
    std::function<void(Error const&)> on_lost;        ///< also when it could not be opened
  };

  EventFollower(Scheduler& scheduler, ContainerEngine& engine, Pauses pauses, Handlers handlers);
  EventFollower(EventFollower const&) = delete;
  EventFollower& operator=(EventFollower const&) = delete;
  ~EventFollower() { stop(); }

  void start();
  void stop();
  /// For who sees that the engine does not answer: as if the stream had ended.
  void give_up(Error const& reason);

 private:
  void connect();
  void on_event(Result<EngineEvent> const& event);

  Scheduler& scheduler_;
  ContainerEngine& engine_;
  Pauses pauses_;
  Handlers handlers_;
  Duration pause_{};
  std::optional<TimePoint> opened_;
  std::optional<EngineEvent> last_;
  Timer timer_;
  std::shared_ptr<int> attempt_; ///< replaced by each attempt, so that earlier streams are not heard
};

} // namespace weave::controller::docker
