#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "base/bytes.hpp"

namespace weave::fuzz {

/// Reads what a target needs from the front of a fuzzer's input; a short input yields zeros and empty bytes, never an
/// error. Bytes are handed out as copies of their exact size, so that the sanitizer sees a read beyond their end.
/// A conversation is a list of records: operation (1) | length (2, big-endian) | content; make_corpus.py writes the
/// same.
class FuzzInput {
 public:
  FuzzInput(std::uint8_t const* data, std::size_t size) : rest_{data, size} {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  [[nodiscard]] std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  [[nodiscard]] std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  [[nodiscard]] std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  [[nodiscard]] std::uint64_t u64() { return number(8); }
  [[nodiscard]] Bytes take(std::size_t count) {
    auto const part = rest_.first(std::min(count, rest_.size()));
    rest_ = rest_.subspan(part.size());
    return Bytes(part.begin(), part.end());
  }
  [[nodiscard]] Bytes rest() { return take(rest_.size()); }

  struct Record {
    std::uint8_t operation = 0;
    Bytes content;
  };
  [[nodiscard]] Record record() {
    Record record{.operation = u8(), .content = {}};
    record.content = take(u16());
    return record;
  }

 private:
  [[nodiscard]] std::uint64_t number(std::size_t width) {
    std::uint64_t value = 0;
    for (auto const byte : take(width)) value = value << 8 | byte;
    return value;
  }

  ByteView rest_;
};

/// A property that must hold whatever the input; ends the process so that the fuzzer keeps the input.
inline void demand(bool holds, char const* what) {
  if (holds) return;
  std::fprintf(stderr, "FAILED: %s\n", what);
  std::abort();
}

} // namespace weave::fuzz
