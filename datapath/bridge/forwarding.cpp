#include "datapath/bridge/forwarding.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "datapath/packet/classify.hpp"
#include "datapath/packet/headers.hpp"

namespace weave::datapath {
namespace {

constexpr MacAddress kBridgeGroup{{0x01, 0x80, 0xc2, 0x00, 0x00, 0x00}};

/// A source address that no device may have; bridges do not learn or pass such frames.
[[nodiscard]] bool is_invalid_source(MacAddress mac) { return mac.is_group() || mac.is_zero(); }

} // namespace

ForwardingDecision ForwardingDecision::dropped(DropReason reason) {
  ForwardingDecision decision;
  decision.drop_ = reason;
  return decision;
}

ForwardingDecision ForwardingDecision::to_peer(ForwardHop hop) {
  ForwardingDecision decision;
  decision.unicast_ = hop;
  return decision;
}

ForwardingDecision ForwardingDecision::flood(PeerName source, std::span<PeerName const> hops, PeerName except) {
  ForwardingDecision decision;
  decision.flooded_ = true;
  decision.source_ = source;
  decision.hops_ = hops;
  decision.except_ = except;
  return decision;
}

ForwardingDecision ForwardingDecision::local_only() { return ForwardingDecision{}.and_locally(); }

ForwardingDecision&& ForwardingDecision::and_locally() && {
  local_ = true;
  return std::move(*this);
}

std::string ForwardingDecision::to_string() const {
  if (drop_ != DropReason::none) return fmt::format("drop {}", datapath::to_string(drop_));
  std::string text = local_ ? "local" : "";
  for_each_hop([&text](ForwardHop const& hop) {
    if (!text.empty()) text += ", ";
    text +=
        fmt::format("via {} ({} -> {})", hop.next_hop.to_string(), hop.source.to_string(), hop.destination.to_string());
  });
  return text.empty() ? "nowhere" : text;
}

ForwardingDecision Forwarding::captured(ByteView frame, RouteLookup const& routes, TimePoint now) const {
  auto const ethernet = EthernetView::parse(frame);
  if (!ethernet) return ForwardingDecision::dropped(DropReason::runt);
  // Sent on, it would reach the neighbour as a heartbeat or a test of ours.
  if (classify_frame(frame) == FrameKind::special) return ForwardingDecision::dropped(DropReason::special_frame);
  if (is_invalid_source(ethernet->source())) return ForwardingDecision::dropped(DropReason::invalid_source);
  if (macs_.record_local(ethernet->source(), now) == MacChange::held_down) {
    return ForwardingDecision::dropped(DropReason::held_down);
  }
  auto const destination = ethernet->destination();
  if (destination == kBridgeGroup) return ForwardingDecision::dropped(DropReason::bridge_control);

  auto const self = macs_.self();
  auto const owner = destination.is_group() ? std::nullopt : macs_.find(destination);
  if (!owner) return ForwardingDecision::flood(self, routes.broadcast_hops(self), kUnknownPeer);
  if (*owner == self) return ForwardingDecision::dropped(DropReason::local_destination);
  auto const next_hop = routes.next_hop(*owner);
  if (next_hop.is_unknown()) return ForwardingDecision::dropped(DropReason::no_route);
  return ForwardingDecision::to_peer({next_hop, self, *owner});
}

ForwardingDecision Forwarding::received(PeerName source, PeerName destination, PeerName via, ByteView frame,
                                        RouteLookup const& routes, TimePoint now) const {
  auto const self = macs_.self();
  // There is no time to live: while peers disagree about routes, a frame must not circle between them.
  if (source == self) return ForwardingDecision::dropped(DropReason::returned);
  if (destination != self) {
    auto const next_hop = routes.next_hop(destination);
    if (next_hop.is_unknown()) return ForwardingDecision::dropped(DropReason::no_route);
    if (next_hop == via) return ForwardingDecision::dropped(DropReason::backwards);
    return ForwardingDecision::to_peer({next_hop, source, destination});
  }
  auto const ethernet = EthernetView::parse(frame);
  if (!ethernet) return ForwardingDecision::dropped(DropReason::runt);
  if (is_invalid_source(ethernet->source())) return ForwardingDecision::dropped(DropReason::invalid_source);
  macs_.record_remote(ethernet->source(), source, now);
  auto const& hops = routes.broadcast_hops(source);
  auto const target = ethernet->destination();
  bool const onward = std::ranges::any_of(hops, [via](PeerName hop) { return hop != via; });
  // Asking may cost a system call, so not before there is somebody to spare the copy.
  if (onward && !target.is_group() && macs_.find(target) == self) return ForwardingDecision::local_only();
  return ForwardingDecision::flood(source, hops, via).and_locally();
}

} // namespace weave::datapath
