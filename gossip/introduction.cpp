#include "gossip/introduction.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "gossip/v1_stream.hpp"

namespace weave::gossip {
namespace {

constexpr std::string_view kMagic = "weave";

std::unexpected<Error> password_only_there() {
  return failure(ErrorKind::refused,
                 "no password specificed, but peer requested an encrypted connection (this host has no password)");
}

std::unexpected<Error> password_only_here() {
  return failure(ErrorKind::refused,
                 "password specified, but peer requested an unencrypted connection (the peer has no password)");
}

std::string decimal_list(ByteView bytes) { return fmt::format("[{}]", fmt::join(bytes, " ")); }

} // namespace

Bytes encode_protocol_header(VersionRange ours) { return ByteWriter{}.raw(kMagic).u8(ours.min).u8(ours.max).take(); }

Result<std::uint8_t> negotiate_version(ByteView remote_header, VersionRange ours) {
  auto const magic = remote_header.first(kMagic.size());
  if (as_text(magic) != kMagic) {
    return failure(ErrorKind::malformed, fmt::format("remote protocol header not recognised: {}", decimal_list(magic)));
  }
  VersionRange const theirs{remote_header[kMagic.size()], remote_header[kMagic.size() + 1]};
  auto const chosen = std::min(ours.max, theirs.max);
  if (chosen < std::max(ours.min, theirs.min)) {
    return failure(ErrorKind::refused, fmt::format("remote version range [{},{}] is incompatible with ours [{},{}]",
                                                   theirs.min, theirs.max, ours.min, ours.max));
  }
  return chosen;
}

Introduction::Introduction(VersionRange versions, Features features, std::unique_ptr<KeyExchange> keys, bool we_dialled)
    : versions_{versions}, features_{std::move(features)}, keys_{std::move(keys)}, we_dialled_{we_dialled} {}

std::size_t Introduction::wanted() const {
  switch (phase_) {
    case Phase::header: return kProtocolHeaderSize;
    case Phase::flag: return 1;
    case Phase::key: return KeyExchange::kPublicKeySize;
    case Phase::features:
    case Phase::done: break;
  }
  return 0;
}

Result<Bytes> Introduction::on_bytes(ByteView bytes) {
  while (wanted() > 0) {
    auto const taken = std::min(wanted() - partial_.size(), bytes.size());
    partial_.insert(partial_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(taken));
    bytes = bytes.subspan(taken);
    if (partial_.size() < wanted()) return take_unsent();
    if (auto const done = advance(); !done) return failure_of(done);
    partial_.clear();
  }
  if (phase_ == Phase::features && version_ == 1) {
    if (auto const done = on_v1_bytes(bytes); !done) return failure_of(done);
    return take_unsent();
  }
  frames_.append(bytes);
  if (phase_ == Phase::done) return take_unsent();
  if (auto const done = on_features(); !done) return failure_of(done);
  return take_unsent();
}

Result<void> Introduction::advance() {
  switch (phase_) {
    case Phase::header: return on_header();
    case Phase::flag: return on_flag();
    case Phase::key: return on_key();
    case Phase::features:
    case Phase::done: break;
  }
  return {};
}

Result<void> Introduction::on_header() {
  auto const version = negotiate_version(partial_, versions_);
  if (!version) return failure_of(version);
  version_ = *version;
  if (version_ == 1) {
    phase_ = Phase::features;
    send_v1_features();
    return {};
  }
  phase_ = Phase::flag;
  unsent_.push_back(keys_ ? 1 : 0);
  if (keys_) unsent_.insert(unsent_.end(), keys_->public_key().begin(), keys_->public_key().end());
  return {};
}

Result<void> Introduction::on_flag() {
  auto const flag = partial_.front();
  if (flag > 1) return failure(ErrorKind::malformed, fmt::format("Bad encryption flag {}", flag));
  if (flag == 1 && !keys_) return password_only_there();
  if (flag == 0 && keys_) return password_only_here();
  phase_ = keys_ ? Phase::key : Phase::features;
  return keys_ ? Result<void>{} : send_features();
}

Result<void> Introduction::agree(ByteView their_public_key) {
  auto agreement = keys_->agree(their_public_key, we_dialled_);
  if (!agreement) return failure_of(agreement);
  sealer_ = std::move(agreement->sealer);
  session_key_ = std::move(agreement->session_key);
  return {};
}

Result<void> Introduction::on_key() {
  if (auto const agreed = agree(partial_); !agreed) return agreed;
  phase_ = Phase::features;
  return send_features();
}

Result<void> Introduction::send_features() {
  auto const frame = encode_frame(encode_features(features_), *sealer_);
  if (!frame) return failure_of(frame);
  unsent_.insert(unsent_.end(), frame->begin(), frame->end());
  return {};
}

void Introduction::send_v1_features() {
  auto features = v1_features(features_);
  if (keys_) features.insert_or_assign(std::string{kPublicKeyFeature}, to_hex(keys_->public_key()));
  auto const value = encode_features(features);
  unsent_.insert(unsent_.end(), value.begin(), value.end());
}

Result<void> Introduction::on_v1_bytes(ByteView bytes) {
  partial_.insert(partial_.end(), bytes.begin(), bytes.end());
  auto const size = v1_value_size(partial_, kMaxFeaturesSize);
  if (!size) return failure_of(size);
  if (!*size) return {};
  auto const features = decode_features(ByteView{partial_}.first(**size));
  if (!features) return failure_of(features);
  if (auto const done = on_v1_features(*features); !done) return done;
  frames_.append(ByteView{partial_}.subspan(**size));
  partial_.clear();
  finish(v1_features(*features));
  return {};
}

Result<void> Introduction::on_v1_features(Features const& features) {
  auto const key = features.find(std::string{kPublicKeyFeature});
  bool const is_encrypted = key != features.end();
  if (is_encrypted && !keys_) return password_only_there();
  if (!is_encrypted && keys_) return password_only_here();
  if (!keys_) return {};
  auto const octets = parse_hex(key->second);
  if (!octets) return failure(ErrorKind::malformed, "peer sent a public key that is not hexadecimal");
  return agree(*octets);
}

void Introduction::finish(Features remote) {
  remote_features_ = std::move(remote);
  frames_.set_limit(kMaxFrameSize);
  frames_.set_framing(framing());
  phase_ = Phase::done;
}

Result<void> Introduction::on_features() {
  auto const frame = frames_.next();
  if (!frame) return failure_of(frame);
  if (!*frame) return {};
  auto const message = sealer_->open(**frame);
  // The first one under the new keys: nothing but another password makes other keys.
  if (!message) return failure(message.error().kind(), message.error().text() + " (the passwords differ)");
  auto features = decode_features(*message);
  if (!features) return failure_of(features);
  finish(*std::move(features));
  return {};
}

Error Introduction::explain(Error const& cause) const {
  bool const is_started = !partial_.empty() || frames_.buffered() > 0;
  std::string const text = is_started && cause.text() == "EOF" ? "unexpected EOF" : cause.text();
  if (phase_ == Phase::features && sealer_->overhead() > 0 && !is_started && cause.kind() != ErrorKind::timed_out) {
    return {cause.kind(), text + " (the peer may have another password)"};
  }
  if (phase_ != Phase::header) return {cause.kind(), text};
  if (!is_started) return {cause.kind(), fmt::format("failed to receive remote protocol header: {}", text)};
  return {cause.kind(),
          fmt::format("received incomplete remote protocol header ({} octets instead of {}): {}; error: {}",
                      partial_.size(), kProtocolHeaderSize, decimal_list(partial_), text)};
}

} // namespace weave::gossip
