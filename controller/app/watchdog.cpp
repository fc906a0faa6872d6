#include "controller/app/watchdog.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

namespace weave::controller {
namespace {

/// What is longer is as good as never, and fits into every unit.
constexpr std::chrono::hours kLongest{24};

std::optional<std::int64_t> number_from(char const* variable) {
  char const* const text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  std::int64_t number = 0;
  auto const* const end = text + std::strlen(text);
  auto const parsed = std::from_chars(text, end, number);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return number;
}

} // namespace

std::optional<Duration> Watchdog::limit_of_process() {
  auto const limit = number_from("WATCHDOG_USEC");
  if (!limit || *limit <= 0) return std::nullopt;
  if (std::getenv("WATCHDOG_PID") != nullptr && number_from("WATCHDOG_PID") != ::getpid()) return std::nullopt;
  return std::chrono::microseconds{std::min<std::int64_t>(*limit, std::chrono::microseconds{kLongest}.count())};
}

void Watchdog::start() {
  due_ = scheduler_.now();
  give_sign();
}

void Watchdog::give_sign() {
  auto const now = scheduler_.now();
  if (auto const late = now - due_; late >= kHeldUp) {
    logger_.warning("weaver was held up for {:.1f} s: this host is overloaded, its disk is slow, or it was suspended",
                    std::chrono::duration<double>{late}.count());
  }
  if (limit_) notify_("WATCHDOG=1");
  due_ = now + interval();
  timer_ = scheduler_.after(interval(), [this] { give_sign(); });
}

} // namespace weave::controller
