#include "datapath/packet/icmp.hpp"

#include <algorithm>
#include <cstring>

#include "datapath/packet/checksum.hpp"

namespace weave::datapath {
namespace {

constexpr std::uint8_t kTimeToLive = 64;
constexpr std::uint8_t kPacketTooBig = 2;
/// ICMPv6 types below are errors.
constexpr std::uint8_t kFirstInformational = 128;

[[nodiscard]] bool is_single_host(Ipv4Address address) {
  auto const first = address.value() >> 24;
  return first != 0 && first != 127 && first < 224;
}

/// Neither a group nor unspecified nor loopback.
[[nodiscard]] bool is_single_host(ByteView address) {
  bool const high_zero = std::ranges::all_of(address.first(address.size() - 1), [](std::uint8_t b) { return b == 0; });
  return address.front() != 0xff && !(high_zero && address.back() <= 1);
}

[[nodiscard]] bool may_answer_ipv4(ByteView packet) {
  auto const ip = Ipv4View::parse(packet);
  if (!ip || ip->fragment_offset() != 0) return false;
  if (!is_single_host(ip->source()) || !is_single_host(ip->destination())) return false;
  if (ip->protocol() != kProtocolIcmp) return true;
  auto const icmp = IcmpView::parse(ip->payload());
  return icmp && !icmp->is_error();
}

[[nodiscard]] bool may_answer_ipv6(ByteView packet) {
  auto const ip = Ipv6View::parse(packet);
  if (!ip || !is_single_host(ip->source()) || !is_single_host(ip->destination())) return false;
  if (ip->next_header() != kProtocolIcmpv6) return true;
  return !ip->payload().empty() && ip->payload().front() >= kFirstInformational;
}

/// From the frame's destination to its source.
void write_ethernet_back(ByteView frame, std::uint16_t type, MutableBytes out) {
  std::memcpy(out.data(), frame.data() + kMacSize, kMacSize);
  std::memcpy(out.data() + kMacSize, frame.data(), kMacSize);
  store_u16(out, 2 * kMacSize, type);
}

} // namespace

bool may_answer_with_icmp_error(ByteView frame) {
  auto const ethernet = EthernetView::parse(frame);
  if (!ethernet || ethernet->destination().is_group()) return false;
  if (ethernet->type() == kEtherTypeIpv6) return may_answer_ipv6(ethernet->payload());
  return ethernet->type() == kEtherTypeIpv4 && may_answer_ipv4(ethernet->payload());
}

std::size_t write_fragmentation_needed(ByteView frame, std::uint16_t mtu, MutableBytes out) {
  auto const ethernet = EthernetView::parse(frame);
  if (!ethernet || ethernet->type() != kEtherTypeIpv4 || out.size() < kFragmentationNeededSize) return 0;
  auto const ip = Ipv4View::parse(ethernet->payload());
  if (!ip) return 0;

  auto const quoted = ip->packet().first(std::min(ip->size(), ip->header_size() + 8));
  auto const packet_size = kIpv4HeaderSize + kIcmpHeaderSize + quoted.size();
  out = out.first(kEthernetHeaderSize + packet_size);
  std::ranges::fill(out, std::uint8_t{0});

  write_ethernet_back(frame, kEtherTypeIpv4, out);
  auto const header = out.subspan(kEthernetHeaderSize, kIpv4HeaderSize);
  header[0] = 0x45;
  header[1] = ip->type_of_service();
  store_u16(header, 2, static_cast<std::uint16_t>(packet_size));
  header[8] = kTimeToLive;
  header[9] = kProtocolIcmp;
  store_u32(header, 12, ip->destination().value());
  store_u32(header, 16, ip->source().value());
  write_ipv4_checksum(header);

  auto const icmp = out.subspan(kEthernetHeaderSize + kIpv4HeaderSize);
  icmp[0] = IcmpView::kDestinationUnreachable;
  icmp[1] = IcmpView::kFragmentationNeeded;
  store_u16(icmp, 6, mtu);
  std::ranges::copy(quoted, icmp.subspan(kIcmpHeaderSize).begin());
  store_u16(icmp, 2, internet_checksum(icmp));
  return out.size();
}

std::size_t write_packet_too_big(ByteView frame, std::uint32_t mtu, MutableBytes out) {
  auto const ethernet = EthernetView::parse(frame);
  if (!ethernet || ethernet->type() != kEtherTypeIpv6 || out.size() < kPacketTooBigSize) return 0;
  auto const ip = Ipv6View::parse(ethernet->payload());
  if (!ip) return 0;

  constexpr auto kHeaders = kIpv6HeaderSize + kIcmpHeaderSize;
  auto const quoted = ip->packet().first(std::min(ip->packet().size(), kIpv6MinimumMtu - kHeaders));
  out = out.first(kEthernetHeaderSize + kHeaders + quoted.size());
  std::ranges::fill(out.first(kEthernetHeaderSize + kHeaders), std::uint8_t{0});
  write_ethernet_back(frame, kEtherTypeIpv6, out);

  auto const header = out.subspan(kEthernetHeaderSize, kIpv6HeaderSize);
  auto const icmp = out.subspan(kEthernetHeaderSize + kIpv6HeaderSize);
  header[0] = 0x60;
  store_u16(header, 4, static_cast<std::uint16_t>(icmp.size()));
  header[6] = kProtocolIcmpv6;
  header[7] = kTimeToLive;
  std::ranges::copy(ip->destination(), header.subspan(8).begin());
  std::ranges::copy(ip->source(), header.subspan(8 + Ipv6View::kAddressSize).begin());

  icmp[0] = kPacketTooBig;
  store_u32(icmp, 4, std::max(mtu, static_cast<std::uint32_t>(kIpv6MinimumMtu)));
  std::ranges::copy(quoted, icmp.subspan(kIcmpHeaderSize).begin());
  auto const addresses = header.subspan(8, 2 * Ipv6View::kAddressSize);
  store_u16(icmp, 2,
            ChecksumSum{}
                .add_pseudo_header(addresses, kProtocolIcmpv6, static_cast<std::uint32_t>(icmp.size()))
                .add(icmp)
                .checksum());
  return out.size();
}

} // namespace weave::datapath
