#pragma once

#include <cstdint>
#include <optional>

#include "datapath/fastpath/liveness.hpp"

namespace weave::datapath {

/// Heartbeats between two of our own peers. Each says in every heartbeat whether it hears the other, so that both know
/// the state of both directions (as in the asynchronous mode of RFC 5880):
///
///   up = heartbeats come in (the last one is no older than the sender's own statement allows: 1.4 s)
///        and the last one says that ours come in at the other end
///
/// Silence alone may also mean that the peer's daemon does not run, while its kernel forwards as before. So after a
/// second of it we ask over TCP what has been sent: only if heartbeats are missing they do not come in. Without any
/// answer the tunnel gets five seconds.
///
/// A change of what we hear is told at once. Down is unhealthy at once; up again must last for half a second first, for
/// longer each time that it did not last for half a minute afterwards, and 3 s at most. It is established when up for
/// the first time; the confirmation over TCP adds nothing to that and is ignored.
class MutualLiveness final : public Liveness {
 public:
  /// `length` of the heartbeats, for the explanation.
  MutualLiveness(Scheduler& scheduler, std::uint32_t length, LivenessEvents events);

  void start() override;
  void on_heartbeat(Heartbeat const& heartbeat) override;
  void on_confirmed() override {}
  void on_asked() override { events_.answer(sequence_out_); }
  void on_answer(std::uint32_t last_sent) override;
  void interrupt() override;
  [[nodiscard]] std::string explanation() const override;

  static constexpr Duration kInterval = std::chrono::milliseconds{400};
  static constexpr std::uint8_t kMultiplier = 3;
  /// Silence that our own statement allows.
  static constexpr Duration kSilence = kInterval * kMultiplier + kInterval / 2;
  /// Before the end of the silence allowed, and again in this interval.
  static constexpr Duration kAsk = std::chrono::milliseconds{400};
  static constexpr Duration kSilenceWithoutAnswer = std::chrono::seconds{5};
  /// Heartbeats that were sent but have not come in; one may still be on its way.
  static constexpr std::int32_t kMissing = 2;
  /// Bounds for what another peer may state.
  static constexpr Duration kShortestSilence = std::chrono::milliseconds{300};
  static constexpr Duration kLongestSilence = std::chrono::seconds{10};
  static constexpr Duration kFirstHold = std::chrono::milliseconds{500};
  static constexpr Duration kLongestHold = std::chrono::seconds{3};
  static constexpr Duration kStable = std::chrono::seconds{30};

 private:
  void beat();
  void ask();
  void on_silence();
  void stop_hearing();
  void evaluate();
  void on_up();
  void recover();
  void become_unhealthy();
  [[nodiscard]] static Duration allowed_silence(LivenessFields const& fields);

  Scheduler& scheduler_;
  std::uint32_t length_;
  LivenessEvents events_;

  std::uint32_t sequence_out_ = 0;
  std::optional<std::uint32_t> sequence_in_;
  Duration allowed_ = kSilence;
  bool hearing_ = false;
  bool is_silent_ = false;  // for longer than allowed
  bool is_missing_ = false; // heartbeats
  bool heard_by_peer_ = false;
  bool up_ = false;
  bool established_ = false;
  bool healthy_ = true;
  Duration hold_ = kFirstHold;
  std::optional<TimePoint> recovered_;
  WallTime started_{};
  std::optional<WallTime> heard_;
  WallTime changed_{}; // up_, or heard_by_peer_

  Timer beat_;
  Timer ask_;
  Timer verdict_;
  Timer recovery_;
  SilenceTimer silence_;
};

} // namespace weave::datapath
