#include "controller/ipam/ranges.hpp"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

namespace weave::controller::ipam {

Ipv4Range largest_aligned_block(Ipv4Range range) {
  if (range.start >= range.end) return range;
  auto const size = range.size();
  auto const block = std::bit_floor(size);
  auto const rest = range.start.value() % block;
  auto const from = [&](std::uint32_t offset, std::uint32_t length) {
    return Ipv4Range{range.start + offset, range.start + offset + length};
  };
  if (rest == 0) return from(0, block);
  if (block - rest <= size - block) return from(block - rest, block);
  auto const half = block / 2;
  return half >= rest ? from(half - rest, half) : from(block - rest, half);
}

std::vector<Ipv4Cidr> to_cidrs(Ipv4Range range) {
  std::vector<Ipv4Cidr> cidrs;
  while (range.start < range.end) {
    auto const alignment = range.start.value() == 0 ? 31 : std::countr_zero(range.start.value());
    auto const fitting = std::bit_width(range.size()) - 1;
    auto const bits = std::min<int>(alignment, static_cast<int>(fitting));
    cidrs.push_back({range.start, 32 - bits});
    range.start = range.start + (std::uint32_t{1} << bits);
  }
  return cidrs;
}

std::string to_cidr_text(Ipv4Range range) {
  if (!std::has_single_bit(range.size())) return range.to_string();
  return Ipv4Cidr{range.start, 32 - std::countr_zero(range.size())}.to_string();
}

} // namespace weave::controller::ipam
