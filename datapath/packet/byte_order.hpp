#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bytes.hpp"

namespace weave::datapath {

using MutableBytes = std::span<std::uint8_t>;

// Big-endian loads and stores at `offset`; the caller has checked that the bytes exist.

[[nodiscard]] inline std::uint16_t load_u16(ByteView bytes, std::size_t offset) {
  return static_cast<std::uint16_t>(bytes[offset] << 8 | bytes[offset + 1]);
}
[[nodiscard]] inline std::uint32_t load_u32(ByteView bytes, std::size_t offset) {
  return static_cast<std::uint32_t>(load_u16(bytes, offset)) << 16 | load_u16(bytes, offset + 2);
}
[[nodiscard]] inline std::uint64_t load_u48(ByteView bytes, std::size_t offset) {
  return static_cast<std::uint64_t>(load_u16(bytes, offset)) << 32 | load_u32(bytes, offset + 2);
}
[[nodiscard]] inline std::uint64_t load_u64(ByteView bytes, std::size_t offset) {
  return static_cast<std::uint64_t>(load_u32(bytes, offset)) << 32 | load_u32(bytes, offset + 4);
}

inline void store_u16(MutableBytes bytes, std::size_t offset, std::uint16_t value) {
  bytes[offset] = static_cast<std::uint8_t>(value >> 8);
  bytes[offset + 1] = static_cast<std::uint8_t>(value);
}
inline void store_u32(MutableBytes bytes, std::size_t offset, std::uint32_t value) {
  store_u16(bytes, offset, static_cast<std::uint16_t>(value >> 16));
  store_u16(bytes, offset + 2, static_cast<std::uint16_t>(value));
}
inline void store_u48(MutableBytes bytes, std::size_t offset, std::uint64_t value) {
  store_u16(bytes, offset, static_cast<std::uint16_t>(value >> 32));
  store_u32(bytes, offset + 2, static_cast<std::uint32_t>(value));
}
inline void store_u64(MutableBytes bytes, std::size_t offset, std::uint64_t value) {
  store_u32(bytes, offset, static_cast<std::uint32_t>(value >> 32));
  store_u32(bytes, offset + 4, static_cast<std::uint32_t>(value));
}

} // namespace weave::datapath
