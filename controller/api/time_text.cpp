#include "controller/api/time_text.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>

#include <fmt/format.h>

namespace weave::controller::api {
namespace {

struct SplitTime {
  std::time_t seconds = 0;
  long nanoseconds = 0;
};

SplitTime split(WallTime time) {
  auto const since = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch());
  auto const seconds = std::chrono::floor<std::chrono::seconds>(since);
  return {static_cast<std::time_t>(seconds.count()), static_cast<long>((since - seconds).count())};
}

/// ".414188223" without trailing zeros, or nothing.
std::string fraction(long nanoseconds) {
  if (nanoseconds == 0) return {};
  auto text = fmt::format(".{:09}", nanoseconds);
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

std::string formatted(std::tm const& time, char const* format) {
  std::array<char, 64> buffer{};
  auto const size = std::strftime(buffer.data(), buffer.size(), format, &time);
  return {buffer.data(), size};
}

std::tm local_time(std::time_t seconds) {
  std::tm result{};
  ::localtime_r(&seconds, &result);
  return result;
}

} // namespace

std::string to_long_text(WallTime time) {
  auto const parts = split(time);
  auto const local = local_time(parts.seconds);
  return formatted(local, "%Y-%m-%d %H:%M:%S") + fraction(parts.nanoseconds) + formatted(local, " %z %Z");
}

std::string to_short_text(WallTime time) { return formatted(local_time(split(time).seconds), "%Y/%m/%d %H:%M:%S"); }

std::string to_rfc3339(WallTime time) {
  auto const parts = split(time);
  std::tm utc{};
  ::gmtime_r(&parts.seconds, &utc);
  return formatted(utc, "%Y-%m-%dT%H:%M:%S") + fraction(parts.nanoseconds) + "Z";
}

Result<WallTime> parse_rfc3339(std::string_view text) {
  auto const bad = [&] { return failure(ErrorKind::malformed, fmt::format("invalid time: \"{}\"", text)); };
  std::string const copy{text};
  std::tm utc{};
  auto const* rest = ::strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &utc);
  if (rest == nullptr) return bad();
  long nanoseconds = 0;
  if (*rest == '.') {
    long scale = 100'000'000;
    for (++rest; *rest >= '0' && *rest <= '9'; ++rest, scale /= 10) nanoseconds += (*rest - '0') * scale;
  }
  if (std::string_view{rest} != "Z") return bad();
  std::chrono::seconds const whole{::timegm(&utc)};
  if (std::chrono::abs(whole) >= std::chrono::duration_cast<std::chrono::seconds>(WallTime::duration::max()))
    return bad();
  auto const since = whole + std::chrono::nanoseconds{nanoseconds};
  return WallTime{std::chrono::duration_cast<WallTime::duration>(since)};
}

} // namespace weave::controller::api
