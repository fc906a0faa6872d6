#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace weave {

/// A peer's name: 48 bits, written like a MAC address, ordered numerically (protocol/mesh.md §1.1).
/// Value 0 is the "unknown" sentinel and never a real peer.
class PeerName {
 public:
  constexpr PeerName() = default;
  /// Bits above the lower 48 are dropped.
  constexpr explicit PeerName(std::uint64_t value) : value_{value & 0xffff'ffff'ffffULL} {}

  /// Six groups of 1-2 hex digits, or a shortened form with one `::` and 1-4 groups.
  /// Error text: `invalid peer name format: "<input>"`.
  [[nodiscard]] static Result<PeerName> parse(std::string_view text);

  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }
  [[nodiscard]] constexpr bool is_unknown() const { return value_ == 0; }
  /// Most significant byte first.
  [[nodiscard]] std::array<std::uint8_t, 6> bytes() const;
  /// Lower-case colon form, 17 characters.
  [[nodiscard]] std::string to_string() const;

  friend constexpr auto operator<=>(PeerName, PeerName) = default;

 private:
  std::uint64_t value_ = 0;
};

inline constexpr PeerName kUnknownPeer{};

/// Tells incarnations of one peer name apart; random and non-zero in every process, 0 for placeholders (mesh.md §1.2).
enum class PeerUid : std::uint64_t {};
/// XOR of both ends' connection ids; equal at both ends, new for each TCP connection (mesh.md §1.2).
enum class ConnectionUid : std::uint64_t {};
/// 12-bit number of a peer in fast datapath tunnel ids (mesh.md §1.3, §12).
enum class ShortId : std::uint16_t {};
inline constexpr std::uint16_t kShortIdMax = 4095;

} // namespace weave

template <>
struct std::hash<weave::PeerName> {
  std::size_t operator()(weave::PeerName name) const noexcept { return std::hash<std::uint64_t>{}(name.value()); }
};
