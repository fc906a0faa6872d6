#include "datapath/packet/frame_joiner.hpp"

#include <algorithm>
#include <cstring>

#include "datapath/packet/checksum.hpp"

namespace weave::datapath {
namespace {

constexpr std::size_t kNetwork = kEthernetHeaderSize;
constexpr std::uint8_t kSyn = 0x02;
constexpr std::uint8_t kReset = 0x04;
constexpr std::uint8_t kAck = 0x10;
constexpr std::uint8_t kUrgent = 0x20;
constexpr std::uint8_t kNeverJoined = kSyn | kReset | kUrgent | TcpView::kCongestionWindowReduced;
constexpr std::uint8_t kMayDiffer = TcpView::kFin | TcpView::kPush;
constexpr std::uint8_t kPlainIpv4 = 0x45; // version 4, no options
constexpr std::size_t kLargestPacket = 0xffff;

bool same_bytes(ByteView a, ByteView b, std::size_t from, std::size_t to) {
  return std::memcmp(a.data() + from, b.data() + from, to - from) == 0;
}

ByteView addresses(ByteView frame, bool ipv6) {
  return ipv6 ? frame.subspan(kNetwork + 8, 32) : frame.subspan(kNetwork + 12, 8);
}

} // namespace

/// None: not a frame of a flow that could be joined, also where it belongs to one (fragments, options).
std::optional<FrameJoiner::Layout> FrameJoiner::find_layout(ByteView frame) {
  if (frame.size() < kNetwork + kIpv4HeaderSize) return std::nullopt;
  Layout layout;
  auto const type = load_u16(frame, kNetwork - 2);
  std::uint8_t protocol = 0;
  if (type == kEtherTypeIpv4) {
    constexpr std::uint16_t kNotDontFragment = 0xffff & ~Ipv4View::kDontFragment;
    if (frame[kNetwork] != kPlainIpv4 || load_u16(frame, kNetwork + 2) != frame.size() - kNetwork) return std::nullopt;
    if ((load_u16(frame, kNetwork + 6) & kNotDontFragment) != 0) return std::nullopt;
    protocol = frame[kNetwork + 9];
    layout.transport = kNetwork + kIpv4HeaderSize;
  } else if (type == kEtherTypeIpv6) {
    if (frame.size() < kNetwork + kIpv6HeaderSize || frame[kNetwork] >> 4 != 6) return std::nullopt;
    if (load_u16(frame, kNetwork + 4) != frame.size() - kNetwork - kIpv6HeaderSize) return std::nullopt;
    protocol = frame[kNetwork + 6];
    layout.ipv6 = true;
    layout.transport = kNetwork + kIpv6HeaderSize;
  } else {
    return std::nullopt;
  }
  if (protocol == kProtocolTcp) {
    layout.tcp = true;
    if (frame.size() < layout.transport + kTcpHeaderSize) return std::nullopt;
    layout.joinable = is_tcp_joinable(frame, layout);
  } else if (protocol == kProtocolUdp && frame.size() >= layout.transport + kUdpHeaderSize) {
    layout.joinable = is_udp_joinable(frame, layout);
  } else {
    return std::nullopt;
  }
  return layout;
}

bool FrameJoiner::is_tcp_joinable(ByteView frame, Layout& layout) {
  auto const tcp = TcpView::parse(frame.subspan(layout.transport));
  if (!tcp) return false;
  layout.payload = layout.transport + tcp->header_size();
  return layout.payload < frame.size() && (tcp->flags() & kNeverJoined) == 0 && (tcp->flags() & kAck) != 0;
}

bool FrameJoiner::is_udp_joinable(ByteView frame, Layout& layout) {
  layout.payload = layout.transport + kUdpHeaderSize;
  // Without a checksum there is nothing to tell damage by.
  return layout.payload < frame.size() && load_u16(frame, layout.transport + 4) == frame.size() - layout.transport &&
         load_u16(frame, layout.transport + 6) != 0;
}

bool FrameJoiner::checksums_hold(ByteView frame, Layout const& layout) {
  // The other representation of zero is right as well, but not what cutting writes.
  constexpr std::uint16_t kOtherZero = 0xffff;
  if (!layout.ipv6 && (load_u16(frame, kNetwork + 10) == kOtherZero ||
                       internet_checksum(frame.subspan(kNetwork, kIpv4HeaderSize)) != 0)) {
    return false;
  }
  auto const segment = frame.subspan(layout.transport);
  if (layout.tcp && load_u16(segment, layout.checksum_offset()) == kOtherZero) return false;
  ChecksumSum sum;
  sum.add_pseudo_header(addresses(frame, layout.ipv6), layout.tcp ? kProtocolTcp : kProtocolUdp,
                        static_cast<std::uint32_t>(segment.size()));
  return sum.add(segment).checksum() == 0;
}

void FrameJoiner::add(std::uint32_t mark, ByteView frame) {
  auto layout = find_layout(frame);
  if (!layout) {
    // It may belong to any of them.
    flush();
    return pass(mark, frame);
  }
  auto* const flow = in_use_ == 0 ? nullptr : find(mark, frame, *layout);
  if (!(layout->tcp ? options_.tcp : options_.udp)) layout->joinable = false;
  if (layout->joinable) layout->joinable = checksums_hold(frame, *layout);
  if (flow != nullptr) {
    if (layout->joinable && continues(*flow, frame, *layout)) return append(*flow, frame, *layout);
    finish(*flow);
  }
  if (!layout->joinable) return pass(mark, frame);
  begin(mark, frame, *layout);
}

FrameJoiner::Flow* FrameJoiner::find(std::uint32_t mark, ByteView frame, Layout const& layout) {
  for (auto& flow : flows_) {
    if (flow.frames != 0 && same_flow(flow, mark, frame, layout)) return &flow;
  }
  return nullptr;
}

bool FrameJoiner::same_flow(Flow const& flow, std::uint32_t mark, ByteView frame, Layout const& layout) {
  if (flow.mark != mark || flow.layout.tcp != layout.tcp || flow.layout.ipv6 != layout.ipv6) return false;
  auto const addresses_at = kNetwork + (layout.ipv6 ? 8U : 12U);
  // The ports follow upon the addresses.
  return same_bytes(flow.first, frame, addresses_at, layout.transport + 4);
}

bool FrameJoiner::continues(Flow& flow, ByteView frame, Layout const& layout) {
  auto const payload = frame.size() - layout.payload;
  if (layout.payload != flow.layout.payload || flow.frames == kFrames || payload > flow.piece) return false;
  if (layout.payload - kNetwork + flow.bytes + payload > kLargestPacket) return false;
  auto const first = flow.first;
  if (!same_bytes(first, frame, 0, kNetwork)) return false;
  if (layout.ipv6) {
    // All but the length; the addresses are known to be equal.
    if (!same_bytes(first, frame, kNetwork, kNetwork + 4) || !same_bytes(first, frame, kNetwork + 6, kNetwork + 8))
      return false;
  } else {
    if (first[kNetwork + 1] != frame[kNetwork + 1] || !same_bytes(first, frame, kNetwork + 6, kNetwork + 10))
      return false;
    if (!identification_fits(flow, frame)) return false;
  }
  if (!layout.tcp) return true;
  auto const at = layout.transport;
  if (load_u32(frame, at + 4) != load_u32(first, at + 4) + static_cast<std::uint32_t>(flow.bytes)) return false;
  if (((frame[at + 13] ^ first[at + 13]) & ~kMayDiffer) != 0) return false;
  // Acknowledgement and header length, window; urgent pointer and options.
  return same_bytes(first, frame, at + 8, at + 13) && same_bytes(first, frame, at + 14, at + 16) &&
         same_bytes(first, frame, at + 18, layout.payload);
}

bool FrameJoiner::identification_fits(Flow& flow, ByteView frame) {
  auto const first = load_u16(flow.first, kNetwork + 4);
  auto const id = load_u16(frame, kNetwork + 4);
  bool const follows = id == static_cast<std::uint16_t>(first + flow.frames);
  if (flow.layout.tcp) return follows;
  // Of packets that are never fragmented it means nothing (RFC 6864), and UDP sockets often have no other.
  bool const same = id == first && (load_u16(frame, kNetwork + 6) & Ipv4View::kDontFragment) != 0;
  if (flow.frames == 1) flow.same_identification = same;
  return flow.same_identification ? same : follows;
}

bool FrameJoiner::is_last(Flow const& flow, ByteView frame, Layout const& layout) {
  if (frame.size() - layout.payload < flow.piece || flow.frames == kFrames) return true;
  return layout.tcp && (frame[layout.transport + 13] & kMayDiffer) != 0;
}

void FrameJoiner::begin(std::uint32_t mark, ByteView frame, Layout const& layout) {
  if (layout.tcp && (frame[layout.transport + 13] & kMayDiffer) != 0) return pass(mark, frame);
  Flow* flow = nullptr;
  if (in_use_ == kFlows) {
    flow = &flows_[next_];
    next_ = (next_ + 1) % kFlows;
    finish(*flow);
  } else {
    flow = std::ranges::find(flows_, std::size_t{0}, &Flow::frames);
  }
  ++in_use_;
  flow->mark = mark;
  flow->layout = layout;
  flow->first = frame;
  flow->frames = 1;
  flow->bytes = flow->piece = frame.size() - layout.payload;
  flow->parts[1] = frame.subspan(layout.payload);
  flow->last_flags = 0;
}

void FrameJoiner::append(Flow& flow, ByteView frame, Layout const& layout) {
  flow.parts[++flow.frames] = frame.subspan(layout.payload);
  flow.bytes += frame.size() - layout.payload;
  if (layout.tcp) flow.last_flags = frame[layout.transport + 13];
  if (is_last(flow, frame, layout)) finish(flow);
}

void FrameJoiner::pass(std::uint32_t mark, ByteView frame) { output_.on_joined(mark, {}, {&frame, 1}, 1); }

void FrameJoiner::finish(Flow& flow) {
  auto const frames = flow.frames;
  flow.frames = 0;
  --in_use_;
  if (frames == 1) return pass(flow.mark, flow.first);
  auto const header = finish_headers(flow);
  flow.parts[0] = ByteView{flow.headers}.first(flow.layout.payload);
  output_.on_joined(flow.mark, header, std::span{flow.parts}.first(frames + 1), frames);
}

OffloadHeader FrameJoiner::finish_headers(Flow& flow) {
  auto const& layout = flow.layout;
  auto const headers = MutableBytes{flow.headers}.first(layout.payload);
  std::ranges::copy(flow.first.first(layout.payload), headers.begin());
  auto const transport_size = layout.payload - layout.transport + flow.bytes;
  if (layout.ipv6) {
    store_u16(headers, kNetwork + 4, static_cast<std::uint16_t>(transport_size));
  } else {
    store_u16(headers, kNetwork + 2, static_cast<std::uint16_t>(transport_size + kIpv4HeaderSize));
    write_ipv4_checksum(headers.subspan(kNetwork, kIpv4HeaderSize));
  }
  if (layout.tcp) {
    headers[layout.transport + 13] |= flow.last_flags & kMayDiffer;
  } else {
    store_u16(headers, layout.transport + 4, static_cast<std::uint16_t>(transport_size));
  }
  ChecksumSum sum;
  sum.add_pseudo_header(addresses(headers, layout.ipv6), layout.tcp ? kProtocolTcp : kProtocolUdp,
                        static_cast<std::uint32_t>(transport_size));
  store_u16(headers, layout.transport + layout.checksum_offset(), sum.folded());
  auto const type = !layout.tcp   ? OffloadHeader::kUdpSegments
                    : layout.ipv6 ? OffloadHeader::kTcpV6
                                  : OffloadHeader::kTcpV4;
  return {.flags = OffloadHeader::kNeedsChecksum,
          .gso_type = type,
          .header_length = static_cast<std::uint16_t>(layout.payload),
          .gso_size = static_cast<std::uint16_t>(flow.piece),
          .checksum_start = static_cast<std::uint16_t>(layout.transport),
          .checksum_offset = static_cast<std::uint16_t>(layout.checksum_offset())};
}

void FrameJoiner::flush() {
  if (in_use_ == 0) return;
  for (auto& flow : flows_) {
    if (flow.frames != 0) finish(flow);
  }
}

} // namespace weave::datapath
