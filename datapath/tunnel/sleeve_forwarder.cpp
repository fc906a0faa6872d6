#include "datapath/tunnel/sleeve_forwarder.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "datapath/packet/byte_order.hpp"
#include "datapath/tunnel/sleeve_cipher.hpp"
#include "datapath/tunnel/sleeve_special.hpp"

namespace weave::datapath {
namespace {

/// Control messages of sleeve (protocol/datapath.md §3).
enum SleeveTag : std::uint8_t { kHeartbeatSeen = 1, kFragmentationTestSeen = 2, kPathMtuVerified = 3 };

/// Anybody who knows two peer names can make us answer by TCP; a search sends some two hundred tests in its first
/// second.
constexpr int kRepliesPerSecond = 400;
constexpr Duration kReplyPeriod = std::chrono::seconds{1};
constexpr Duration kSendErrorLogInterval = std::chrono::minutes{1};

} // namespace

SleeveForwarder::SleeveForwarder(Dependencies dependencies, TunnelPeer const& peer, ForwarderEvents events,
                                 std::shared_ptr<SleeveCipher> cipher)
    : scheduler_{dependencies.scheduler},
      io_{dependencies.io},
      registry_{dependencies.registry},
      logger_{dependencies.logger.with_subject(fmt::format("sleeve ->[{}]: ", peer.label()))},
      events_{std::move(events)},
      peer_{peer.remote},
      connection_{peer.connection},
      local_{peer.local->address},
      remote_{peer.outbound ? peer.endpoint : std::nullopt},
      cipher_{std::move(cipher)},
      path_mtu_{scheduler_, path_mtu_effects(), cipher_ != nullptr} {
  if (peer.sleeve_probes) probes_.emplace(kLossWindow);
}

SleeveForwarder::~SleeveForwarder() { leave(); }

void SleeveForwarder::confirm() {
  if (state_ != State::prepared) return;
  state_ = State::confirmed;
  registry_.add(peer_, connection_, *this);
  publish();
  arm_timeout();
  send_heartbeat();
}

void SleeveForwarder::on_control(std::uint8_t sub_tag, ByteView payload) {
  if (!running()) return;
  switch (sub_tag) {
    case kHeartbeatSeen: return on_remote_confirmed();
    case kFragmentationTestSeen: fragmentation_trusted_ = true; return publish();
    case kPathMtuVerified: return on_path_mtu_verified(payload);
    default: logger_.info("ignored control message with unknown tag {}", sub_tag);
  }
}

void SleeveForwarder::on_remote_confirmed() {
  if (state_ == State::established) return;
  state_ = State::established;
  arm_heartbeat();
  test_fragmentation();
  send(SleeveChannel::df, make_discovery());
  events_.established();
}

void SleeveForwarder::on_path_mtu_verified(ByteView payload) {
  if (payload.size() < 2) {
    logger_.info("ignored MTU confirmation of {} bytes", payload.size());
    return;
  }
  path_mtu_.acknowledged(load_u16(payload, 0));
}

PathMtu::Effects SleeveForwarder::path_mtu_effects() {
  return {.test = [this](std::uint32_t mtu,
                         bool past_kernel) { send(SleeveChannel::df, make_path_mtu_test(mtu), past_kernel); },
          .changed = [this] { on_path_mtu_changed(); },
          .verified = [this] { logger_.info("Effective MTU verified at {}", path_mtu_.mtu()); },
          .forget = [this] { io_.forget_path_mtus(); },
          .large_packets = [this] { return large_->count(); }};
}

void SleeveForwarder::on_path_mtu_changed() {
  bool const was_known = published_ && published_->mtu != kUndiscoveredMtu;
  // Fragments of our kernel may be too long now as well.
  if (state_ == State::established && was_known && path_mtu_.max_payload() < published_->max_payload) {
    return test_fragmentation();
  }
  publish();
}

void SleeveForwarder::on_special(Ipv4Endpoint from, SleeveChannel, ByteView frame, TimePoint at) {
  if (!running() || frame.size() < kSleeveEthernet) return;
  if (probes_) {
    if (auto const probe = read_probe(frame)) return on_probe(from, *probe, at);
  }
  switch (special_kind(frame.size())) {
    case SpecialKind::heartbeat:
      if (auto const uid = heartbeat_uid(frame)) on_heartbeat(from, *uid);
      return;
    case SpecialKind::fragmentation_test:
      if (is_all_zero(frame) && may_reply()) events_.send_control(kFragmentationTestSeen, {});
      return;
    case SpecialKind::path_mtu_test:
      if (may_reply()) {
        Bytes payload(2);
        store_u16(payload, 0, static_cast<std::uint16_t>(frame.size() - kSleeveEthernet));
        events_.send_control(kPathMtuVerified, std::move(payload));
      }
      return;
  }
}

void SleeveForwarder::on_probe(Ipv4Endpoint from, SleeveProbe const& probe, TimePoint at) {
  if (probe.uid != connection_) return;
  probes_->received(probe.sequence, probe.echo, std::chrono::milliseconds{probe.interval_ms},
                    std::min(at, scheduler_.now()));
  on_heartbeat(from, probe.uid);
}

void SleeveForwarder::on_heartbeat(Ipv4Endpoint from, ConnectionUid uid) {
  if (uid != connection_) return;
  arm_timeout();
  bool const was_unknown = !remote_;
  if (remote_ != from) {
    if (!was_unknown) logger_.info("remote address changed from {} to {}", remote_->to_string(), from.to_string());
    remote_ = from;
    publish();
    // Another way through the network may be narrower, or wider.
    if (state_ == State::established) send(SleeveChannel::df, make_discovery());
    path_mtu_.ask_for_more();
  }
  if (was_unknown) send_heartbeat();
  if (!std::exchange(heard_, true)) events_.send_control(kHeartbeatSeen, {});
}

void SleeveForwarder::on_too_big(std::uint32_t path_mtu) {
  if (!running()) return;
  logger_.debug("the path carries packets of {} bytes", path_mtu);
  path_mtu_.too_big(path_mtu);
}

void SleeveForwarder::on_send_error(Error const& error) {
  auto const now = scheduler_.now();
  if (error.text() == last_send_error_ && now - last_send_error_at_ < kSendErrorLogInterval) return;
  last_send_error_ = error.text();
  last_send_error_at_ = now;
  logger_.warning("cannot send: {}", error.text());
}

bool SleeveForwarder::may_reply() {
  auto const now = scheduler_.now();
  if (now - replies_since_ >= kReplyPeriod) {
    replies_since_ = now;
    replies_ = 0;
  }
  return ++replies_ <= kRepliesPerSecond;
}

void SleeveForwarder::send(SleeveChannel channel, Bytes frame, bool past_kernel) {
  if (!running() || !remote_) return;
  io_.send_special({.peer = peer_,
                    .connection = connection_,
                    .channel = channel,
                    .past_kernel = past_kernel,
                    .frame = std::move(frame)});
}

void SleeveForwarder::send_heartbeat() {
  send(SleeveChannel::df, next_heartbeat());
  arm_heartbeat();
}

Bytes SleeveForwarder::next_heartbeat() {
  if (!probes_ || state_ != State::established) return make_heartbeat(connection_);
  auto const now = scheduler_.now();
  auto const milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(interval()).count();
  SleeveProbe const probe{.uid = connection_,
                          .sequence = ++last_probe_,
                          .interval_ms = static_cast<std::uint32_t>(milliseconds),
                          .echo = probes_->echo(now)};
  if (remote_) probes_->sent(probe.sequence, now);
  return make_probe(probe);
}

Duration SleeveForwarder::interval() const {
  if (state_ != State::established) return kFastHeartbeat;
  return probes_ && in_use_ ? kProbeInterval : kSlowHeartbeat;
}

void SleeveForwarder::arm_heartbeat() {
  heartbeat_timer_ = scheduler_.after(interval(), [this] { send_heartbeat(); });
}

void SleeveForwarder::set_in_use(bool in_use) {
  if (std::exchange(in_use_, in_use) == in_use || !probes_ || state_ != State::established) return;
  // Tells the other end when to expect the next one.
  send_heartbeat();
}

std::optional<PathQuality> SleeveForwarder::quality() const {
  if (!probes_) return std::nullopt;
  return probes_->quality(scheduler_.now());
}

void SleeveForwarder::arm_timeout() {
  timeout_timer_ = scheduler_.after(kHeartbeatTimeout, [this] {
    fail(Error{ErrorKind::timed_out, "timed out waiting for UDP heartbeat"});
  });
}

void SleeveForwarder::test_fragmentation() {
  fragmentation_trusted_ = false;
  publish();
  send(SleeveChannel::fragmentable, make_fragmentation_test());
  fragmentation_timer_ = scheduler_.after(kFragmentationTestInterval, [this] { test_fragmentation(); });
}

SleevePath SleeveForwarder::path() const {
  return {.peer = peer_,
          .connection = connection_,
          .local = local_,
          .remote = remote_,
          .mtu = path_mtu_.mtu(),
          .max_payload = path_mtu_.max_payload(),
          .cipher = cipher_,
          .fragmentation_trusted = fragmentation_trusted_,
          .large = large_};
}

void SleeveForwarder::publish() {
  if (!running()) return;
  auto const now = path();
  if (published_ == now) return;
  published_ = now;
  io_.set_path(now);
}

void SleeveForwarder::leave() {
  if (!running()) return;
  heartbeat_timer_.reset();
  timeout_timer_.reset();
  fragmentation_timer_.reset();
  path_mtu_.stop();
  registry_.remove(peer_, connection_);
  io_.remove_path(peer_, connection_);
}

void SleeveForwarder::fail(Error error) {
  leave();
  state_ = State::failed;
  events_.failed(std::move(error));
}

std::map<std::string, std::string> SleeveForwarder::attributes() const {
  std::map<std::string, std::string> attributes{{"mtu", std::to_string(path_mtu_.mtu())}};
  if (!cipher_) return attributes;
  attributes.emplace("encrypted", "true");
  attributes.emplace("cipher", to_string(cipher_->suite()));
  return attributes;
}

std::optional<std::uint32_t> SleeveForwarder::carried_packet() const {
  if (!path_mtu_.settled()) return std::nullopt;
  return path_mtu_.mtu() + SleeveMtu{.encrypted = cipher_ != nullptr}.total_overhead();
}

Result<std::unique_ptr<Forwarder>> SleeveKind::prepare(TunnelPeer const& peer, ForwarderEvents events) {
  if (!peer.local || (peer.outbound && !peer.endpoint)) {
    return failure(ErrorKind::unavailable, "sleeve needs an IPv4 connection");
  }
  if (!peer.session_key) return std::make_unique<SleeveForwarder>(dependencies_, peer, std::move(events));
  auto cipher = make_sleeve_cipher({.session_key = peer.session_key,
                                    .we_dialled = peer.outbound,
                                    .ours = peer.our_suites,
                                    .theirs = peer.their_suites});
  if (!cipher) return failure_of(cipher);
  return std::make_unique<SleeveForwarder>(dependencies_, peer, std::move(events), std::move(*cipher));
}

} // namespace weave::datapath
