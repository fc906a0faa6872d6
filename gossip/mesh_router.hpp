#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/logger.hpp"
#include "base/peer_name.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/scheduler.hpp"
#include "gossip/connection_maker.hpp"
#include "gossip/gossip_channels.hpp"
#include "gossip/gossiper.hpp"
#include "gossip/links.hpp"
#include "gossip/local_peer.hpp"
#include "gossip/overlay.hpp"
#include "gossip/peer_table.hpp"
#include "gossip/route_snapshot.hpp"
#include "gossip/routes.hpp"
#include "gossip/sealer.hpp"
#include "gossip/status.hpp"
#include "gossip/topology_gossiper.hpp"
#include "gossip/transport.hpp"

namespace weave::gossip {

/// Who we are in the mesh and how we behave (protocol/mesh.md §14).
struct MeshSettings {
  PeerName name;
  std::string nickname;
  /// Random and non-zero in each process; 0 here: drawn by the router.
  PeerUid uid{};
  /// The one of an earlier process, so that kernels need not learn another; absent: drawn by the router.
  std::optional<ShortId> short_id = {};
  std::uint16_t port = 6783;
  /// Address to listen on; empty: all.
  std::string host;
  /// 0: no limit.
  std::size_t connection_limit = 200;
  bool discovery = true;
  std::uint8_t min_protocol_version = 1;
  std::uint8_t max_protocol_version = 2;
  std::vector<Ipv4Cidr> trusted_subnets;
  /// Connections that would carry frames in clear are refused; only with make_keys.
  bool require_encryption = false;
  /// Our half of each connection's key agreement; empty: no password.
  std::function<std::unique_ptr<KeyExchange>()> make_keys;
};

/// The ports through which the mesh touches the world; all must outlive the router.
struct MeshPorts {
  Scheduler& scheduler;
  RandomSource& random;
  Transport& transport;
  Overlay& overlay;
};

/// One peer of the mesh: keeps connections, knows the topology, routes gossip of any channel (protocol/mesh.md).
/// Use: register channels and listeners, start(), initiate(). Control thread only; listeners are called there too,
/// after the state has changed, and may call back. Destroying it closes all connections.
class MeshRouter {
 public:
  struct Listeners {
    /// The peer is out of reach and forgotten: its addresses, names and MACs are void.
    std::function<void(PeerName)> on_peer_collected = {};
    /// New routes for the data plane.
    std::function<void(std::shared_ptr<RouteSnapshot const>)> on_routes_changed = {};
    /// Whoever cached the owner of this short id must forget it.
    std::function<void(ShortId)> on_short_id_invalidated = {};
    /// targets() changed: persist it.
    std::function<void()> on_targets_changed = {};
  };

  MeshRouter(MeshSettings settings, MeshPorts ports, Logger logger);
  MeshRouter(MeshRouter const&) = delete;
  MeshRouter& operator=(MeshRouter const&) = delete;
  ~MeshRouter();

  /// Listeners add up; each is kept for the life of the router.
  void add_listeners(Listeners listeners) { listeners_.push_back(std::move(listeners)); }
  /// The gossiper must outlive the router's last activity (stop or destruction); the channel lives as long as the
  /// router. Each name once; `topology` is taken.
  GossipChannel& register_channel(std::string const& name, Gossiper& gossiper);
  /// Listens and begins the gossip rounds.
  [[nodiscard]] Result<void> start();
  /// Closes every connection and stops dialling and listening; nothing happens any more.
  void stop();

  /// See ConnectionMaker.
  std::vector<Error> initiate(std::vector<std::string> const& peers, bool replace);
  void forget(std::vector<std::string> const& peers);
  [[nodiscard]] std::vector<std::string> targets() const;

  [[nodiscard]] PeerName name() const { return peers_.our_name(); }
  [[nodiscard]] PeerUid uid() const { return peers_.ourself().uid; }
  [[nodiscard]] bool knows(PeerName name) const { return peers_.find(name) != nullptr; }
  /// Empty for peers that are unknown or nameless.
  [[nodiscard]] std::string nickname(PeerName name) const;
  /// Ascending, ourself included.
  [[nodiscard]] std::vector<PeerName> peers() const { return peers_.names(); }
  [[nodiscard]] Peer const* find_peer(PeerName name) const { return peers_.find(name); }
  /// Ours; absent only when all 4096 are taken.
  [[nodiscard]] std::optional<ShortId> short_id() const { return peers_.ourself().short_id; }
  /// The principal of each short id in use, ours included.
  [[nodiscard]] std::map<ShortId, PeerName> short_ids() const { return peers_.short_ids(); }
  [[nodiscard]] std::optional<PeerName> peer_by_short_id(ShortId id) const { return peers_.by_short_id(id); }
  /// Never null.
  [[nodiscard]] std::shared_ptr<RouteSnapshot const> routes() const { return routes_.established(); }
  [[nodiscard]] MeshStatus status() const;
  [[nodiscard]] GossipChannels const& channels() const { return channels_; }

 private:
  [[nodiscard]] static Peer make_ourself(MeshSettings& settings, RandomSource& random);
  void listen_to_parts();

  MeshSettings settings_;
  MeshPorts ports_;
  Logger logger_;
  std::vector<Listeners> listeners_;
  PeerTable peers_;
  Routes routes_;
  LocalPeer local_;
  Links links_;
  TopologyGossiper topology_;
  GossipChannels channels_;
  ConnectionMaker maker_;
  std::unique_ptr<Operation> listening_;
  bool is_stopped_ = false;
};

} // namespace weave::gossip
