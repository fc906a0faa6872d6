#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/scheduler.hpp"
#include "datapath/fastpath/heartbeat.hpp"

namespace weave::datapath {

/// What a Liveness asks for and reports; may be called inside its methods.
struct LivenessEvents {
  /// Send a heartbeat with these fields.
  std::function<void(std::optional<LivenessFields> const& fields)> transmit;
  /// The tunnel has been seen to work; once.
  std::function<void()> established;
  /// Only changes; it starts healthy.
  std::function<void(bool healthy)> health;
  /// Ask the peer over TCP for the sequence number of its last heartbeat, and tell it that of ours.
  std::function<void()> ask = {};
  std::function<void(std::uint32_t last_sent)> answer = {};
};

/// When heartbeats are sent on one connection and what their absence means: one implementation for original peers, one
/// for our own. Destroying it stops it. Control thread only.
class Liveness {
 public:
  virtual ~Liveness() = default;

  /// Begins to send. Once, before anything else.
  virtual void start() = 0;
  /// A valid heartbeat of this connection has come in.
  virtual void on_heartbeat(Heartbeat const& heartbeat) = 0;
  /// The remote has told over TCP that our first heartbeat has arrived.
  virtual void on_confirmed() = 0;
  /// The remote asks, or has answered, over TCP.
  virtual void on_asked() {}
  virtual void on_answer(std::uint32_t last_sent) {}
  /// What has come in so far does not count any more: the tunnel is unhealthy until it has been seen to work again.
  virtual void interrupt() = 0;
  /// Why the tunnel is not to be used, for people; empty if it is established and healthy.
  [[nodiscard]] virtual std::string explanation() const = 0;
};

/// Local time of the day, with the date if that is not recent.
[[nodiscard]] std::string since_text(WallTime since, WallTime now);

/// Calls back when nothing has been heard for some time. If this process itself has not run when the time was up, what
/// came in meanwhile waits unread: then it waits a little longer, once.
class SilenceTimer {
 public:
  SilenceTimer(Scheduler& scheduler, std::function<void()> on_silence)
      : scheduler_{scheduler}, on_silence_{std::move(on_silence)} {}

  void restart(Duration allowed);
  void stop() { timer_.reset(); }

  /// A call that is later than this came late because of us.
  static constexpr Duration kLate = std::chrono::milliseconds{150};
  static constexpr Duration kExtension = std::chrono::milliseconds{100};

 private:
  void expired(TimePoint due);

  Scheduler& scheduler_;
  std::function<void()> on_silence_;
  Timer timer_;
};

} // namespace weave::datapath
