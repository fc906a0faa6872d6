#include "gossip/mesh_router.hpp"

#include <utility>

#include <fmt/format.h>

namespace weave::gossip {

MeshRouter::MeshRouter(MeshSettings settings, MeshPorts ports, Logger logger)
    : settings_{std::move(settings)},
      ports_{ports},
      logger_{std::move(logger)},
      peers_{make_ourself(settings_, ports_.random), ports_.random},
      routes_{peers_, ports_.scheduler, ports_.random},
      local_{peers_, routes_, ports_.scheduler},
      links_{{.versions = {settings_.min_protocol_version, settings_.max_protocol_version},
              .connection_limit = settings_.connection_limit,
              .trusted_subnets = settings_.trusted_subnets,
              .require_encryption = settings_.require_encryption,
              .make_keys = settings_.make_keys},
             {peers_, local_, routes_, ports_.overlay, ports_.scheduler, ports_.random},
             logger_},
      topology_{peers_,
                {.on_update = [this] { local_.collect_garbage_soon(); },
                 .on_news =
                     [this] {
                       maker_.refresh();
                       routes_.request_recalculation();
                     }}},
      channels_{peers_.our_name(), routes_, links_, ports_.scheduler, logger_},
      maker_{{.port = settings_.port, .discovery = settings_.discovery, .connection_limit = settings_.connection_limit},
             peers_,
             ports_.transport,
             ports_.scheduler,
             ports_.random,
             logger_,
             {.on_dialled =
                  [this](std::unique_ptr<ByteStream> stream, std::string const& address, bool accept_new_peer) {
                    links_.on_dialled(std::move(stream), address, accept_new_peer);
                  },
              .on_direct_peers_changed =
                  [this] {
                    for (auto const& each : listeners_) {
                      if (each.on_targets_changed) each.on_targets_changed();
                    }
                  }}} {
  links_.attach(channels_, maker_);
  local_.set_channel(channels_.register_channel(kTopologyChannel, topology_));
  listen_to_parts();
}

MeshRouter::~MeshRouter() { stop(); }

GossipChannel& MeshRouter::register_channel(std::string const& name, Gossiper& gossiper) {
  return channels_.register_channel(name, gossiper);
}

Result<void> MeshRouter::start() {
  auto listening = ports_.transport.listen(settings_.host, settings_.port, [this](std::unique_ptr<ByteStream> stream) {
    links_.on_accepted(std::move(stream));
  });
  if (!listening) return failure_of(listening);
  listening_ = std::move(*listening);
  channels_.start();
  return {};
}

void MeshRouter::stop() {
  if (std::exchange(is_stopped_, true)) return;
  listening_.reset();
  maker_.stop();
  channels_.stop();
  local_.stop();
  links_.drop_all();
}

std::vector<Error> MeshRouter::initiate(std::vector<std::string> const& peers, bool replace) {
  return maker_.initiate(peers, replace);
}

void MeshRouter::forget(std::vector<std::string> const& peers) { maker_.forget(peers); }

std::vector<std::string> MeshRouter::targets() const { return maker_.direct_peers(); }

std::string MeshRouter::nickname(PeerName name) const {
  auto const* const peer = peers_.find(name);
  return peer == nullptr ? std::string{} : peer->nickname;
}

MeshStatus MeshRouter::status() const {
  MeshStatus status;
  status.min_protocol_version = settings_.min_protocol_version;
  status.max_protocol_version = settings_.max_protocol_version;
  status.is_encrypted = settings_.make_keys != nullptr;
  status.is_discovering = settings_.discovery;
  status.name = peers_.our_name();
  status.nickname = settings_.nickname;
  status.port = settings_.port;
  peers_.for_each([&](Peer const& peer) {
    PeerStatus line{.peer = peer, .connections = {}};
    for (auto const& [remote, connection] : peer.connections) {
      line.connections.push_back({.connection = connection, .remote_nickname = nickname(remote)});
    }
    status.peers.push_back(std::move(line));
  });
  status.unicast_routes = routes_.established()->unicast();
  status.broadcast_routes = routes_.established()->broadcast_so_far();
  status.connections = links_.status();
  for (auto& target : maker_.status()) status.connections.push_back(std::move(target));
  status.termination_count = maker_.termination_count();
  status.targets = maker_.direct_peers();
  for (auto const& subnet : settings_.trusted_subnets) status.trusted_subnets.push_back(subnet.to_string());
  return status;
}

Peer MeshRouter::make_ourself(MeshSettings& settings, RandomSource& random) {
  while (settings.uid == PeerUid{}) settings.uid = PeerUid{random.u64()};
  Peer ourself;
  ourself.name = settings.name;
  ourself.nickname = settings.nickname;
  ourself.uid = settings.uid;
  auto const drawn = ShortId{static_cast<std::uint16_t>(random.u64() & kShortIdMax)};
  ourself.short_id = settings.short_id.value_or(drawn);
  return ourself;
}

void MeshRouter::listen_to_parts() {
  peers_.set_listeners({.on_collected =
                            [this](Peer const& peer) {
                              logger_.info("Removed unreachable peer {}", peer_text(peer));
                              for (auto const& each : listeners_) {
                                if (each.on_peer_collected) each.on_peer_collected(peer.name);
                              }
                            },
                        .on_short_id_invalidated =
                            [this](ShortId id) {
                              for (auto const& each : listeners_) {
                                if (each.on_short_id_invalidated) each.on_short_id_invalidated(id);
                              }
                            },
                        .on_ourself_modified = [this] { local_.announce(); }});
  local_.on_collected([this] { maker_.refresh(); });
  routes_.on_changed([this](std::shared_ptr<RouteSnapshot const> const& snapshot) {
    for (auto const& each : listeners_) {
      if (each.on_routes_changed) each.on_routes_changed(snapshot);
    }
  });
}

} // namespace weave::gossip
