#include "base/async/asio_scheduler.hpp"

#include <algorithm>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace weave {

TimePoint AsioScheduler::now() const { return std::chrono::steady_clock::now(); }

WallTime AsioScheduler::wall_now() const { return std::chrono::system_clock::now(); }

Timer AsioScheduler::after(Duration delay, std::function<void()> call) {
  struct Pending {
    boost::asio::steady_timer timer;
    bool cancelled = false;
  };
  auto pending = std::make_shared<Pending>(boost::asio::steady_timer{executor_});
  pending->timer.expires_after(std::max(delay, Duration::zero()));
  // An expiry that is already queued cannot be cancelled through the timer any more, hence the flag.
  pending->timer.async_wait([pending, call = std::move(call)](boost::system::error_code const& error) {
    if (!error && !pending->cancelled) call();
  });
  return Timer{[weak = std::weak_ptr{pending}] {
    if (auto const held = weak.lock()) {
      held->cancelled = true;
      held->timer.cancel();
    }
  }};
}

void AsioScheduler::post(std::function<void()> call) { boost::asio::post(executor_, std::move(call)); }

} // namespace weave
