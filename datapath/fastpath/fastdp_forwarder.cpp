#include "datapath/fastpath/fastdp_forwarder.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "datapath/fastpath/mutual_liveness.hpp"
#include "datapath/fastpath/original_liveness.hpp"
#include "datapath/ipsec/packet_size.hpp"
#include "datapath/packet/byte_order.hpp"

namespace weave::datapath {
namespace {

/// Control messages of the fast path (protocol/datapath.md §3); the last two between our own peers only.
enum FastdpTag : std::uint8_t { kHeartbeatSeen = 0, kInstallSecurityAssociation = 1, kAskLastSent = 2, kLastSent = 3 };
constexpr std::size_t kSequenceSize = 4;

std::unique_ptr<Liveness> make_liveness(bool mutual, Scheduler& scheduler, std::uint32_t length,
                                        LivenessEvents events) {
  if (mutual) return std::make_unique<MutualLiveness>(scheduler, length, std::move(events));
  return std::make_unique<OriginalLiveness>(scheduler, length, std::move(events));
}

} // namespace

FastdpForwarder::FastdpForwarder(Dependencies dependencies, TunnelPeer const& peer, TunnelEndpoints const& endpoints,
                                 ForwarderEvents events)
    : dependencies_{std::move(dependencies)},
      logger_{dependencies_.logger.with_subject(fmt::format("fastdp ->[{}]: ", peer.label()))},
      events_{std::move(events)},
      peer_{peer.remote},
      connection_{peer.connection},
      endpoints_{endpoints},
      session_key_{peer.session_key},
      liveness_{make_liveness(peer.liveness, dependencies_.scheduler, heartbeat_length(dependencies_.mtu),
                              liveness_events())} {}

FastdpForwarder::~FastdpForwarder() { dependencies_.registry.remove(connection_, *this); }

LivenessEvents FastdpForwarder::liveness_events() {
  return {.transmit = [this](std::optional<LivenessFields> const& fields) { transmit(fields); },
          .established = [this] { events_.established(); },
          .health =
              [this](bool healthy) {
                if (!healthy) logger_.info("{}", explanation());
                events_.health(healthy);
              },
          .ask = [this] { events_.send_control(kAskLastSent, {}); },
          .answer = [this](std::uint32_t last_sent) { answer(last_sent); }};
}

void FastdpForwarder::confirm() {
  if (std::exchange(confirmed_, true)) return;
  dependencies_.registry.add(connection_, *this);
  // Before anything can be sent to the peer.
  protect();
  if (failed_) return;
  dependencies_.on_endpoints(peer_, connection_, endpoints_);
  open_port();
  liveness_->start();
  if (!obstacle_.empty()) liveness_->interrupt();
}

void FastdpForwarder::protect() {
  auto* const protection = dependencies_.protection;
  if (protection == nullptr) return;
  if (!session_key_) {
    // VXLAN on a port that is not covered would take clear packets of anybody.
    auto const covered = protection->cover(endpoints_);
    if (!covered) return fail(covered.error());
    clear_ = std::make_unique<ipsec::ClearLink>(*protection, endpoints_);
    return;
  }
  secured_ = std::make_unique<ipsec::SecuredLink>(
      *protection, ipsec::SecuredLink::Peer{.name = peer_, .ends = endpoints_, .session_key = session_key_}, logger_,
      security_events());
  secured_->start();
}

ipsec::SecuredLink::Events FastdpForwarder::security_events() {
  return {.send_offer = [this](Bytes offer) { events_.send_control(kInstallSecurityAssociation, std::move(offer)); },
          .ready =
              [this] {
                if (auto const fields = std::exchange(waiting_, {})) transmit(*fields);
              },
          .failed = [this](Error error) { fail(std::move(error)); }};
}

void FastdpForwarder::fail(Error error) {
  failed_ = true;
  events_.failed(std::move(error));
}

void FastdpForwarder::on_control(std::uint8_t sub_tag, ByteView payload) {
  if (!confirmed_ || failed_) return;
  switch (sub_tag) {
    case kHeartbeatSeen: return liveness_->on_confirmed();
    case kInstallSecurityAssociation:
      if (secured_) return secured_->on_offer(payload);
      return logger_.warning("the peer wants encryption, which this connection does not have");
    case kAskLastSent: return liveness_->on_asked();
    case kLastSent:
      if (payload.size() >= kSequenceSize) liveness_->on_answer(load_u32(payload, 0));
      return;
    default: logger_.info("ignored control message with unknown tag {}", sub_tag);
  }
}

void FastdpForwarder::on_heartbeat(HeartbeatArrival const& arrival, Heartbeat const& heartbeat) {
  // Data under other ids would be taken for another peer's, or would not be for us.
  auto const ours = ids();
  if (!ours || arrival.ids != TunnelId{ours->destination, ours->source}) return;
  // It came by a device that was deleted meanwhile: the peer is not to be found by a port 0.
  if (arrival.udp_port == 0) return;
  follow(arrival);
  if (!std::exchange(answered_, true)) events_.send_control(kHeartbeatSeen, {});
  if (heartbeat.liveness) note(arrival, *heartbeat.liveness);
  liveness_->on_heartbeat(heartbeat);
}

void FastdpForwarder::note(HeartbeatArrival const& arrival, LivenessFields const& fields) {
  auto const now = dependencies_.scheduler.now();
  probes_.received(fields.sequence, fields.echo, std::chrono::milliseconds{fields.interval_ms},
                   std::min(arrival.at.value_or(now), now));
}

void FastdpForwarder::follow(HeartbeatArrival const& arrival) {
  if (arrival.remote == endpoints_.remote && arrival.udp_port == endpoints_.udp_port) return;
  // Associations are made for these two addresses.
  if (secured_) return;
  Ipv4Endpoint const from{endpoints_.remote, endpoints_.udp_port};
  Ipv4Endpoint const to{arrival.remote, arrival.udp_port};
  logger_.info("peer address changed from {} to {}", from.to_string(), to.to_string());
  endpoints_.remote = arrival.remote;
  endpoints_.udp_port = arrival.udp_port;
  if (clear_) clear_ = std::make_unique<ipsec::ClearLink>(*dependencies_.protection, endpoints_);
  dependencies_.on_endpoints(peer_, connection_, endpoints_);
}

void FastdpForwarder::on_path_changed() {
  open_port();
  liveness_->interrupt();
}

void FastdpForwarder::open_port() {
  port_retry_.reset();
  auto* const path = dependencies_.registry.path();
  if (path == nullptr) {
    obstacle_ = dependencies_.registry.why_none();
    return;
  }
  auto const opened = path->open_tunnel_port(endpoints_.udp_port);
  if (opened) {
    obstacle_.clear();
    return;
  }
  auto problem = fmt::format("cannot use UDP port {} for vxlan: {}", endpoints_.udp_port, opened.error().text());
  if (problem != obstacle_) logger_.warning("{}", problem);
  obstacle_ = std::move(problem);
  port_retry_ = dependencies_.scheduler.after(kPortRetry, [this] { open_port(); });
}

std::optional<TunnelId> FastdpForwarder::ids() const {
  auto const source = dependencies_.short_id_of(dependencies_.self);
  auto const destination = dependencies_.short_id_of(peer_);
  if (!source || !destination) return std::nullopt;
  return TunnelId{*source, *destination};
}

void FastdpForwarder::transmit(std::optional<LivenessFields> const& fields) {
  id_retry_.reset();
  auto* const path = dependencies_.registry.path();
  if (path == nullptr || !obstacle_.empty()) return;
  if (is_locked()) {
    waiting_ = fields;
    return;
  }
  auto const tunnel = ids();
  if (!tunnel) {
    id_retry_ = dependencies_.scheduler.after(kIdRetry, [this, fields] { transmit(fields); });
    return;
  }
  Heartbeat heartbeat{connection_, fields};
  // Not earlier: what waits above would make the round trip longer.
  auto const now = dependencies_.scheduler.now();
  if (heartbeat.liveness) {
    heartbeat.liveness->echo = probes_.echo(now);
    probes_.sent(heartbeat.liveness->sequence, now);
  }
  auto const sent = path->send_heartbeat(endpoints_, *tunnel, encode_heartbeat(heartbeat, dependencies_.mtu));
  if (sent) {
    send_error_.clear();
  } else {
    on_send_error(sent.error());
  }
}

void FastdpForwarder::answer(std::uint32_t last_sent) {
  Bytes payload(kSequenceSize);
  store_u32(payload, 0, last_sent);
  events_.send_control(kLastSent, std::move(payload));
}

void FastdpForwarder::on_send_error(Error const& error) {
  ++send_errors_;
  send_error_ = error.text();
  if (std::exchange(logged_error_, send_error_) != send_error_) logger_.warning("cannot send: {}", send_error_);
}

std::map<std::string, std::string> FastdpForwarder::attributes() const {
  std::map<std::string, std::string> attributes{{"mtu", std::to_string(dependencies_.mtu)}};
  if (session_key_) {
    attributes.emplace("encrypted", "true");
    attributes.emplace("cipher", "esp-aes-256-gcm");
  }
  return attributes;
}

std::optional<PathQuality> FastdpForwarder::quality() const {
  auto quality = probes_.quality(dependencies_.scheduler.now());
  if (quality.sent == 0) return std::nullopt;
  return quality;
}

std::string FastdpForwarder::explanation() const {
  auto const reason = liveness_->explanation();
  if (reason.empty() || !confirmed_) return reason;
  if (!obstacle_.empty()) return obstacle_;
  if (is_locked()) return "the peer has not told yet how to encrypt for it";
  if (!ids()) return "one of the two peers has no short id of its own";
  if (!send_error_.empty()) return fmt::format("{} (cannot send: {})", reason, send_error_);
  if (!secured_) return reason;
  auto const size = ipsec::encrypted_packet_size(heartbeat_length(dependencies_.mtu));
  return fmt::format("{} (encrypted it takes a packet of {} bytes)", reason, size);
}

std::uint32_t FastdpForwarder::needed_packet() const {
  constexpr std::uint32_t kIpUdpVxlan = 20 + 8 + 8;
  auto const frame = heartbeat_length(dependencies_.mtu);
  return secured_ ? ipsec::encrypted_packet_size(frame) : kIpUdpVxlan + frame;
}

Result<std::unique_ptr<Forwarder>> FastdpKind::prepare(TunnelPeer const& peer, ForwarderEvents events) {
  if (!available()) return failure(ErrorKind::unavailable, dependencies_.registry.why_none());
  if (peer.session_key && dependencies_.protection == nullptr) {
    return failure(ErrorKind::unavailable, "this host cannot encrypt what goes by the fast path");
  }
  if (!peer.local || !peer.endpoint) return failure(ErrorKind::unavailable, "fastdp needs an IPv4 connection");
  // That of whoever accepted the TCP connection, at both ends.
  auto const accepter = peer.outbound ? peer.endpoint->port : dependencies_.router_port;
  if (accepter == std::numeric_limits<std::uint16_t>::max()) {
    return failure(ErrorKind::out_of_range, fmt::format("there is no UDP port after {}", accepter));
  }
  TunnelEndpoints const endpoints{peer.local->address, peer.endpoint->address,
                                  static_cast<std::uint16_t>(accepter + 1)};
  return std::make_unique<FastdpForwarder>(dependencies_, peer, endpoints, std::move(events));
}

} // namespace weave::datapath
