#include "datapath/odp/state_view.hpp"

namespace weave::datapath::odp {
namespace {

std::shared_ptr<ForwardingState const> nobody() {
  static auto const kState = [] {
    auto state = std::make_shared<ForwardingState>();
    state->settling = true;
    return std::shared_ptr<ForwardingState const>{std::move(state)};
  }();
  return kState;
}

} // namespace

StateView::StateView(std::shared_ptr<ForwardingState const> state) : state_{state ? std::move(state) : nobody()} {
  ids_.reserve(state_->peers.size());
  for (auto const& [id, peer] : state_->peers) ids_.emplace(peer, id);
  for (auto const& [id, neighbour] : state_->neighbours) {
    auto const& endpoints = neighbour.endpoints;
    if (!endpoints.remote.is_unspecified()) senders_.emplace(std::pair{endpoints.remote, endpoints.udp_port}, id);
  }
}

std::optional<PeerName> StateView::peer(ShortId id) const {
  auto const found = state_->peers.find(id);
  if (found == state_->peers.end()) return std::nullopt;
  return found->second;
}

std::optional<ShortId> StateView::id_of(PeerName peer) const {
  auto const found = ids_.find(peer);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

Neighbour const* StateView::neighbour(ShortId id) const {
  auto const found = state_->neighbours.find(id);
  return found == state_->neighbours.end() ? nullptr : &found->second;
}

std::optional<ShortId> StateView::next_hop(ShortId destination) const {
  auto const found = state_->next_hops.find(destination);
  if (found == state_->next_hops.end()) return std::nullopt;
  return found->second;
}

std::span<ShortId const> StateView::floods(ShortId source) const {
  auto const found = state_->floods.find(source);
  if (found == state_->floods.end()) return {};
  return found->second;
}

std::optional<ShortId> StateView::sender(Ipv4Address remote, std::uint16_t udp_port) const {
  auto const found = senders_.find({remote, udp_port});
  if (found == senders_.end()) return std::nullopt;
  return found->second;
}

} // namespace weave::datapath::odp
