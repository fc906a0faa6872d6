#include "datapath/packet/ipv4_fragment.hpp"

#include <algorithm>
#include <cstring>

#include "datapath/packet/checksum.hpp"
#include "datapath/packet/headers.hpp"

namespace weave::datapath {

Ipv4Fragmenter::Ipv4Fragmenter(ByteView frame, std::size_t header_size, std::size_t packet_size, std::size_t piece)
    : frame_{frame.first(kEthernetHeaderSize + packet_size)}, header_size_{header_size}, piece_{piece} {}

std::optional<Ipv4Fragmenter> Ipv4Fragmenter::create(ByteView frame, std::uint32_t mtu) {
  auto const ethernet = EthernetView::parse(frame);
  if (!ethernet || ethernet->type() != kEtherTypeIpv4) return std::nullopt;
  auto const ip = Ipv4View::parse(ethernet->payload());
  if (!ip || ip->dont_fragment() || mtu < ip->header_size() + 8) return std::nullopt;
  auto const piece = (mtu - ip->header_size()) & ~std::size_t{7};
  return Ipv4Fragmenter{frame, ip->header_size(), ip->size(), piece};
}

std::size_t Ipv4Fragmenter::next_payload() const {
  auto const left = frame_.size() - kEthernetHeaderSize - header_size_ - position_;
  return std::min(piece_, left);
}

std::size_t Ipv4Fragmenter::next_size() const {
  if (done_) return 0;
  return std::max(kEthernetMinimumFrame, kEthernetHeaderSize + header_size_ + next_payload());
}

std::size_t Ipv4Fragmenter::write_next(MutableBytes out) {
  auto const size = next_size();
  if (done_ || out.size() < size) return 0;
  auto const headers = kEthernetHeaderSize + header_size_;
  auto const payload = next_payload();
  bool const last = headers + position_ + payload == frame_.size();

  std::memcpy(out.data(), frame_.data(), headers);
  std::memcpy(out.data() + headers, frame_.data() + headers + position_, payload);
  std::memset(out.data() + headers + payload, 0, size - headers - payload);

  auto const header = out.subspan(kEthernetHeaderSize, header_size_);
  auto const original = load_u16(header, 6);
  auto const offset = (original & Ipv4View::kOffsetMask) + position_ / 8;
  auto flags = original & ~Ipv4View::kOffsetMask;
  if (!last) flags |= Ipv4View::kMoreFragments;
  store_u16(header, 2, static_cast<std::uint16_t>(header_size_ + payload));
  store_u16(header, 6, static_cast<std::uint16_t>(flags | (static_cast<int>(offset) & Ipv4View::kOffsetMask)));
  write_ipv4_checksum(header);

  position_ += payload;
  done_ = last;
  return size;
}

} // namespace weave::datapath
