#pragma once

#include <cstdint>

namespace weave::datapath::ipsec {

/// Bytes of the IPv4 packet that carries VXLAN with a frame of this size (Ethernet header included) as ESP
/// (protocol/datapath.md §7.5).
[[nodiscard]] constexpr std::uint32_t encrypted_packet_size(std::uint32_t frame) {
  constexpr std::uint32_t kIpv4 = 20;
  constexpr std::uint32_t kEspHeaderAndIv = 8 + 8;
  constexpr std::uint32_t kUdpAndVxlan = 8 + 8;
  constexpr std::uint32_t kEspTrailer = 2;
  constexpr std::uint32_t kAlignment = 4;
  constexpr std::uint32_t kIntegrity = 16;
  auto const sealed = (kUdpAndVxlan + frame + kEspTrailer + kAlignment - 1) / kAlignment * kAlignment;
  return kIpv4 + kEspHeaderAndIv + sealed + kIntegrity;
}

} // namespace weave::datapath::ipsec
