#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "datapath/packet/byte_order.hpp"

namespace weave::datapath {

/// An Internet checksum (RFC 1071) in the making: the sum of 16-bit big-endian words of what was added. Pieces must
/// have even length, except the last one. A value; no allocation.
class ChecksumSum {
 public:
  ChecksumSum& add(ByteView bytes);
  ChecksumSum& add_u16(std::uint16_t value) {
    sum_ += value;
    return *this;
  }
  ChecksumSum& add_u32(std::uint32_t value) {
    sum_ += (value >> 16) + (value & 0xffffU);
    return *this;
  }
  /// Pseudo header of TCP and UDP (RFC 9293, RFC 8200): addresses (4 + 4 or 16 + 16 bytes), protocol, transport length.
  ChecksumSum& add_pseudo_header(ByteView addresses, std::uint8_t protocol, std::uint32_t length) {
    return add(addresses).add_u16(protocol).add_u32(length);
  }
  /// Sum of 16 bits, not complemented: what a "partial" checksum field holds.
  [[nodiscard]] std::uint16_t folded() const;
  /// The value of a checksum field.
  [[nodiscard]] std::uint16_t checksum() const { return static_cast<std::uint16_t>(~folded()); }

 private:
  std::uint64_t sum_ = 0;
};

[[nodiscard]] inline std::uint16_t internet_checksum(ByteView bytes) { return ChecksumSum{}.add(bytes).checksum(); }

/// The checksum field after a covered 16-bit word changed (RFC 1624 equation 3).
[[nodiscard]] std::uint16_t update_checksum(std::uint16_t checksum, std::uint16_t from, std::uint16_t to);

/// Recomputes the checksum of an IPv4 header (options included) in place.
void write_ipv4_checksum(MutableBytes header);

/// Copies and adds in one pass. `to` has at least the size of `from`.
void copy_and_add(ByteView from, MutableBytes to, ChecksumSum& sum);

} // namespace weave::datapath
