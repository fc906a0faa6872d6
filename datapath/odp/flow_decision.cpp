#include "datapath/odp/flow_decision.hpp"

#include <algorithm>

#include "datapath/packet/headers.hpp"

namespace weave::datapath::odp {
namespace {

constexpr MacAddress kBridgeGroup{{0x01, 0x80, 0xc2, 0x00, 0x00, 0x00}};

/// Stands for those that a flow does not look at: no group, and not zero as in heartbeats.
constexpr MacAddress kSomeAddress{{0x02, 0x00, 0x00, 0x00, 0x00, 0x01}};

/// A source address that no device may have; bridges do not learn or pass such frames.
bool is_invalid_source(MacAddress mac) { return mac.is_group() || mac.is_zero(); }

bool is_tag(std::uint16_t type) { return type == kEtherTypeVlan || type == kEtherTypeServiceVlan; }

std::optional<std::uint16_t> tag_at(ByteView frame, std::size_t offset) {
  if (frame.size() < offset + kVlanTagSize) return std::nullopt;
  auto const type = load_u16(frame, offset);
  return is_tag(type) ? std::optional{type} : std::nullopt;
}

std::optional<VlanMatch> tags_of(ByteView frame) {
  auto const outer = tag_at(frame, 2 * kMacSize);
  if (!outer) return std::nullopt;
  return VlanMatch{.type = *outer, .inner_type = tag_at(frame, 2 * kMacSize + kVlanTagSize)};
}

TunnelId ids_of(TunnelMatch const& tunnel) { return TunnelId::of_vni(static_cast<std::uint32_t>(tunnel.id)); }

FlowMatch without_addresses(PacketKey const& key) {
  return {.in_port = key.in_port, .tunnel = key.tunnel, .vlan = key.tags};
}

FlowMatch to_destination(PacketKey const& key) {
  auto match = without_addresses(key);
  match.destination = MaskedMac::exactly(key.destination);
  return match;
}

FlowMatch with_addresses(PacketKey const& key) {
  auto match = to_destination(key);
  match.source = MaskedMac::exactly(key.source);
  return match;
}

FlowDecision dropped(FlowMatch match, DropReason reason) { return {.match = std::move(match), .drop = reason}; }

FlowDecision dropped_once(FlowMatch match, DropReason reason) {
  return {.match = std::move(match), .drop = reason, .cacheable = false};
}

} // namespace

std::optional<PacketKey> key_of(Upcall const& upcall) {
  auto const ethernet = EthernetView::parse(upcall.packet);
  if (!ethernet) return std::nullopt;
  PacketKey key{.in_port = upcall.in_port,
                .source = ethernet->source(),
                .destination = ethernet->destination(),
                .tags = tags_of(upcall.packet)};
  if (upcall.tunnel) key.tunnel = TunnelMatch{upcall.tunnel->id, upcall.tunnel->source, upcall.tunnel->destination};
  return key;
}

PacketKey key_of(FlowMatch const& match) {
  auto const address = [](MaskedMac const& mac) { return mac.mask.is_zero() ? kSomeAddress : mac.value; };
  PacketKey key{.in_port = match.in_port,
                .source = address(match.source),
                .destination = address(match.destination),
                .tunnel = match.tunnel,
                .tags = match.vlan};
  if (key.tags) key.tags->id.reset();
  return key;
}

std::optional<Sighting> FlowDecider::sighting(PacketKey const& key) const {
  if (is_invalid_source(key.source) || key.destination == kBridgeGroup) return std::nullopt;
  auto const role = ports_.role(key.in_port);
  if (role == PortRole::local) return Sighting{key.source, macs_.self(), key.in_port};
  if (role != PortRole::tunnel || !key.tunnel) return std::nullopt;
  auto const ids = ids_of(*key.tunnel);
  if (ids.destination != state_.self_id() || ids.source == state_.self_id()) return std::nullopt;
  auto const peer = state_.peer(ids.source);
  if (!peer) return std::nullopt;
  return Sighting{key.source, *peer};
}

FlowDecision FlowDecider::decide(PacketKey const& key) const {
  switch (ports_.role(key.in_port)) {
    case PortRole::local: return captured(key);
    case PortRole::user: return from_user(key);
    case PortRole::tunnel: return tunnelled(key);
    case PortRole::ignored: break;
  }
  return dropped_once(without_addresses(key), DropReason::no_route);
}

FlowDecision FlowDecider::captured(PacketKey const& key) const {
  if (is_invalid_source(key.source)) return dropped(with_addresses(key), DropReason::invalid_source);
  if (key.destination == kBridgeGroup) return dropped(to_destination(key), DropReason::bridge_control);
  FlowDecision decision{.match = with_addresses(key)};
  auto const owner = key.destination.is_group() ? std::nullopt : macs_.find(key.destination);
  auto const self_id = state_.self_id();
  if (!owner) {
    add_locals(decision.plan, key.destination, key.in_port);
    for (auto const hop : state_.floods(self_id)) add_copy(decision.plan, {self_id, hop}, hop, true);
    if (decision.plan.drops()) decision.drop = DropReason::no_route;
  } else if (*owner == macs_.self()) {
    add_locals(decision.plan, key.destination, key.in_port);
    if (decision.plan.drops()) decision.drop = DropReason::local_destination;
  } else {
    auto const destination = state_.id_of(*owner);
    auto const next_hop = destination ? state_.next_hop(*destination) : std::nullopt;
    if (next_hop) add_copy(decision.plan, {self_id, *destination}, *next_hop, false);
    if (!destination)
      decision.drop = DropReason::unknown_peer;
    else if (decision.plan.drops())
      decision.drop = DropReason::no_route;
  }
  return decision;
}

FlowDecision FlowDecider::tunnelled(PacketKey const& key) const {
  if (!key.tunnel) return dropped_once(without_addresses(key), DropReason::unknown_peer);
  if (key.source.is_zero() && key.destination.is_zero()) {
    return {.match = with_addresses(key), .cacheable = false, .heartbeat = true};
  }
  auto const ids = ids_of(*key.tunnel);
  // There is no time to live: while peers disagree about routes, a frame must not circle between them.
  if (ids.source == state_.self_id()) return dropped(with_addresses(key), DropReason::returned);
  if (!state_.is_known(ids.source)) return dropped(with_addresses(key), DropReason::unknown_peer);
  return ids.destination == state_.self_id() ? arrived(key, ids) : relayed(key, ids);
}

FlowDecision FlowDecider::relayed(PacketKey const& key, TunnelId ids) const {
  // Drops name the addresses too: a flow without them would swallow heartbeats of a neighbour that has our last id.
  if (!state_.is_known(ids.destination)) return dropped(with_addresses(key), DropReason::unknown_peer);
  auto const next_hop = state_.next_hop(ids.destination);
  if (!next_hop) return dropped(with_addresses(key), DropReason::no_route);
  if (goes_back(*key.tunnel, key.in_port, *next_hop)) return dropped(with_addresses(key), DropReason::backwards);
  FlowDecision decision{.match = without_addresses(key)};
  add_copy(decision.plan, ids, *next_hop, false);
  if (decision.plan.drops()) return dropped(with_addresses(key), DropReason::no_route);
  return decision;
}

FlowDecision FlowDecider::arrived(PacketKey const& key, TunnelId ids) const {
  if (is_invalid_source(key.source)) return dropped(with_addresses(key), DropReason::invalid_source);
  if (key.destination == kBridgeGroup) return dropped(to_destination(key), DropReason::bridge_control);
  FlowDecision decision{.match = with_addresses(key)};
  add_locals(decision.plan, key.destination, key.in_port);
  if (!is_local(key.destination)) {
    for (auto const hop : state_.floods(ids.source)) {
      if (goes_back(*key.tunnel, key.in_port, hop)) continue;
      add_copy(decision.plan, {ids.source, hop}, hop, true);
    }
  }
  if (decision.plan.drops()) decision.drop = DropReason::no_route;
  return decision;
}

FlowDecision FlowDecider::from_user(PacketKey const& key) const {
  // What the worker writes has been learned and passed on by it, and is for this host.
  if (!key.tags || key.tags->type != kEtherTypeVlan) return dropped_once(without_addresses(key), DropReason::untagged);
  bool const one_way = ports_.locals().size() <= 1;
  FlowDecision decision{.match = one_way ? without_addresses(key) : to_destination(key)};
  decision.plan.untag = true;
  add_locals(decision.plan, key.destination, key.in_port);
  if (decision.plan.drops()) decision.drop = DropReason::no_route;
  return decision;
}

bool FlowDecider::is_local(MacAddress mac) const { return !mac.is_group() && macs_.find(mac) == macs_.self(); }

void FlowDecider::add_locals(Plan& plan, MacAddress destination, PortNo except) const {
  auto const& locals = ports_.locals();
  // Asking costs; with one port there is nothing to choose.
  auto const place = locals.size() > 1 && is_local(destination) ? places_.find(destination) : std::nullopt;
  bool const chosen = place && std::ranges::binary_search(locals, *place);
  for (auto const port : locals) {
    if (port != except && (!chosen || port == *place)) plan.local.push_back(port);
  }
}

void FlowDecider::add_copy(Plan& plan, TunnelId ids, ShortId next_hop, bool flooded) const {
  auto const* const neighbour = state_.neighbour(next_hop);
  if (neighbour == nullptr) return;
  switch (neighbour->carrier) {
    case Carrier::none: return;
    case Carrier::user: {
      plan.user_port = ports_.user();
      if (!plan.user_port) return;
      bool const ours = ids.source == state_.self_id();
      plan.user.push_back({ours ? std::nullopt : std::optional{ids.source}, ids.destination, flooded});
      return;
    }
    case Carrier::tunnel: {
      auto const& endpoints = neighbour->endpoints;
      auto const port = ports_.tunnel(endpoints.udp_port);
      if (port) plan.tunnels.push_back({*port, tunnel_key(ids, endpoints.local, endpoints.remote)});
      return;
    }
  }
}

bool FlowDecider::goes_back(TunnelMatch const& tunnel, PortNo in_port, ShortId next_hop) const {
  if (state_.sender(tunnel.source, ports_.udp_port(in_port)) == next_hop) return true;
  auto const* const neighbour = state_.neighbour(next_hop);
  return neighbour != nullptr && neighbour->carrier == Carrier::tunnel &&
         neighbour->endpoints.remote == tunnel.source && neighbour->endpoints.udp_port == ports_.udp_port(in_port);
}

} // namespace weave::datapath::odp
