#include "datapath/tunnel/sleeve_codec.hpp"

#include <algorithm>
#include <cstring>

namespace weave::datapath {

std::optional<PeerName> sleeve_sender(ByteView packet) {
  if (packet.size() < kSleeveNameSize) return std::nullopt;
  return PeerName{load_u48(packet, 0)};
}

std::optional<SleeveFrame> SleeveFrameReader::next() {
  if (rest_.size() < kFrameOverhead) {
    if (!rest_.empty()) fault_ = SleeveFault::trailing_bytes;
    rest_ = {};
    return std::nullopt;
  }
  std::size_t const size = load_u16(rest_, 12);
  if (size > rest_.size() - kFrameOverhead) {
    fault_ = SleeveFault::truncated_frame;
    rest_ = {};
    return std::nullopt;
  }
  SleeveFrame const frame{PeerName{load_u48(rest_, 0)}, PeerName{load_u48(rest_, 6)},
                          rest_.subspan(kFrameOverhead, size)};
  rest_ = rest_.subspan(kFrameOverhead + size);
  return frame;
}

void write_clear_headers(MutableBytes packet, PeerName sender, PeerName source, PeerName destination) {
  store_u48(packet, 0, sender.value());
  store_u48(packet, kClearPacketOverhead, source.value());
  store_u48(packet, kClearPacketOverhead + 6, destination.value());
  store_u16(packet, kClearPacketOverhead + 12, static_cast<std::uint16_t>(packet.size() - kClearHeadroom));
}

SleevePacketWriter::SleevePacketWriter(MutableBytes buffer, PeerName sender, std::size_t max_payload, bool encrypted)
    : buffer_{buffer.first(std::min(buffer.size(), max_payload))}, size_{SleeveMtu{encrypted}.packet_overhead()} {
  if (buffer_.size() < size_) {
    size_ = 0;
    buffer_ = {};
    return;
  }
  store_u48(buffer_, 0, sender.value());
}

bool SleevePacketWriter::append(PeerName source, PeerName destination, ByteView frame) {
  auto const room = append(source, destination, frame.size());
  if (room && !frame.empty()) std::memcpy(room->data(), frame.data(), frame.size());
  return room.has_value();
}

std::optional<MutableBytes> SleevePacketWriter::append(PeerName source, PeerName destination, std::size_t size) {
  if (frames_ >= kMaxAggregatedFrames || size > 0xffff) return std::nullopt;
  if (buffer_.size() - size_ < kFrameOverhead + size) return std::nullopt;
  auto const header = buffer_.subspan(size_, kFrameOverhead);
  store_u48(header, 0, source.value());
  store_u48(header, 6, destination.value());
  store_u16(header, 12, static_cast<std::uint16_t>(size));
  auto const room = buffer_.subspan(size_ + kFrameOverhead, size);
  size_ += kFrameOverhead + size;
  ++frames_;
  return room;
}

} // namespace weave::datapath
