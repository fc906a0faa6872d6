#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "datapath/packet/checksum.hpp"
#include "datapath/packet/headers.hpp"

namespace weave::test {

/// Ethernet + IPv4 + payload with correct header fields and header checksum.
struct Ipv4Frame {
  std::uint8_t protocol = datapath::kProtocolUdp;
  std::uint16_t id = 0x1234;
  std::uint16_t flags_and_offset = 0;
  std::size_t option_words = 0;
  std::uint32_t source = 0x0a200001;
  std::uint32_t destination = 0x0a280000;
  std::uint8_t vlan_tags = 0;

  [[nodiscard]] Bytes with_payload(ByteView payload) const {
    ByteWriter out;
    out.u48(0xc2bb'0000'0002).u48(0xc2aa'0000'0001);
    for (int tag = 0; tag < vlan_tags; ++tag) out.u16(datapath::kEtherTypeVlan).u16(10);
    out.u16(datapath::kEtherTypeIpv4);
    auto const header = datapath::kIpv4HeaderSize + 4 * option_words;
    ByteWriter ip;
    ip.u8(static_cast<std::uint8_t>(0x40 | header / 4))
        .u8(0x10)
        .u16(static_cast<std::uint16_t>(header + payload.size()));
    ip.u16(id).u16(flags_and_offset).u8(64).u8(protocol).u16(0).u32(source).u32(destination);
    for (std::size_t word = 0; word < option_words; ++word) ip.u32(0x01010101);
    auto bytes = ip.take();
    datapath::write_ipv4_checksum(bytes);
    out.raw(bytes).raw(payload);
    return out.take();
  }
};

} // namespace weave::test
