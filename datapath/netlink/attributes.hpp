#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace weave::datapath::netlink {

/// One attribute: its number without the two flag bits, and its payload. Refers to the message it was read from.
struct Attribute {
  std::uint16_t type = 0;
  ByteView payload;
};

/// Walks the attributes of a message or nest front to back. Every length is checked before it is followed; padding may
/// be missing behind the last one.
class AttributeCursor {
 public:
  explicit AttributeCursor(ByteView bytes) : rest_{bytes} {}

  /// None at the end; malformed when a length does not fit.
  [[nodiscard]] Result<std::optional<Attribute>> next();

 private:
  ByteView rest_;
};

[[nodiscard]] Result<std::vector<Attribute>> parse_attributes(ByteView bytes);

/// The number at the front of a payload in this machine's byte order; malformed when it is too short.
template <class T>
[[nodiscard]] Result<T> read_number(ByteView payload) {
  static_assert(std::is_unsigned_v<T>);
  if (payload.size() < sizeof(T)) return failure(ErrorKind::malformed, "netlink attribute is too short");
  T value = 0;
  std::memcpy(&value, payload.data(), sizeof value);
  return value;
}

/// Text up to the first zero byte or the end.
[[nodiscard]] std::string_view read_text(ByteView payload);

/// The attributes of one level by number. Of a number that comes twice the last counts; numbers from kCount on, which
/// we do not know, are passed over.
template <std::size_t kCount>
class AttributeTable {
 public:
  [[nodiscard]] static Result<AttributeTable> parse(ByteView bytes) {
    AttributeTable table;
    AttributeCursor cursor{bytes};
    for (;;) {
      auto attribute = cursor.next();
      if (!attribute) return failure_of(attribute);
      if (!*attribute) return table;
      if ((*attribute)->type < kCount) table.found_[(*attribute)->type] = (*attribute)->payload;
    }
  }

  [[nodiscard]] std::optional<ByteView> find(std::size_t type) const { return found_[type]; }
  /// None when it is absent or too short.
  template <class T>
  [[nodiscard]] std::optional<T> number(std::size_t type) const {
    if (!found_[type]) return {};
    auto const value = read_number<T>(*found_[type]);
    return value ? std::optional<T>{*value} : std::nullopt;
  }

 private:
  std::array<std::optional<ByteView>, kCount> found_{};
};

} // namespace weave::datapath::netlink
