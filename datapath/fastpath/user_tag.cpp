#include "datapath/fastpath/user_tag.hpp"

#include <algorithm>
#include <cstring>

namespace weave::datapath {
namespace {

constexpr std::size_t kAddresses = 2 * kMacSize;

[[nodiscard]] ShortId id_of(std::uint16_t control) { return ShortId{static_cast<std::uint16_t>(control & kTagIdMask)}; }

/// Bytes that our tags take, 0 without.
[[nodiscard]] std::size_t read_tag(ByteView frame, UserTag& tag) {
  auto const has_tag = [&](std::size_t offset, std::uint16_t type) {
    return frame.size() >= offset + kVlanTagSize && load_u16(frame, offset) == type;
  };
  std::size_t offset = kAddresses;
  if (has_tag(offset, kTagOfSource)) {
    auto const control = load_u16(frame, offset + 2);
    tag.source = id_of(control);
    tag.flooded = (control & kTagFloodedBit) != 0;
    offset += kVlanTagSize;
  }
  if (!has_tag(offset, kTagOfDestination)) return 0;
  auto const control = load_u16(frame, offset + 2);
  tag.destination = id_of(control);
  tag.flooded = tag.flooded || (control & kTagFloodedBit) != 0;
  return offset + kVlanTagSize - kAddresses;
}

} // namespace

std::optional<UntaggedFrame> remove_user_tag(OffloadHeader header, MutableBytes frame) {
  UntaggedFrame result;
  auto const removed = static_cast<std::uint16_t>(read_tag(frame, result.tag));
  if (removed == 0 || frame.size() < kEthernetHeaderSize + removed) return std::nullopt;
  if (header.needs_checksum()) {
    if (header.checksum_start < kEthernetHeaderSize + removed) return std::nullopt;
    header.checksum_start = static_cast<std::uint16_t>(header.checksum_start - removed);
  }
  // A hint, which kernels give with or without a tag that travels beside the packet.
  header.header_length = static_cast<std::uint16_t>(header.header_length - std::min(header.header_length, removed));
  std::memmove(frame.data() + removed, frame.data(), kAddresses);
  result.header = header;
  result.bytes = frame.subspan(removed);
  return result;
}

std::array<std::uint8_t, kVlanTagSize> delivery_tag(ShortId source) {
  std::array<std::uint8_t, kVlanTagSize> tag{};
  store_u16(tag, 0, kTagOfDestination);
  store_u16(tag, 2, static_cast<std::uint16_t>(static_cast<std::uint16_t>(source) & kTagIdMask));
  return tag;
}

} // namespace weave::datapath
