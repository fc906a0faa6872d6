#include "base/bytes.hpp"

namespace weave {

Result<std::uint64_t> ByteReader::number(std::size_t width) {
  if (rest_.size() < width) return failure(ErrorKind::malformed, "message is too short");
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < width; ++i) value = value << 8 | rest_[i];
  rest_ = rest_.subspan(width);
  return value;
}

namespace {

template <class T>
Result<T> narrowed(Result<std::uint64_t> const& wide) {
  if (!wide) return failure_of(wide);
  return static_cast<T>(*wide);
}

} // namespace

Result<std::uint8_t> ByteReader::u8() { return narrowed<std::uint8_t>(number(1)); }
Result<std::uint16_t> ByteReader::u16() { return narrowed<std::uint16_t>(number(2)); }
Result<std::uint32_t> ByteReader::u32() { return narrowed<std::uint32_t>(number(4)); }
Result<std::uint64_t> ByteReader::u48() { return number(6); }
Result<std::uint64_t> ByteReader::u64() { return number(8); }

Result<ByteView> ByteReader::take(std::size_t count) {
  if (rest_.size() < count) return failure(ErrorKind::malformed, "message is too short");
  auto const taken = rest_.first(count);
  rest_ = rest_.subspan(count);
  return taken;
}

void ByteWriter::number(std::uint64_t value, std::size_t width) {
  for (std::size_t i = width; i-- > 0;) bytes_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

ByteWriter& ByteWriter::u8(std::uint8_t value) {
  bytes_.push_back(value);
  return *this;
}
ByteWriter& ByteWriter::u16(std::uint16_t value) {
  number(value, 2);
  return *this;
}
ByteWriter& ByteWriter::u32(std::uint32_t value) {
  number(value, 4);
  return *this;
}
ByteWriter& ByteWriter::u48(std::uint64_t value) {
  number(value, 6);
  return *this;
}
ByteWriter& ByteWriter::u64(std::uint64_t value) {
  number(value, 8);
  return *this;
}
ByteWriter& ByteWriter::raw(ByteView bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  return *this;
}
ByteWriter& ByteWriter::raw(std::string_view text) { return raw(as_bytes(text)); }

std::string to_hex(ByteView bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (auto const byte : bytes) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 0xf]);
  }
  return text;
}

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

} // namespace

Result<Bytes> parse_hex(std::string_view text) {
  if (text.size() % 2 != 0) return failure(ErrorKind::malformed, "hex text of odd length");
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    int const high = hex_digit(text[i]);
    int const low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return failure(ErrorKind::malformed, "not a hex digit");
    bytes.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return bytes;
}

} // namespace weave
