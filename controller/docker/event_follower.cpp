#include "controller/docker/event_follower.hpp"

#include <algorithm>
#include <utility>

namespace weave::controller::docker {

EventFollower::EventFollower(Scheduler& scheduler, ContainerEngine& engine, Pauses pauses, Handlers handlers)
    : scheduler_{scheduler}, engine_{engine}, pauses_{pauses}, handlers_{std::move(handlers)} {}

void EventFollower::start() {
  stop();
  pause_ = pauses_.first;
  connect();
}

void EventFollower::stop() {
  timer_.reset();
  opened_.reset();
  if (std::exchange(attempt_, nullptr)) engine_.stop_following();
}

void EventFollower::connect() {
  attempt_ = std::make_shared<int>(0);
  auto const since = last_ ? std::optional{last_->time} : std::nullopt;
  engine_.follow_events(since, {.on_open =
                                    [this, attempt = std::weak_ptr{attempt_}] {
                                      if (attempt.expired()) return;
                                      opened_ = scheduler_.now();
                                      handlers_.on_connected();
                                    },
                                .on_event =
                                    [this, attempt = std::weak_ptr{attempt_}](Result<EngineEvent> const& event) {
                                      if (!attempt.expired()) on_event(event);
                                    },
                                .on_end =
                                    [this, attempt = std::weak_ptr{attempt_}](Error const& reason) {
                                      if (!attempt.expired()) give_up(reason);
                                    }});
}

void EventFollower::on_event(Result<EngineEvent> const& event) {
  if (!event) return handlers_.on_unreadable(event.error());
  if (last_ && *last_ == *event) return; // `since` includes the last one
  if (event->time.count() > 0) last_ = *event;
  handlers_.on_event(*event);
}

void EventFollower::give_up(Error const& reason) {
  auto const opened = std::exchange(opened_, std::nullopt);
  auto const lived = opened ? scheduler_.now() - *opened : Duration::zero();
  stop();
  if (lived > pause_) pause_ = pauses_.first;
  auto const absent = !opened && reason.kind() == ErrorKind::unavailable;
  auto const pause = std::min(pause_, absent ? pauses_.longest_without_engine : pauses_.longest);
  pause_ = std::min(pause_ * 3 / 2, pauses_.longest);
  timer_ = scheduler_.after(pause, [this] { connect(); });
  handlers_.on_lost(reason);
}

} // namespace weave::controller::docker
