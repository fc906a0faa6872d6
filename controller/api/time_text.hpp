#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/scheduler.hpp"

namespace weave::controller::api {

/// `2026-11-24 04:00:43.414188223 +0000 UTC`, local time, fraction without trailing zeros.
[[nodiscard]] std::string to_long_text(WallTime time);
/// `2026/11/24 04:00:43`, local time.
[[nodiscard]] std::string to_short_text(WallTime time);
/// `2026-11-24T04:00:43.414188223Z`, fraction without trailing zeros.
[[nodiscard]] std::string to_rfc3339(WallTime time);
/// UTC only, as to_rfc3339 writes it. malformed: another text, or a time before 1678 or after 2261, which WallTime
/// cannot hold.
[[nodiscard]] Result<WallTime> parse_rfc3339(std::string_view text);

} // namespace weave::controller::api
