#include "controller/app/status_assembly.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "controller/app/firewall_remarks.hpp"

namespace weave::controller {
namespace {

api::ConnectionState state_of(gossip::ConnectionState state) {
  switch (state) {
    case gossip::ConnectionState::established: return api::ConnectionState::established;
    case gossip::ConnectionState::pending: return api::ConnectionState::pending;
    case gossip::ConnectionState::retrying: return api::ConnectionState::retrying;
    case gossip::ConnectionState::failed: return api::ConnectionState::failed;
    case gossip::ConnectionState::connecting: return api::ConnectionState::connecting;
    case gossip::ConnectionState::waiting: return api::ConnectionState::waiting;
  }
  return api::ConnectionState::waiting;
}

api::AttributeValue attribute_of(std::string const& text) {
  if (text == "true" || text == "false") return text == "true";
  std::int64_t number = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size()) return number;
  return text;
}

api::ConnectionStatus connection_of(gossip::ConnectionStatus const& connection) {
  api::ConnectionStatus status{.outbound = connection.outbound,
                               .address = connection.address,
                               .state = state_of(connection.state),
                               .peer = connection.remote,
                               .nickname = connection.remote_nickname,
                               .overlay = {},
                               .encrypted = std::nullopt,
                               .attributes = {},
                               .error = connection.last_error,
                               .retry_at = connection.retry_at,
                               .explanation = connection.explanation};
  for (auto const& [key, value] : connection.attributes) {
    if (key == "name") {
      status.overlay = value;
    } else {
      status.attributes.emplace(key, attribute_of(value));
    }
  }
  if (connection.is_password_set) status.encrypted = !connection.is_trusted;
  return status;
}

void add_paths(api::RouterStatus& router, router::NeighbourPaths const& neighbour) {
  auto const found = std::ranges::find_if(router.connections, [&](api::ConnectionStatus const& connection) {
    return connection.peer == neighbour.peer && !connection.overlay.empty();
  });
  if (found == router.connections.end()) return;
  found->paths.clear();
  for (auto const& path : neighbour.paths) {
    auto& status = found->paths.emplace_back(
        api::PathStatus{.name = path.name, .works = path.works, .problem = path.problem, .attributes = {}});
    for (auto const& [key, value] : path.attributes) status.attributes.emplace(key, attribute_of(value));
  }
}

api::PeerStatus peer_of(gossip::PeerStatus const& peer) {
  api::PeerStatus status{.name = peer.peer.name,
                         .nickname = peer.peer.nickname,
                         .uid = peer.peer.uid,
                         .short_id = peer.peer.short_id.value_or(ShortId{}),
                         .version = peer.peer.version,
                         .connections = {}};
  for (auto const& connection : peer.connections) {
    status.connections.push_back({.name = connection.connection.remote,
                                  .nickname = connection.remote_nickname,
                                  .address = connection.connection.address,
                                  .outbound = connection.connection.outbound,
                                  .established = connection.connection.established});
  }
  return status;
}

} // namespace

api::RouterStatus router_status(gossip::MeshStatus const& mesh) {
  api::RouterStatus status{};
  status.protocol_min = mesh.min_protocol_version;
  status.protocol_max = mesh.max_protocol_version;
  status.encryption = mesh.is_encrypted;
  status.peer_discovery = mesh.is_discovering;
  status.name = mesh.name;
  status.nickname = mesh.nickname;
  status.port = mesh.port;
  for (auto const& peer : mesh.peers) status.peers.push_back(peer_of(peer));
  for (auto const& [destination, via] : mesh.unicast_routes) status.unicast_routes.push_back({destination, via});
  for (auto const& [source, via] : mesh.broadcast_routes) status.broadcast_routes.push_back({source, via});
  for (auto const& connection : mesh.connections) status.connections.push_back(connection_of(connection));
  status.termination_count = mesh.termination_count;
  status.targets = mesh.targets;
  return status;
}

api::IpamStatus ipam_status(ipam::IpamStatus const& status) {
  api::IpamStatus told{};
  if (status.election) {
    told.paxos = api::PaxosStatus{.elector = status.election->elector,
                                  .known_nodes = status.election->known_nodes,
                                  .quorum = status.election->quorum};
  }
  told.range = status.universe;
  told.range_addresses = status.universe.size();
  told.active_addresses = status.active_addresses;
  told.default_subnet = status.default_subnet;
  for (auto const& entry : status.entries) {
    told.entries.push_back({.token = entry.token,
                            .size = entry.size,
                            .peer = entry.peer,
                            .nickname = entry.nickname,
                            .is_known_peer = entry.is_known_peer,
                            .version = entry.version});
  }
  for (auto const& [id, cidr] : status.pending_claims) told.pending_claims.push_back({id, cidr});
  for (auto const& [id, cidr] : status.pending_allocates) {
    told.pending_allocates.push_back(fmt::format("{} {}", id, cidr.to_string()));
  }
  told.conflict = status.conflict;
  return told;
}

