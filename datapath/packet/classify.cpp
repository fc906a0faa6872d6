#include "datapath/packet/classify.hpp"

#include "datapath/packet/headers.hpp"

namespace weave::datapath {

FrameKind classify_frame(ByteView frame) {
  auto const ethernet = EthernetView::parse(frame);
  if (!ethernet) return FrameKind::runt;
  auto const type = ethernet->type();
  if (type == 0 && ethernet->destination().is_zero() && ethernet->source().is_zero()) return FrameKind::special;
  if (type == kEtherTypeIpv6) return Ipv6View::parse(ethernet->payload()) ? FrameKind::ipv6 : FrameKind::other;
  if (type != kEtherTypeIpv4) return FrameKind::other;
  auto const ip = Ipv4View::parse(ethernet->payload());
  if (!ip) return FrameKind::other;
  return ip->dont_fragment() ? FrameKind::ipv4_df : FrameKind::ipv4;
}

} // namespace weave::datapath
