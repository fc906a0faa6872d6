#include "datapath/fastpath/liveness.hpp"

#include <ctime>

#include <fmt/format.h>

namespace weave::datapath {

std::string since_text(WallTime since, WallTime now) {
  constexpr auto kRecent = std::chrono::hours{12};
  auto const seconds = std::chrono::system_clock::to_time_t(since);
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  auto const time = fmt::format("{:02}:{:02}:{:02}", parts.tm_hour, parts.tm_min, parts.tm_sec);
  if (now - since < kRecent) return time;
  return fmt::format("{}-{:02}-{:02} {}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, time);
}

void SilenceTimer::restart(Duration allowed) {
  auto const due = scheduler_.now() + allowed;
  timer_ = scheduler_.after(allowed, [this, due] { expired(due); });
}

void SilenceTimer::expired(TimePoint due) {
  if (scheduler_.now() - due <= kLate) return on_silence_();
  timer_ = scheduler_.after(kExtension, [this] { on_silence_(); });
}

} // namespace weave::datapath
