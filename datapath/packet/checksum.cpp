#include "datapath/packet/checksum.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace weave::datapath {
namespace {

// One's complement sums are independent of byte order up to a final swap (RFC 1071 §2.B), so words are added as the
// machine loads them, 32 bits at a time into 64.
[[nodiscard]] std::uint16_t fold(std::uint64_t sum) {
  sum = (sum >> 32) + (sum & 0xffff'ffffU);
  sum = (sum >> 32) + (sum & 0xffff'ffffU);
  sum = (sum >> 16) + (sum & 0xffffU);
  sum = (sum >> 16) + (sum & 0xffffU);
  return static_cast<std::uint16_t>(sum);
}

[[nodiscard]] std::uint16_t to_network_order(std::uint16_t native_sum) {
  if constexpr (std::endian::native == std::endian::little) return std::rotl(native_sum, 8);
  return native_sum;
}

} // namespace

ChecksumSum& ChecksumSum::add(ByteView bytes) {
  // Four sums of their own, which do not wait for each other.
  std::uint64_t sums[4] = {};
  auto const* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 32; left -= 32, at += 32) {
    for (std::size_t i = 0; i < 4; ++i) {
      std::uint64_t words;
      std::memcpy(&words, at + 8 * i, 8);
      sums[i] += (words & 0xffff'ffffU) + (words >> 32);
    }
  }
  std::uint64_t sum = sums[0] + sums[1] + sums[2] + sums[3];
  for (; left >= 4; left -= 4, at += 4) {
    std::uint32_t word;
    std::memcpy(&word, at, 4);
    sum += word;
  }
  if (left != 0) {
    std::uint32_t word = 0;
    std::memcpy(&word, at, left);
    sum += word;
  }
  sum_ += to_network_order(fold(sum));
  return *this;
}

std::uint16_t ChecksumSum::folded() const { return fold(sum_); }

std::uint16_t update_checksum(std::uint16_t checksum, std::uint16_t from, std::uint16_t to) {
  auto const sum = std::uint64_t{static_cast<std::uint16_t>(~checksum)} + static_cast<std::uint16_t>(~from) + to;
  return static_cast<std::uint16_t>(~fold(sum));
}

void write_ipv4_checksum(MutableBytes header) {
  store_u16(header, 10, 0);
  store_u16(header, 10, internet_checksum(header));
}

void copy_and_add(ByteView from, MutableBytes to, ChecksumSum& sum) {
  // Small enough for the first-level cache, so that the addition reads what the copy has just fetched.
  constexpr std::size_t kPiece = 4096;
  for (std::size_t at = 0; at < from.size(); at += kPiece) {
    auto const piece = from.subspan(at, std::min(kPiece, from.size() - at));
    std::memcpy(to.data() + at, piece.data(), piece.size());
    sum.add(piece);
  }
}

} // namespace weave::datapath
