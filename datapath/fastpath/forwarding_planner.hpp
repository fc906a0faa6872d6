#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/peer_name.hpp"
#include "base/scheduler.hpp"
#include "datapath/bridge/route_lookup.hpp"
#include "datapath/fastpath/forwarding_state.hpp"

namespace weave::datapath {

/// Makes the ForwardingState of a kernel path out of what the mesh (routes, short ids) and the tunnels (carriers,
/// endpoints) say, and publishes it when it differs from the last one: changes of a carrier or of endpoints at once,
/// all others together after the current handler. Next hops and floods name only ids that are in `neighbours`.
/// Control thread only.
///
/// *Lost peers.* A peer to which the topology has no route any more may be a daemon that restarts while its kernel goes
/// on forwarding. For kGrace it keeps what it had in the last routes that knew it: id, next hop, and its broadcasts'
/// list; a direct neighbour keeps its endpoints, even without a connection, if a tunnel was its carrier. This ends as
/// soon as the topology knows a route again. Broadcasts of peers that still have a route go on to a lost neighbour if
/// they did before and if no peer behind it is now reached by another way, since that peer would get them twice. That
/// no frame arrives twice needs all peers to have had the same last routes; while the mesh changes on, it may.
///
/// *Settling.* After a start the kernel may still forward by the state of an earlier process. Until settled, at most
/// for kSettling, peers that have had no route yet are left out of the state, and nothing is published before the first
/// route.
///
/// A peer whose short id is owned by another peer (a collision) is in no state, whatever else is known of it.
class ForwardingPlanner {
 public:
  using Publish = std::function<void(std::shared_ptr<ForwardingState const>)>;

  static constexpr Duration kGrace = std::chrono::seconds{60};
  static constexpr Duration kSettling = std::chrono::seconds{30};

  /// `publish` is called from the scheduler, or inside set_carrier and set_endpoints; it must not call back.
  ForwardingPlanner(Scheduler& scheduler, PeerName self, Publish publish);
  ForwardingPlanner(ForwardingPlanner const&) = delete;
  ForwardingPlanner& operator=(ForwardingPlanner const&) = delete;

  void set_routes(std::shared_ptr<RouteLookup const> routes);
  /// `owners`: the one peer that each id means, without or with ourself. Nothing is published before the first call.
  void set_short_ids(ShortId self, std::map<ShortId, PeerName> owners);

  /// What carries frames on the connection to this neighbour; the first call for it says that there is one.
  void set_carrier(PeerName neighbour, Carrier carrier);
  void set_endpoints(PeerName neighbour, TunnelEndpoints const& endpoints);
  /// Its connection is gone.
  void remove_neighbour(PeerName neighbour);

  /// The mesh has come together.
  void settled();

  /// The last state published; null before the first.
  [[nodiscard]] std::shared_ptr<ForwardingState const> const& current() const { return current_; }

 private:
  struct Link {
    bool connected = false;
    Carrier carrier = Carrier::none;
    std::optional<TunnelEndpoints> endpoints;

    [[nodiscard]] bool has_tunnel() const { return carrier == Carrier::tunnel && endpoints; }
  };
  struct Lost {
    /// The last routes that knew it, and its next hop in them.
    std::shared_ptr<RouteLookup const> routes;
    PeerName hop;
    /// Only of a neighbour, which is its own next hop.
    std::optional<TunnelEndpoints> tunnel;
    Timer expiry;
  };
  class Draft;

  void note_lost(std::shared_ptr<RouteLookup const> const& before);
  [[nodiscard]] bool is_usable_hop(PeerName hop) const;
  void forget(PeerName lost);
  void prune();
  [[nodiscard]] bool is_routed(PeerName peer) const;

  void request();
  void publish_now();

  Scheduler& scheduler_;
  PeerName self_;
  Publish publish_;

  std::shared_ptr<RouteLookup const> routes_;
  std::optional<ShortId> self_id_;
  std::map<ShortId, PeerName> owners_;
  /// The last id of each peer that has a route, is lost or owns one now.
  std::map<PeerName, ShortId> last_ids_;
  std::map<PeerName, Link> links_;
  std::map<PeerName, Lost> lost_;
  /// Those that have been in a state since the start.
  std::set<PeerName> met_;
  bool settling_ = true;
  Timer settling_timer_;

  std::shared_ptr<ForwardingState const> current_;
  bool requested_ = false;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

} // namespace weave::datapath
