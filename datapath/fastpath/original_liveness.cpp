#include "datapath/fastpath/original_liveness.hpp"

#include <utility>

#include <fmt/format.h>

namespace weave::datapath {

OriginalLiveness::OriginalLiveness(Scheduler& scheduler, std::uint32_t length, LivenessEvents events)
    : scheduler_{scheduler}, length_{length}, events_{std::move(events)}, silence_{scheduler, [this] {
                                                                                     become_unhealthy();
                                                                                   }} {}

void OriginalLiveness::start() {
  started_ = scheduler_.wall_now();
  silence_.restart(kSilence);
  beat();
}

void OriginalLiveness::on_heartbeat(Heartbeat const&) {
  heard_ = scheduler_.wall_now();
  silence_.restart(kSilence);
  if (std::exchange(healthy_, true)) return;
  arm();
  events_.health(true);
}

void OriginalLiveness::on_confirmed() {
  if (std::exchange(confirmed_, true)) return;
  arm();
  events_.established();
}

void OriginalLiveness::interrupt() {
  silence_.stop();
  become_unhealthy();
}

std::string OriginalLiveness::explanation() const {
  if (healthy_ && confirmed_) return {};
  auto const now = scheduler_.wall_now();
  if (!healthy_ && heard_) return fmt::format("no vxlan heartbeat from the peer since {}", since_text(*heard_, now));
  return fmt::format("vxlan heartbeat of {} bytes not answered since {}", length_, since_text(started_, now));
}

Duration OriginalLiveness::interval() const {
  if (!healthy_) return kWhileUnhealthy;
  return confirmed_ ? kSlow : kFast;
}

void OriginalLiveness::beat() {
  arm();
  events_.transmit(std::nullopt);
}

void OriginalLiveness::arm() {
  beat_ = scheduler_.after(interval(), [this] { beat(); });
}

void OriginalLiveness::become_unhealthy() {
  if (!std::exchange(healthy_, false)) return;
  arm();
  events_.health(false);
}

} // namespace weave::datapath
