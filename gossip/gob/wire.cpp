#include "gossip/gob/wire.hpp"

#include <bit>

#include <fmt/format.h>

namespace weave::gossip::gob {

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::boolean: return "bool";
    case Kind::integer: return "int";
    case Kind::unsigned_integer: return "uint";
    case Kind::floating: return "float";
    case Kind::bytes: return "bytes";
    case Kind::string: return "string";
    case Kind::complex: return "complex";
    case Kind::interface: return "interface";
    case Kind::array: return "array";
    case Kind::slice: return "slice";
    case Kind::structure: return "struct";
    case Kind::map: return "map";
    case Kind::opaque: return "marshalled value";
  }
  return "unknown";
}

std::unexpected<Error> unexpected_end() { return failure(ErrorKind::malformed, "unexpected EOF"); }

std::unexpected<Error> bad_data(std::string_view reason) {
  return failure(ErrorKind::malformed, fmt::format("gob: {}", reason));
}

Result<std::uint64_t> WireReader::unsigned_integer() {
  if (rest_.empty()) return unexpected_end();
  std::uint8_t const first = rest_[0];
  if (first <= 0x7f) {
    rest_ = rest_.subspan(1);
    return first;
  }
  std::size_t const width = 256U - first;
  if (width > 8) return bad_data("encoded unsigned integer out of range");
  if (rest_.size() < 1 + width) return unexpected_end();
  std::uint64_t value = 0;
  for (std::size_t i = 1; i <= width; ++i) value = value << 8 | rest_[i];
  rest_ = rest_.subspan(1 + width);
  return value;
}

Result<std::int64_t> WireReader::integer() {
  auto const folded = unsigned_integer();
  if (!folded) return failure_of(folded);
  auto const magnitude = std::bit_cast<std::int64_t>(*folded >> 1);
  return (*folded & 1) != 0 ? ~magnitude : magnitude;
}

Result<bool> WireReader::boolean() {
  auto const value = unsigned_integer();
  if (!value) return failure_of(value);
  return *value != 0;
}

Result<double> WireReader::floating() {
  auto const reversed = unsigned_integer();
  if (!reversed) return failure_of(reversed);
  return std::bit_cast<double>(__builtin_bswap64(*reversed));
}

Result<ByteView> WireReader::bytes() {
  auto const length = unsigned_integer();
  if (!length) return failure_of(length);
  if (*length > rest_.size()) return unexpected_end();
  auto const taken = rest_.first(static_cast<std::size_t>(*length));
  rest_ = rest_.subspan(taken.size());
  return taken;
}

Result<std::size_t> WireReader::count(std::size_t octets_each) {
  auto const number = unsigned_integer();
  if (!number) return failure_of(number);
  if (*number > rest_.size() / octets_each) return unexpected_end();
  return static_cast<std::size_t>(*number);
}

void WireWriter::unsigned_integer(std::uint64_t value) {
  if (value <= 0x7f) {
    bytes_.push_back(static_cast<std::uint8_t>(value));
    return;
  }
  auto const width = static_cast<std::size_t>(8 - std::countl_zero(value) / 8);
  bytes_.push_back(static_cast<std::uint8_t>(256U - width));
  for (std::size_t i = width; i-- > 0;) bytes_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

void WireWriter::integer(std::int64_t value) {
  auto const bits = std::bit_cast<std::uint64_t>(value);
  unsigned_integer(value < 0 ? (~bits << 1 | 1) : bits << 1);
}

void WireWriter::floating(double value) { unsigned_integer(__builtin_bswap64(std::bit_cast<std::uint64_t>(value))); }

void WireWriter::bytes(ByteView bytes) {
  unsigned_integer(bytes.size());
  raw(bytes);
}

} // namespace weave::gossip::gob
