#include "datapath/tunnel/path_echo.hpp"

#include <algorithm>
#include <limits>

namespace weave::datapath {
namespace {

constexpr std::size_t kSequenceAt = 0;
constexpr std::size_t kHeldAt = 4;
constexpr std::size_t kLostAt = 8;
constexpr auto kNothing = std::numeric_limits<std::uint32_t>::max();

} // namespace

void encode_path_echo(MutableBytes to, std::optional<PathEcho> const& echo) {
  std::ranges::fill(to.first(kPathEchoSize), std::uint8_t{0});
  store_u32(to, kHeldAt, kNothing);
  if (!echo) return;
  store_u32(to, kSequenceAt, echo->sequence);
  store_u32(to, kHeldAt, std::min(echo->held, kNothing - 1));
  store_u16(to, kLostAt, echo->lost);
}

std::optional<PathEcho> decode_path_echo(ByteView from) {
  if (from.size() < kPathEchoSize) return std::nullopt;
  PathEcho const echo{
      .sequence = load_u32(from, kSequenceAt), .held = load_u32(from, kHeldAt), .lost = load_u16(from, kLostAt)};
  if (echo.held == kNothing || echo.lost > PathEcho::kAll) return std::nullopt;
  return echo;
}

} // namespace weave::datapath
