#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>

#include "base/peer_name.hpp"
#include "datapath/fastpath/forwarding_state.hpp"

namespace weave::datapath::odp {

/// Look-ups in one forwarding state. Immutable and cheap to copy; empty (nobody is known, settling) when made without a
/// state. References live as long as the view.
class StateView {
 public:
  StateView() : StateView(nullptr) {}
  explicit StateView(std::shared_ptr<ForwardingState const> state);

  [[nodiscard]] bool settling() const { return state_->settling; }
  [[nodiscard]] PeerName self() const { return state_->self; }
  [[nodiscard]] ShortId self_id() const { return state_->self_id; }
  [[nodiscard]] bool is_known(ShortId id) const { return state_->peers.contains(id); }
  [[nodiscard]] std::optional<PeerName> peer(ShortId id) const;
  [[nodiscard]] std::optional<ShortId> id_of(PeerName peer) const;
  /// Null if it is none.
  [[nodiscard]] Neighbour const* neighbour(ShortId id) const;
  [[nodiscard]] std::optional<ShortId> next_hop(ShortId destination) const;
  [[nodiscard]] std::span<ShortId const> floods(ShortId source) const;
  /// The neighbour whose VXLAN packets come from there.
  [[nodiscard]] std::optional<ShortId> sender(Ipv4Address remote, std::uint16_t udp_port) const;

 private:
  std::shared_ptr<ForwardingState const> state_;
  std::unordered_map<PeerName, ShortId> ids_;
  std::map<std::pair<Ipv4Address, std::uint16_t>, ShortId> senders_;
};

} // namespace weave::datapath::odp
