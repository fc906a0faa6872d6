#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace weave {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<std::uint8_t const>;

/// Reads a wire message front to back by shrinking a view. Integers are big-endian. Every read is checked; a short
/// input yields ErrorKind::malformed and leaves the position where it was. Does not own the bytes.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : rest_{bytes} {}

  [[nodiscard]] std::size_t remaining() const { return rest_.size(); }
  [[nodiscard]] bool empty() const { return rest_.empty(); }
  [[nodiscard]] ByteView rest() const { return rest_; }

  [[nodiscard]] Result<std::uint8_t> u8();
  [[nodiscard]] Result<std::uint16_t> u16();
  [[nodiscard]] Result<std::uint32_t> u32();
  [[nodiscard]] Result<std::uint64_t> u48();
  [[nodiscard]] Result<std::uint64_t> u64();
  /// A view of the next `count` bytes, valid as long as the input.
  [[nodiscard]] Result<ByteView> take(std::size_t count);

 private:
  [[nodiscard]] Result<std::uint64_t> number(std::size_t width);

  ByteView rest_;
};

/// Appends to a growing byte vector that it owns. Integers are written big-endian.
class ByteWriter {
 public:
  ByteWriter& u8(std::uint8_t value);
  ByteWriter& u16(std::uint16_t value);
  ByteWriter& u32(std::uint32_t value);
  ByteWriter& u48(std::uint64_t value);
  ByteWriter& u64(std::uint64_t value);
  ByteWriter& raw(ByteView bytes);
  ByteWriter& raw(std::string_view text);

  [[nodiscard]] Bytes const& bytes() const { return bytes_; }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] Bytes take() { return std::move(bytes_); }

 private:
  void number(std::uint64_t value, std::size_t width);

  Bytes bytes_;
};

/// Lower-case hex without separators.
[[nodiscard]] std::string to_hex(ByteView bytes);
/// Accepts either case; an odd length or another character is malformed.
[[nodiscard]] Result<Bytes> parse_hex(std::string_view text);

[[nodiscard]] inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<std::uint8_t const*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

} // namespace weave
