#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/peer_name.hpp"
#include "base/scheduler.hpp"
#include "gossip/peer.hpp"

namespace weave::gossip {

/// Connection states in the order in which status counts them (protocol/surfaces.md §5.1, mesh.md §15).
enum class ConnectionState { established, pending, retrying, failed, connecting, waiting };

[[nodiscard]] std::string_view to_string(ConnectionState state);

/// One line of `status connections` (surfaces.md §5.2): a live connection, or a target without one.
struct ConnectionStatus {
  /// `ip:port`; of a target whose name does not resolve, the text as typed.
  std::string address;
  bool outbound = true;
  ConnectionState state = ConnectionState::waiting;

  // Live connections:
  PeerName remote;
  std::string remote_nickname;
  /// A password is set.
  bool is_password_set = false;
  /// Both ends trust the subnet, so that the overlay runs in the clear.
  bool is_trusted = false;
  /// From the overlay: `name`, `mtu`, ….
  std::map<std::string, std::string> attributes;
  /// From the overlay: why the best way of carrying frames is not in use; else empty.
  std::string explanation;

  // Targets:
  std::string last_error;
  /// When the target is tried again; absent in `failed` means never.
  std::optional<WallTime> retry_at;
};

struct PeerConnectionStatus {
  PeerConnection connection;
  std::string remote_nickname;
};

/// One peer of `status peers` with its statements about its own connections.
struct PeerStatus {
  Peer peer;
  std::vector<PeerConnectionStatus> connections;
};

/// Everything the mesh has to say about itself, copied (surfaces.md §5.1-5.4, §7).
struct MeshStatus {
  std::uint8_t min_protocol_version = 1;
  std::uint8_t max_protocol_version = 2;
  bool is_encrypted = false;
  bool is_discovering = true;
  PeerName name;
  std::string nickname;
  std::uint16_t port = 0;
  /// Ascending by name.
  std::vector<PeerStatus> peers;
  /// Destination and next hop, ascending; ourself has kUnknownPeer.
  std::vector<std::pair<PeerName, PeerName>> unicast_routes;
  /// The broadcast trees computed so far.
  std::vector<std::pair<PeerName, std::vector<PeerName>>> broadcast_routes;
  /// Live connections, then targets.
  std::vector<ConnectionStatus> connections;
  std::uint64_t termination_count = 0;
  /// Direct peers as typed, ascending.
  std::vector<std::string> targets;
  std::vector<std::string> trusted_subnets;
};

} // namespace weave::gossip
