#pragma once

#include <cstdint>
#include <optional>

#include "datapath/fastpath/liveness.hpp"

namespace weave::datapath {

/// Heartbeats with an original peer (protocol/datapath.md §5.3): every 500 ms until it has confirmed, then every 10 s
/// as it does itself. It is established once our heartbeats are confirmed. Health is judged by what comes in; the loss
/// of our own heartbeats stays unknown, since it confirms only once.
///
/// Two things are faster than in the original, and neither is visible to it as a fault: two heartbeats missing are
/// enough (the original waits for 60 s), and while nothing comes in we send every second, so that it sees sooner that
/// the path has healed.
class OriginalLiveness final : public Liveness {
 public:
  /// `length` of the heartbeats, for the explanation.
  OriginalLiveness(Scheduler& scheduler, std::uint32_t length, LivenessEvents events);

  void start() override;
  void on_heartbeat(Heartbeat const& heartbeat) override;
  void on_confirmed() override;
  void interrupt() override;
  [[nodiscard]] std::string explanation() const override;

  static constexpr Duration kFast = std::chrono::milliseconds{500};
  static constexpr Duration kSlow = std::chrono::seconds{10};
  static constexpr Duration kWhileUnhealthy = std::chrono::seconds{1};
  /// Two heartbeats and a half.
  static constexpr Duration kSilence = std::chrono::seconds{25};

 private:
  [[nodiscard]] Duration interval() const;
  void beat();
  void arm();
  void become_unhealthy();

  Scheduler& scheduler_;
  std::uint32_t length_;
  LivenessEvents events_;
  bool confirmed_ = false;
  bool healthy_ = true;
  WallTime started_{};
  std::optional<WallTime> heard_;
  Timer beat_;
  SilenceTimer silence_;
};

} // namespace weave::datapath
