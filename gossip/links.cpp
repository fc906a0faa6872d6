#include "gossip/links.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "gossip/v1_stream.hpp"

namespace weave::gossip {

Links::Links(Settings settings, Parts parts, Logger logger)
    : settings_{std::move(settings)}, parts_{parts}, logger_{std::move(logger)} {}

Links::~Links() { drop_all(); }

void Links::attach(GossipChannels& channels, ConnectionMaker& maker) {
  channels_ = &channels;
  maker_ = &maker;
}

void Links::on_accepted(std::unique_ptr<ByteStream> stream) {
  auto address = stream->remote_text();
  logger_.info("->[{}] connection accepted", address);
  start(std::move(stream), {.address = std::move(address), .outbound = false, .accept_new_peer = true});
}

void Links::on_dialled(std::unique_ptr<ByteStream> stream, std::string const& address, bool accept_new_peer) {
  start(std::move(stream), {.address = address, .outbound = true, .accept_new_peer = accept_new_peer});
}

void Links::drop_all() {
  for (auto const& link : links_) link->connection().leave();
  added_.clear();
  links_.clear();
}

Result<void> Links::send_now(PeerName neighbour, OutgoingMessage const& message) {
  auto* const link = find(neighbour);
  if (link == nullptr) return failure(ErrorKind::not_found, "no connection to " + neighbour.to_string());
  return link->send_now(message);
}

void Links::queue_gossip(PeerName neighbour, std::string const& channel, GossipData const& data) {
  if (auto* const link = find(neighbour)) link->queue_gossip(channel, data);
}

void Links::queue_broadcast(PeerName neighbour, std::string const& channel, PeerName source, GossipData const& data) {
  if (auto* const link = find(neighbour)) link->queue_broadcast(channel, source, data);
}

std::vector<ConnectionStatus> Links::status() const {
  std::vector<ConnectionStatus> lines;
  for (auto const& [name, link] : added_) {
    auto const* const record = parts_.peers.find(name);
    ConnectionStatus line;
    line.address = link->origin().address;
    line.outbound = link->origin().outbound;
    line.state = link->state == Link::State::established ? ConnectionState::established : ConnectionState::pending;
    line.remote = name;
    line.remote_nickname = record != nullptr ? record->nickname : link->remote.nickname;
    line.is_password_set = settings_.make_keys != nullptr;
    line.is_trusted = link->is_trusted();
    line.attributes = link->overlay->attributes();
    line.explanation = link->overlay->explanation();
    lines.push_back(std::move(line));
  }
  for (auto& line : refusals_.status(parts_.scheduler.now())) lines.push_back(std::move(line));
  return lines;
}

void Links::start(std::unique_ptr<ByteStream> stream, Link::Origin origin) {
  origin.connection_id = parts_.random.u64();
  origin.we_trust = is_trusted_address(stream->remote());
  auto const& ourself = parts_.peers.ourself();
  Connection::Settings settings{.outbound = origin.outbound,
                                .versions = settings_.versions,
                                .features = make_features({.name = ourself.name,
                                                           .nickname = ourself.nickname,
                                                           .uid = ourself.uid,
                                                           .connection_id = origin.connection_id,
                                                           .short_id = ourself.short_id,
                                                           .trusted = origin.we_trust}),
                                .keys = settings_.make_keys ? settings_.make_keys() : nullptr};
  parts_.overlay.add_features(settings.features);
  settings.features.insert_or_assign(std::string{kReasonFeature}, "1");
  auto announced = settings.features;
  auto const link = std::make_shared<Link>(std::move(origin), std::move(stream), parts_.scheduler, logger_,
                                           std::move(settings), ourself.name);
  link->announced = std::move(announced);
  links_.insert(link);
  std::weak_ptr<Link> const weak = link;
  link->start({.on_introduced =
                   [this, weak](Features const& features) {
                     if (auto const alive = weak.lock()) on_introduced(alive, features);
                   },
               .on_message = [this, weak](std::uint8_t tag, ByteView body) -> Result<void> {
                 auto const alive = weak.lock();
                 return alive ? on_message(*alive, tag, body) : Result<void>{};
               },
               .on_ready = {},
               .on_closed =
                   [this, weak](Error const& cause) {
                     if (auto const alive = weak.lock()) on_closed(alive, cause);
                   }});
}

void Links::on_introduced(LinkPointer const& link, Features const& features) {
  auto& connection = link->connection();
  if (auto const done = identify(*link, features); !done) return connection.close(done.error());
  connection.logger().info("connection ready; using protocol version {}", connection.version());
  if (connection.version() == 1) link->announced = v1_features(link->announced);
  if (auto const done = check_encryption(*link); !done) return connection.close(done.error());
  if (auto const done = prepare_overlay(link, features); !done) return connection.close(done.error());
  link->state = Link::State::prepared;
  if (auto const done = add(link); !done) return connection.close(done.error());
  if (link->origin().outbound) maker_->on_connection_added(link->origin().address);
  link->overlay->confirm();
  connection.start_receiving();
}

Result<void> Links::identify(Link& link, Features const& features) {
  auto identity = parse_features(features);
  if (!identity) return failure_of(identity);
  if (identity->name.is_unknown()) return failure(ErrorKind::malformed, "peer name 00:00:00:00:00:00 is reserved");
  link.remote = std::move(*identity);
  auto const& remote = link.remote;
  auto const* const known = parts_.peers.find(remote.name);
  if (known == nullptr && !link.origin().accept_new_peer) {
    return failure(ErrorKind::refused,
                   fmt::format("Found unknown remote name: {} at {}", remote.name.to_string(), link.origin().address));
  }
  link.is_new_peer = known == nullptr;
  link.is_restarted_peer = known != nullptr && known->uid != remote.uid;
  Peer candidate;
  candidate.name = remote.name;
  candidate.nickname = remote.nickname;
  candidate.uid = remote.uid;
  candidate.short_id = remote.short_id;
  auto const& record = parts_.peers.acquire(std::move(candidate));
  link.holds_peer = true;
  link.connection().identify(peer_text(record));
  auto const& ourself = parts_.peers.ourself();
  if (remote.name != ourself.name) return {};
  if (remote.uid == ourself.uid) {
    link.ending = ConnectionMaker::Ending::connected_to_ourself;
    return failure(ErrorKind::refused, "cannot connect to ourself");
  }
  link.ending = ConnectionMaker::Ending::name_collision;
  return failure(ErrorKind::already_exists, fmt::format("local \"{}\" and remote \"{}\" peer names collision",
                                                        peer_text(ourself), peer_text(remote.name, remote.nickname)));
}

Result<void> Links::check_encryption(Link const& link) const {
  if (!settings_.require_encryption || !link.is_trusted()) return {};
  return failure(ErrorKind::refused,
                 fmt::format("encryption is required at {} (--require-encryption), but both ends trust the subnet of "
                             "the other: take it out of --trusted-subnets at one of them",
                             peer_text(parts_.peers.ourself())));
}

Result<void> Links::prepare_overlay(LinkPointer const& link, Features const& features) {
  auto& connection = link->connection();
  OverlayConnectionParameters parameters;
  parameters.remote = link->remote.name;
  parameters.remote_nickname = link->remote.nickname;
  parameters.remote_short_id = link->remote.short_id;
  parameters.connection_uid = link->uid();
  parameters.outbound = link->origin().outbound;
  parameters.local = connection.local();
  parameters.remote_endpoint = connection.remote();
  parameters.features = features;
  parameters.announced = link->announced;
  auto session_key = connection.take_session_key();
  if (!session_key.empty() && !link->is_trusted()) {
    parameters.session_key = std::make_shared<Secret const>(std::move(session_key));
  }
  std::weak_ptr<Link> const weak = link;
  parameters.send_control = [weak](std::uint8_t tag, Bytes const& body) {
    if (auto const alive = weak.lock()) alive->send_control(tag, body);
  };
  parameters.on_established = [this, weak] {
    // An overlay may be that fast that we are still inside its confirm().
    parts_.scheduler.post([this, weak] {
      if (auto const alive = weak.lock()) on_established(*alive);
    });
  };
  parameters.on_error = [weak](Error error) {
    if (auto const alive = weak.lock()) alive->connection().close(std::move(error));
  };
  auto prepared = parts_.overlay.prepare(std::move(parameters));
  if (!prepared) return failure_of(prepared);
  link->overlay = std::move(*prepared);
  return {};
}

Result<void> Links::add(LinkPointer const& link) {
  auto const replaced = settle_duplicate(*link);
  if (!replaced) return failure_of(replaced);
  auto const limit = settings_.connection_limit;
  if (limit != 0 && !*replaced && added_.size() >= limit) {
    return failure(ErrorKind::refused, fmt::format("Connection limit reached ({})", limit));
  }
  auto const name = link->remote.name;
  refusals_.forget(link->connection().remote_address());
  // Routes may still lead to a peer that has just been forgotten, with all that was behind it.
  bool const is_reachable = !link->is_new_peer && !parts_.routes.established()->next_hop(name).is_unknown();
  PeerConnection connection{
      .remote = name, .address = link->origin().address, .outbound = link->origin().outbound, .established = false};
  added_[name] = link;
  link->state = Link::State::pending;
  if (*replaced) {
    parts_.local.replace_connection(std::move(connection));
  } else {
    parts_.local.add_connection(std::move(connection));
  }
  auto const& logger = link->connection().logger();
  if (link->is_restarted_peer) {
    logger.info("connection added (restarted peer)");
  } else {
    logger.info("connection added{}", is_reachable ? "" : " (new peer)");
  }
  // What was sent over a connection that has been replaced may never have arrived.
  if (link->is_restarted_peer || !is_reachable || *replaced) channels_->send_complete_state(name);
  return {};
}

Result<bool> Links::settle_duplicate(Link& link) {
  auto const at = added_.find(link.remote.name);
  if (at == added_.end()) return false;
  Error const error{ErrorKind::already_exists, fmt::format("Multiple connections to {} added to {}", remote_text(link),
                                                           peer_text(parts_.peers.ourself()))};
  auto const older = at->second;
  auto const new_uid = std::to_underlying(link.uid());
  auto const old_uid = std::to_underlying(older->uid());
  // Both ends see the same two numbers and so keep the same connection. Equal ones cannot be told apart: both go.
  if (new_uid >= old_uid) {
    link.ending = new_uid > old_uid ? ConnectionMaker::Ending::duplicate : ConnectionMaker::Ending::ordinary;
    if (new_uid == old_uid) older->connection().close(error);
    return std::unexpected{error};
  }
  older->ending = ConnectionMaker::Ending::duplicate;
  older->connection().close(error);
  older->connection().logger().info("connection deleted");
  // Before the new one starts, so that an overlay never has two to the same peer.
  older->overlay.reset();
  return true;
}

Result<void> Links::on_message(Link& link, std::uint8_t tag, ByteView body) {
  switch (static_cast<MessageTag>(tag)) {
    case MessageTag::gossip:
    case MessageTag::unicast:
    case MessageTag::broadcast: return channels_->receive(tag, body);
    case MessageTag::legacy_established:
    case MessageTag::legacy_fragment_received:
    case MessageTag::legacy_path_mtu_verified:
    case MessageTag::overlay_control: link.overlay->on_control(tag, body); return {};
    case MessageTag::heartbeat: return {};
  }
  return {};
}

void Links::on_established(Link& link) {
  if (!is_added(link) || link.state == Link::State::established || !link.connection().is_open()) return;
  link.state = Link::State::established;
  link.connection().logger().info("connection fully established");
  parts_.local.set_established(link.remote.name);
}

void Links::on_closed(LinkPointer const& link, Error const& cause) {
  auto const name = link->remote.name;
  bool const held_peer = std::exchange(link->holds_peer, false);
  if (held_peer) parts_.peers.release(name);
  link->overlay.reset();
  if (is_added(*link)) {
    added_.erase(name);
    link->connection().logger().info("connection deleted");
    parts_.local.remove_connection(name);
  } else if (held_peer) {
    // Its record may have been made for this connection alone.
    parts_.local.collect_garbage_soon();
  }
  links_.erase(link);
  auto const origin = link->origin();
  bool const is_refused = link->state == Link::State::introducing && link->ending == ConnectionMaker::Ending::ordinary;
  if (!origin.outbound && is_refused && cause.kind() == ErrorKind::refused) {
    refusals_.note(origin.address, cause, parts_.scheduler.now());
  }
  auto const ending = link->ending;
  auto const error = cause;
  // The connection is still on the stack below.
  parts_.scheduler.post([gone = link] {});
  maker_->on_connection_ended(origin.address, origin.outbound, name, error, ending);
}

Link* Links::find(PeerName neighbour) const {
  auto const at = added_.find(neighbour);
  return at == added_.end() ? nullptr : at->second.get();
}

bool Links::is_added(Link const& link) const { return find(link.remote.name) == &link; }

bool Links::is_trusted_address(std::optional<Ipv4Endpoint> const& remote) const {
  return remote && std::ranges::any_of(settings_.trusted_subnets, [&](Ipv4Cidr const& subnet) {
           return (remote->address.value() & subnet.mask()) == (subnet.address.value() & subnet.mask());
         });
}

std::string Links::remote_text(Link const& link) const {
  auto const* const record = parts_.peers.find(link.remote.name);
  return record != nullptr ? peer_text(*record) : peer_text(link.remote.name, link.remote.nickname);
}

} // namespace weave::gossip
