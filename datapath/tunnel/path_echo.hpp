#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "datapath/packet/byte_order.hpp"

namespace weave::datapath {

/// What a probe of a path says about those that came the other way, so that their sender learns how long they took and
/// how many are lost. On the wire, all big-endian:
///
///   0 sequence (4)   4 held, µs; all ones: none has come in (4)   8 lost (2)   10 zero (2)
struct PathEcho {
  /// Of the last probe that has come in …
  std::uint32_t sequence = 0;
  /// … so many microseconds before this one left.
  std::uint32_t held = 0;
  /// Of 10,000 of the last probes so many have not come in.
  std::uint16_t lost = 0;

  static constexpr std::uint16_t kAll = 10'000;

  friend bool operator==(PathEcho const&, PathEcho const&) = default;
};

inline constexpr std::size_t kPathEchoSize = 12;

/// `to` has kPathEchoSize bytes or more.
void encode_path_echo(MutableBytes to, std::optional<PathEcho> const& echo);
/// Absent also if there are too few bytes, or if more are lost than there can be.
[[nodiscard]] std::optional<PathEcho> decode_path_echo(ByteView from);

} // namespace weave::datapath
