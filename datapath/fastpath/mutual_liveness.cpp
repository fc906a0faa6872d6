#include "datapath/fastpath/mutual_liveness.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace weave::datapath {
namespace {

/// Older than or the same as one that has been seen, also across the wrap.
bool is_stale(std::uint32_t sequence, std::uint32_t seen) { return static_cast<std::int32_t>(sequence - seen) <= 0; }

} // namespace

MutualLiveness::MutualLiveness(Scheduler& scheduler, std::uint32_t length, LivenessEvents events)
    : scheduler_{scheduler}, length_{length}, events_{std::move(events)}, silence_{scheduler, [this] {
                                                                                     on_silence();
                                                                                   }} {}

void MutualLiveness::start() {
  started_ = changed_ = scheduler_.wall_now();
  verdict_ = scheduler_.after(kSilence, [this] {
    if (!up_) become_unhealthy();
  });
  beat();
}

void MutualLiveness::on_heartbeat(Heartbeat const& heartbeat) {
  if (auto const& fields = heartbeat.liveness) {
    if (sequence_in_ && is_stale(fields->sequence, *sequence_in_)) return;
    sequence_in_ = fields->sequence;
    allowed_ = allowed_silence(*fields);
    if (std::exchange(heard_by_peer_, fields->hears_you) != fields->hears_you) changed_ = scheduler_.wall_now();
  }
  heard_ = scheduler_.wall_now();
  is_silent_ = is_missing_ = false;
  silence_.restart(allowed_);
  ask_ = scheduler_.after(std::max(allowed_ - kAsk, allowed_ / 2), [this] { ask(); });
  if (!std::exchange(hearing_, true)) beat();
  evaluate();
}

void MutualLiveness::on_answer(std::uint32_t last_sent) {
  if (!hearing_ || !sequence_in_ || static_cast<std::int32_t>(last_sent - *sequence_in_) < kMissing) return;
  is_missing_ = true;
  if (is_silent_) stop_hearing();
}

void MutualLiveness::interrupt() {
  silence_.stop();
  ask_.reset();
  hearing_ = up_ = heard_by_peer_ = false;
  recovery_.reset();
  become_unhealthy();
}

std::string MutualLiveness::explanation() const {
  if (healthy_ && established_) return {};
  auto const now = scheduler_.wall_now();
  if (!heard_) {
    return fmt::format("vxlan heartbeat of {} bytes not answered since {}", length_, since_text(started_, now));
  }
  if (!hearing_) return fmt::format("no vxlan heartbeat from the peer since {}", since_text(*heard_, now));
  auto const changed = since_text(changed_, now);
  if (!heard_by_peer_) {
    return fmt::format("peer does not receive our vxlan heartbeats of {} bytes since {}", length_, changed);
  }
  return fmt::format("vxlan works again since {} and is about to be used", changed);
}

void MutualLiveness::beat() {
  beat_ = scheduler_.after(kInterval, [this] { beat(); });
  constexpr auto kMilliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(kInterval).count();
  events_.transmit(LivenessFields{.sequence = ++sequence_out_,
                                  .interval_ms = static_cast<std::uint16_t>(kMilliseconds),
                                  .multiplier = kMultiplier,
                                  .hears_you = hearing_});
}

void MutualLiveness::ask() {
  ask_ = scheduler_.after(kAsk, [this] { ask(); });
  events_.ask();
}

void MutualLiveness::on_silence() {
  // The second time there has not been an answer.
  if (is_missing_ || std::exchange(is_silent_, true)) return stop_hearing();
  silence_.restart(std::max<Duration>(kSilenceWithoutAnswer - allowed_, kAsk));
}

void MutualLiveness::stop_hearing() {
  silence_.stop();
  ask_.reset();
  hearing_ = false;
  beat();
  evaluate();
}

void MutualLiveness::evaluate() {
  bool const now_up = hearing_ && heard_by_peer_;
  if (std::exchange(up_, now_up) == now_up) return;
  if (now_up) return on_up();
  recovery_.reset();
  if (established_) become_unhealthy();
}

void MutualLiveness::on_up() {
  changed_ = scheduler_.wall_now();
  bool const is_first = !std::exchange(established_, true);
  if (is_first && !std::exchange(healthy_, true)) events_.health(true);
  if (is_first) return events_.established();
  if (!healthy_) recovery_ = scheduler_.after(hold_, [this] { recover(); });
}

void MutualLiveness::recover() {
  healthy_ = true;
  recovered_ = scheduler_.now();
  events_.health(true);
}

void MutualLiveness::become_unhealthy() {
  if (!std::exchange(healthy_, false)) return;
  bool const lasted = !recovered_ || scheduler_.now() - *recovered_ >= kStable;
  hold_ = lasted ? kFirstHold : std::min(hold_ * 2, kLongestHold);
  events_.health(false);
}

Duration MutualLiveness::allowed_silence(LivenessFields const& fields) {
  auto const interval = std::chrono::milliseconds{fields.interval_ms};
  return std::clamp<Duration>(interval * fields.multiplier + interval / 2, kShortestSilence, kLongestSilence);
}

} // namespace weave::datapath
