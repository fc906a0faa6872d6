#include "datapath/fastpath/peer_directory.hpp"

#include <utility>

namespace weave::datapath {

PeerDirectory::PeerDirectory(std::shared_ptr<ForwardingState const> state) : state_{std::move(state)} {
  ids_.reserve(state_->peers.size());
  for (auto const& [id, name] : state_->peers) ids_.emplace(name, id);
}

std::expected<ForwardHop, DropReason> PeerDirectory::resolve(UserTag const& tag) const {
  auto const source = tag.source ? name_of(*tag.source) : state_->self;
  auto const destination = name_of(tag.destination);
  if (source.is_unknown() || destination.is_unknown()) return std::unexpected{DropReason::unknown_peer};
  if (tag.source && source == state_->self) return std::unexpected{DropReason::returned};
  if (destination == state_->self) return std::unexpected{DropReason::local_destination};
  auto const hop = next_hop(tag);
  if (hop.is_unknown()) return std::unexpected{DropReason::no_route};
  return ForwardHop{hop, source, destination};
}

PeerName PeerDirectory::next_hop(UserTag const& tag) const {
  auto const neighbour = [this](ShortId id) {
    auto const found = state_->neighbours.find(id);
    return found == state_->neighbours.end() ? kUnknownPeer : found->second.name;
  };
  // Copies of a flooded frame are addressed to the neighbour that is meant; others follow the route.
  auto const direct = neighbour(tag.destination);
  if (tag.flooded && !direct.is_unknown()) return direct;
  auto const route = state_->next_hops.find(tag.destination);
  return route == state_->next_hops.end() ? direct : neighbour(route->second);
}

std::optional<ShortId> PeerDirectory::id_of(PeerName peer) const {
  auto const found = ids_.find(peer);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

std::optional<TunnelRoute> PeerDirectory::tunnel_for(ForwardHop const& hop) const {
  auto const id = id_of(hop.next_hop);
  auto const source = id_of(hop.source);
  auto const destination = id_of(hop.destination);
  if (!id || !source || !destination) return std::nullopt;
  auto const found = state_->neighbours.find(*id);
  if (found == state_->neighbours.end() || found->second.carrier != Carrier::tunnel) return std::nullopt;
  auto const& endpoints = found->second.endpoints;
  // The kernel would take an unspecified address for this host.
  if (endpoints.remote.is_unspecified() || endpoints.udp_port == 0) return std::nullopt;
  return TunnelRoute{endpoints, {.source = *source, .destination = *destination}};
}

PeerName PeerDirectory::name_of(ShortId id) const {
  auto const found = state_->peers.find(id);
  return found == state_->peers.end() ? kUnknownPeer : found->second;
}

} // namespace weave::datapath