api::HostStatus host_status(StoreService const& store, DataPlane const& plane, ExposeService const& expose) {
  return {.state_obstacle = store.obstacle(),
          .firewall_obstacle = expose.obstacle(),
          .hairpin_ports = plane.hairpin_ports(),
          .clock_obstacle = {},
          .firewall_places = firewall_places(expose.firewall_state())};
}

std::string clock_text(std::map<PeerName, std::int64_t> const& seconds_ahead) {
  std::vector<std::string> texts;
  for (auto const& [peer, seconds] : seconds_ahead) {
    texts.push_back(fmt::format("that of {} is {} s {} ours", peer.to_string(), std::abs(seconds),
                                seconds > 0 ? "ahead of" : "behind"));
  }
  return fmt::format("{}", fmt::join(texts, "; "));
}

namespace {

std::string interface_text(DataPlane const& plane) {
  auto const* const fast_path = plane.fast_path();
  if (fast_path == nullptr) return fmt::format("{} (via TAP)", datapath::kUserPortName);
  if (fast_path->name() == "openvswitch") return "datapath (via ODP)";
  return fmt::format("{} (via {})", plane.bridge(), fast_path->name());
}

} // namespace

Result<std::optional<api::FastPathStatus>> fast_path_status(DataPlane const& plane) {
  auto* const fast_path = plane.fast_path();
  if (fast_path == nullptr) return std::nullopt;
  auto const flows = fast_path->flows();
  if (!flows) return failure_of(flows);
  auto const ports = fast_path->ports();
  if (!ports) return failure_of(ports);
  api::FastPathStatus status;
  for (auto const& port : *ports)
    status.vports.push_back({.number = port.number, .name = port.name, .type = port.type});
  for (auto const& flow : *flows) {
    status.flows.push_back({.match = flow.match,
                            .actions = flow.actions,
                            .packets = flow.packets,
                            .bytes = flow.bytes,
                            .used = flow.used});
  }
  status.now =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch());
  return status;
}

void add_data_plane(api::RouterStatus& router, DataPlane const& plane, gossip::MeshStatus const& mesh, TimePoint now,
                    WallTime wall_now) {
  router.overlays = plane.overlays();
  router.interface = interface_text(plane);
  auto const& counters = plane.counters();
  std::uint64_t undecided = 0;
  for (std::size_t i = 0; i < datapath::kDropReasons; ++i) {
    undecided += counters.decisions.count(static_cast<datapath::DropReason>(i));
  }
  router.capture_stats = {{"FramesCaptured", counters.captured_frames.value()},
                          {"FramesInjected", counters.injected_frames.value()},
                          {"FramesSent", counters.sent_frames.value()},
                          {"FramesReceived", counters.received_frames.value()},
                          {"PacketsSent", counters.sent_packets.value()},
                          {"PacketsReceived", counters.received_packets.value()},
                          {"PacketsUnknownSender", counters.unknown_sender.value()},
                          {"PacketsNotAuthentic", counters.unauthentic_packets.value()},
                          {"PacketsReplayed", counters.replayed_packets.value()},
                          {"PacketsMalformed", counters.malformed_packets.value()},
                          {"SendFailures", counters.send_failures.value()},
                          {"DroppedByDecision", undecided},
                          {"DroppedNoPath", counters.no_path.value() + counters.no_address.value()},
                          {"TunnelPacketsSent", counters.tunnel_packets.value()},
                          {"TunnelFailures", counters.tunnel_failures.value()},
                          {"DroppedTooBig", counters.too_big.value() + counters.oversize.value()}};
  for (auto const& neighbour : plane.neighbours()) add_paths(router, neighbour);
  router.fast_path_obstacle = plane.fast_path_obstacle();
  router.mtu = plane.mtu();
  if (auto* const fast_path = plane.fast_path()) {
    for (auto const& [name, value] : fast_path->statistics()) router.capture_stats[name] = value;
    auto const& heartbeats = plane.heartbeats().statistics();
    router.capture_stats["HeartbeatsReceived"] = heartbeats.received;
    router.capture_stats["HeartbeatsMalformed"] = heartbeats.malformed;
    router.capture_stats["HeartbeatsUnknown"] = heartbeats.unknown;
  }
  std::map<PeerName, std::string> nicknames;
  for (auto const& peer : mesh.peers) nicknames[peer.peer.name] = peer.peer.nickname;
  for (auto const& entry : plane.macs().entries()) {
    router.macs.push_back(
        {.mac = entry.mac,
         .name = entry.peer,
         .nickname = nicknames[entry.peer],
         .last_seen = wall_now - std::chrono::duration_cast<WallTime::duration>(now - entry.last_seen)});
  }
}

} // namespace weave::controller
