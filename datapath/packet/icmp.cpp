#include "datapath/packet/icmp.hpp"

#include <algorithm>
#include <cstring>

#include "datapath/packet/checksum.hpp"

namespace weave::datapath {
namespace {

constexpr std::uint8_t kTimeToLive = 64;

[[nodiscard]] bool is_single_host(Ipv4Address address) {
  auto const first = address.value() >> 24;
  return first != 0 && first != 127 && first < 224;
}

} // namespace

bool may_answer_with_icmp_error(ByteView frame) {
  auto const ethernet = EthernetView::parse(frame);
  if (!ethernet || ethernet->type() != kEtherTypeIpv4 || ethernet->destination().is_group()) return false;
  auto const ip = Ipv4View::parse(ethernet->payload());
  if (!ip || ip->fragment_offset() != 0) return false;
  if (!is_single_host(ip->source()) || !is_single_host(ip->destination())) return false;
  if (ip->protocol() != kProtocolIcmp) return true;
  auto const icmp = IcmpView::parse(ip->payload());
  return icmp && !icmp->is_error();
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

  std::memcpy(out.data(), frame.data() + kMacSize, kMacSize);
  std::memcpy(out.data() + kMacSize, frame.data(), kMacSize);
  store_u16(out, 2 * kMacSize, kEtherTypeIpv4);

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

} // namespace weave::datapath
