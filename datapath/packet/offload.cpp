#include "datapath/packet/offload.hpp"

#include <algorithm>
#include <cstring>

#include "datapath/packet/checksum.hpp"
#include "datapath/packet/headers.hpp"

namespace weave::datapath {
namespace {

constexpr std::size_t kUdpChecksumOffset = 6;
constexpr std::size_t kTcpChecksumOffset = 16;

[[nodiscard]] std::uint16_t native_u16(ByteView bytes, std::size_t offset) {
  std::uint16_t value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

/// Offset of the IP header: behind the Ethernet header and up to two tags; 0 if the frame is too short.
[[nodiscard]] std::size_t network_offset(ByteView frame, std::uint16_t& type) {
  std::size_t offset = kEthernetHeaderSize;
  for (int tags = 0; frame.size() >= offset; ++tags, offset += kVlanTagSize) {
    type = load_u16(frame, offset - 2);
    if (tags == 2 || (type != kEtherTypeVlan && type != kEtherTypeServiceVlan)) return offset;
  }
  return 0;
}

} // namespace

std::optional<OffloadHeader> OffloadHeader::parse(ByteView bytes) {
  if (bytes.size() < kSize) return std::nullopt;
  return OffloadHeader{.flags = bytes[0],
                       .gso_type = bytes[1],
                       .header_length = native_u16(bytes, 2),
                       .gso_size = native_u16(bytes, 4),
                       .checksum_start = native_u16(bytes, 6),
                       .checksum_offset = native_u16(bytes, 8)};
}

void OffloadHeader::write(MutableBytes out) const {
  out[0] = flags;
  out[1] = gso_type;
  std::memcpy(out.data() + 2, &header_length, 2);
  std::memcpy(out.data() + 4, &gso_size, 2);
  std::memcpy(out.data() + 6, &checksum_start, 2);
  std::memcpy(out.data() + 8, &checksum_offset, 2);
}

bool complete_checksum(OffloadHeader const& header, MutableBytes frame) {
  if (!header.needs_checksum()) return true;
  auto const field = std::size_t{header.checksum_start} + header.checksum_offset;
  if (header.checksum_start < kEthernetHeaderSize || field + 2 > frame.size()) return false;
  auto checksum = internet_checksum(frame.subspan(header.checksum_start));
  // Zero means "none" in UDP, so that its other representation is sent.
  if (checksum == 0 && header.checksum_offset == kUdpChecksumOffset) checksum = 0xffff;
  store_u16(frame, field, checksum);
  return true;
}

std::expected<FrameCutter::Layout, OffloadFault> FrameCutter::find_layout(OffloadHeader const& header, ByteView frame) {
  auto const kind = header.gso_type & ~OffloadHeader::kExplicitCongestion;
  if (kind != OffloadHeader::kTcpV4 && kind != OffloadHeader::kTcpV6 && kind != OffloadHeader::kUdpSegments) {
    return std::unexpected{OffloadFault::unsupported};
  }
  std::unexpected const malformed{OffloadFault::malformed};
  Layout layout;
  std::uint16_t type = 0;
  layout.network = network_offset(frame, type);
  layout.tcp = kind != OffloadHeader::kUdpSegments;
  layout.ipv6 = type == kEtherTypeIpv6;
  if (layout.network == 0 || (!layout.ipv6 && type != kEtherTypeIpv4)) return malformed;
  if (layout.tcp && layout.ipv6 != (kind == OffloadHeader::kTcpV6)) return malformed;

  auto const packet = frame.subspan(layout.network);
  if (layout.ipv6) {
    if (packet.size() < kIpv6HeaderSize || packet[0] >> 4 != 6) return malformed;
    layout.transport = layout.network + kIpv6HeaderSize;
    // Extension headers are not walked: the kernel says where the transport header is.
    if (header.needs_checksum()) layout.transport = std::max<std::size_t>(layout.transport, header.checksum_start);
  } else {
    auto const ip = Ipv4View::parse(packet);
    if (!ip || ip->protocol() != (layout.tcp ? kProtocolTcp : kProtocolUdp)) return malformed;
    layout.transport = layout.network + ip->header_size();
  }
  if (header.needs_checksum() && header.checksum_start != layout.transport) return malformed;
  if (layout.transport > frame.size()) return malformed;

  auto const segment = frame.subspan(layout.transport);
  if (layout.tcp) {
    auto const tcp = TcpView::parse(segment);
    if (!tcp) return malformed;
    layout.payload = layout.transport + tcp->header_size();
  } else {
    if (!UdpView::parse(segment)) return malformed;
    layout.payload = layout.transport + kUdpHeaderSize;
  }
  return layout;
}

std::expected<FrameCutter, OffloadFault> FrameCutter::create(OffloadHeader const& header, ByteView frame) {
  auto const layout = find_layout(header, frame);
  if (!layout) return std::unexpected{layout.error()};
  // Even the largest piece must give an IP packet whose length field can hold it.
  if (header.gso_size == 0 || layout->payload - layout->network + header.gso_size > 0xffff) {
    return std::unexpected{OffloadFault::malformed};
  }
  if (layout->payload == frame.size()) return std::unexpected{OffloadFault::malformed};
  return FrameCutter{frame.first(layout->payload), frame.subspan(layout->payload), *layout, header.gso_size};
}

FrameCutter::FrameCutter(ByteView headers, ByteView payload, Layout layout, std::size_t piece)
    : headers_{headers}, payload_{payload}, layout_{layout}, piece_{piece} {}

std::size_t FrameCutter::remaining() const { return done() ? 0 : (payload_.size() - position_ + piece_ - 1) / piece_; }

std::size_t FrameCutter::next_size() const {
  return done() ? 0 : headers_.size() + std::min(piece_, payload_.size() - position_);
}

void FrameCutter::fix_network_header(MutableBytes frame) const {
  auto const packet = frame.subspan(layout_.network);
  if (layout_.ipv6) {
    store_u16(packet, 4, static_cast<std::uint16_t>(packet.size() - kIpv6HeaderSize));
    return;
  }
  store_u16(packet, 2, static_cast<std::uint16_t>(packet.size()));
  store_u16(packet, 4, static_cast<std::uint16_t>(load_u16(packet, 4) + index_));
  write_ipv4_checksum(packet.first(layout_.transport - layout_.network));
}

void FrameCutter::fix_tcp_header(MutableBytes segment, bool last) const {
  store_u32(segment, 4, load_u32(segment, 4) + static_cast<std::uint32_t>(position_));
  std::uint8_t cleared = 0;
  if (!last) cleared |= TcpView::kFin | TcpView::kPush;
  if (position_ != 0) cleared |= TcpView::kCongestionWindowReduced;
  segment[13] = static_cast<std::uint8_t>(segment[13] & ~cleared);
}

std::size_t FrameCutter::write_next(MutableBytes out) {
  auto const size = next_size();
  if (size == 0 || out.size() < size) return 0;
  out = out.first(size);
  auto const payload = payload_.subspan(position_, size - headers_.size());
  std::memcpy(out.data(), headers_.data(), headers_.size());
  fix_network_header(out);

  auto const segment = out.subspan(layout_.transport);
  if (layout_.tcp) {
    fix_tcp_header(segment, position_ + payload.size() == payload_.size());
  } else {
    store_u16(segment, 4, static_cast<std::uint16_t>(segment.size()));
  }
  auto const field = layout_.tcp ? kTcpChecksumOffset : kUdpChecksumOffset;
  store_u16(segment, field, 0);
  auto const addresses = layout_.ipv6 ? out.subspan(layout_.network + 8, 32) : out.subspan(layout_.network + 12, 8);
  ChecksumSum sum;
  sum.add_pseudo_header(addresses, layout_.tcp ? kProtocolTcp : kProtocolUdp,
                        static_cast<std::uint32_t>(segment.size()));
  sum.add(segment.first(segment.size() - payload.size()));
  copy_and_add(payload, out.subspan(headers_.size()), sum);
  auto checksum = sum.checksum();
  if (checksum == 0 && !layout_.tcp) checksum = 0xffff;
  store_u16(segment, field, checksum);

  position_ += payload.size();
  ++index_;
  return size;
}

} // namespace weave::datapath
