#include "gossip/frame_codec.hpp"

#include <fmt/format.h>

#include "gossip/v1_stream.hpp"

namespace weave::gossip {
namespace {

constexpr std::size_t kPrefixSize = 4;
/// An idle connection keeps no more than this from its largest message.
constexpr std::size_t kKeptCapacity = 64 * 1024;

void write_length(Bytes& frame, std::size_t length) {
  for (int shift = 24; shift >= 0; shift -= 8) frame.push_back(static_cast<std::uint8_t>(length >> shift));
}

} // namespace

Result<Bytes> encode_frame(ByteView message, Sealer& sealer, Framing framing) {
  auto const length = message.size() + sealer.overhead();
  if (length > kMaxFrameSize) {
    return failure(ErrorKind::out_of_range,
                   fmt::format("outgoing message exceeds maximum size: {} > {}", length, kMaxFrameSize));
  }
  Bytes frame;
  if (framing == Framing::length) {
    frame.reserve(kPrefixSize + length);
    write_length(frame, length);
    sealer.seal(message, frame);
  } else {
    Bytes sealed;
    sealed.reserve(length);
    sealer.seal(message, sealed);
    append_v1_message(sealed, frame);
  }
  return frame;
}

Result<Bytes> encode_frame(std::uint8_t tag, ByteView body, Sealer& sealer, Framing framing) {
  Bytes message;
  message.reserve(1 + body.size());
  message.push_back(tag);
  message.insert(message.end(), body.begin(), body.end());
  return encode_frame(message, sealer, framing);
}

void FrameDecoder::append(ByteView bytes) {
  if (taken_ == bytes_.size()) {
    bytes_.clear();
    if (bytes_.capacity() > kKeptCapacity) bytes_.shrink_to_fit();
  } else if (taken_ > 0) {
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(taken_));
  }
  taken_ = 0;
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

Result<std::optional<ByteView>> FrameDecoder::next_of_stream() {
  auto const cut = cut_v1_message(ByteView{bytes_}.subspan(taken_), limit_);
  if (!cut) return failure_of(cut);
  if (!*cut) return std::nullopt;
  taken_ += (*cut)->size;
  return (*cut)->message;
}

Result<std::optional<ByteView>> FrameDecoder::next() {
  if (framing_ == Framing::gob) return next_of_stream();
  ByteReader reader{ByteView{bytes_}.subspan(taken_)};
  auto const length = reader.u32();
  if (!length) return std::nullopt;
  if (*length > limit_) {
    return failure(ErrorKind::out_of_range,
                   fmt::format("incoming message exceeds maximum size: {} > {}", *length, limit_));
  }
  auto const body = reader.take(*length);
  if (!body) return std::nullopt;
  taken_ += kPrefixSize + *length;
  return *body;
}

} // namespace weave::gossip
