#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/peer_name.hpp"
#include "datapath/fastpath/forwarding_planner.hpp"

namespace weave::datapath {

/// Tells the planner what the tunnels of each neighbour's connection have come to. Two connections to one neighbour may
/// exist for a moment (duplicates, a restart); the one confirmed last counts. Control thread only; outlives
/// connections.
class FastpathLinks {
 public:
  explicit FastpathLinks(ForwardingPlanner& planner) : planner_{planner} {}
  FastpathLinks(FastpathLinks const&) = delete;
  FastpathLinks& operator=(FastpathLinks const&) = delete;

  /// TunnelConnectionParameters::on_best.
  void set_best(PeerName peer, ConnectionUid connection, std::optional<std::string> const& forwarder);
  /// FastdpForwarder::Dependencies::on_endpoints.
  void set_endpoints(PeerName peer, ConnectionUid connection, TunnelEndpoints const& endpoints);
  /// The connection has won against its duplicates.
  void confirm(PeerName peer, ConnectionUid connection);
  /// It is gone; harmless if nothing was ever said of it.
  void remove(PeerName peer, ConnectionUid connection);

 private:
  struct Link {
    Carrier carrier = Carrier::none;
    std::optional<TunnelEndpoints> endpoints;
  };

  [[nodiscard]] bool counts(PeerName peer, ConnectionUid connection) const;

  ForwardingPlanner& planner_;
  std::map<std::pair<PeerName, ConnectionUid>, Link> links_;
  std::map<PeerName, ConnectionUid> confirmed_;
};

} // namespace weave::datapath
