#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <unordered_map>

#include "base/peer_name.hpp"
#include "datapath/bridge/drop_reason.hpp"
#include "datapath/bridge/forwarding.hpp"
#include "datapath/fastpath/forwarding_state.hpp"
#include "datapath/fastpath/user_tag.hpp"
#include "datapath/tunnel/tunnel_id.hpp"

namespace weave::datapath {

/// A VXLAN tunnel and what to write into its packets.
struct TunnelRoute {
  TunnelEndpoints endpoints;
  TunnelId ids;

  friend bool operator==(TunnelRoute const&, TunnelRoute const&) = default;
};

/// What a packet worker asks of one forwarding state, frame by frame: short ids to names and back, next hops, tunnels.
/// Immutable; knows nobody when made without a state.
class PeerDirectory {
 public:
  PeerDirectory() = default;
  explicit PeerDirectory(std::shared_ptr<ForwardingState const> state);

  /// Where a frame with this tag goes. The reason if nowhere.
  [[nodiscard]] std::expected<ForwardHop, DropReason> resolve(UserTag const& tag) const;
  [[nodiscard]] std::optional<ShortId> id_of(PeerName peer) const;
  /// The tunnel by which the next hop is reached; none if its carrier is another or an id is unknown.
  [[nodiscard]] std::optional<TunnelRoute> tunnel_for(ForwardHop const& hop) const;

 private:
  [[nodiscard]] PeerName name_of(ShortId id) const;
  [[nodiscard]] PeerName next_hop(UserTag const& tag) const;

  std::shared_ptr<ForwardingState const> state_ = std::make_shared<ForwardingState const>();
  std::unordered_map<PeerName, ShortId> ids_;
};

} // namespace weave::datapath
