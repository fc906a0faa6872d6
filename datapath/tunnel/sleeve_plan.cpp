#include "datapath/tunnel/sleeve_plan.hpp"

#include <algorithm>

#include "datapath/packet/headers.hpp"
#include "datapath/tunnel/sleeve_layout.hpp"

namespace weave::datapath {

SleevePlan plan_sleeve(SleevePath const& path, FrameKind kind, std::size_t frame_size, bool flooded) {
  if (!path.remote) return SleevePlan::drop_no_address;
  auto const packet_size = SleeveMtu{}.packet_overhead() + kFrameOverhead + frame_size;
  bool const fits = frame_size <= std::size_t{path.mtu} + kSleeveEthernet;
  bool const possible = packet_size <= kMaxUdpPayload;
  bool const fits_df = fits && packet_size <= path.max_payload;

  if (kind == FrameKind::ipv4_df) {
    // Up to the mtu also while that is doubtful and the payload kept low: its sender is not to be told of less.
    if (fits) return possible ? SleevePlan::send_df : SleevePlan::drop_oversize;
    return flooded ? SleevePlan::drop_too_big : SleevePlan::answer_too_big;
  }
  // Below what every IPv6 link carries nobody would listen.
  if (kind == FrameKind::ipv6 && !fits && !flooded && path.mtu >= kIpv6MinimumMtu) return SleevePlan::answer_too_big;
  if (kind == FrameKind::ipv4 && !path.fragmentation_trusted) {
    return fits_df ? SleevePlan::send_df : SleevePlan::fragment;
  }
  return possible ? SleevePlan::send_fragmentable : SleevePlan::drop_oversize;
}

std::uint32_t fragment_mtu(SleevePath const& path) {
  return std::min(path.mtu, SleeveMtu{}.mtu(path.max_payload + kOuterHeaders));
}

} // namespace weave::datapath
