#include "gossip/introduction.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace weave::gossip {
namespace {

constexpr std::string_view kMagic = "weave";

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
  if (*version < 2) return failure(ErrorKind::refused, fmt::format("protocol version {} is not supported", *version));
  version_ = *version;
  phase_ = Phase::flag;
  unsent_.push_back(keys_ ? 1 : 0);
  if (keys_) unsent_.insert(unsent_.end(), keys_->public_key().begin(), keys_->public_key().end());
  return {};
}

Result<void> Introduction::on_flag() {
  auto const flag = partial_.front();
  if (flag > 1) return failure(ErrorKind::malformed, fmt::format("Bad encryption flag {}", flag));
  if (flag == 1 && !keys_) {
    return failure(ErrorKind::refused, "no password specificed, but peer requested an encrypted connection");
  }
  if (flag == 0 && keys_) {
    return failure(ErrorKind::refused, "password specified, but peer requested an unencrypted connection");
  }
  phase_ = keys_ ? Phase::key : Phase::features;
  return keys_ ? Result<void>{} : send_features();
}

Result<void> Introduction::on_key() {
  auto agreement = keys_->agree(partial_, we_dialled_);
  if (!agreement) return failure_of(agreement);
  sealer_ = std::move(agreement->sealer);
  session_key_ = std::move(agreement->session_key);
  phase_ = Phase::features;
  return send_features();
}

Result<void> Introduction::send_features() {
  auto const frame = encode_frame(encode_features(features_), *sealer_);
  if (!frame) return failure_of(frame);
  unsent_.insert(unsent_.end(), frame->begin(), frame->end());
  return {};
}

Result<void> Introduction::on_features() {
  auto const frame = frames_.next();
  if (!frame) return failure_of(frame);
  if (!*frame) return {};
  auto const message = sealer_->open(**frame);
  if (!message) return failure_of(message);
  auto features = decode_features(*message);
  if (!features) return failure_of(features);
  remote_features_ = *std::move(features);
  frames_.set_limit(kMaxFrameSize);
  phase_ = Phase::done;
  return {};
}

Error Introduction::explain(Error const& cause) const {
  bool const is_started = !partial_.empty() || frames_.buffered() > 0;
  std::string const text = is_started && cause.text() == "EOF" ? "unexpected EOF" : cause.text();
  if (phase_ != Phase::header) return {cause.kind(), text};
  if (!is_started) return {cause.kind(), fmt::format("failed to receive remote protocol header: {}", text)};
  return {cause.kind(),
          fmt::format("received incomplete remote protocol header ({} octets instead of {}): {}; error: {}",
                      partial_.size(), kProtocolHeaderSize, decimal_list(partial_), text)};
}

} // namespace weave::gossip
