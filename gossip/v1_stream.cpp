#include "gossip/v1_stream.hpp"

#include <cstdint>

#include <fmt/format.h>

#include "gossip/gob/wire.hpp"

namespace weave::gossip {
namespace {

/// A map of texts is one definition.
constexpr int kMaxDefinitions = 16;
/// Type, mark and length of a message inside its value.
constexpr std::size_t kValueOverhead = 16;

std::unexpected<Error> too_long(std::uint64_t length, std::size_t limit) {
  return failure(ErrorKind::out_of_range, fmt::format("incoming message exceeds maximum size: {} > {}", length, limit));
}

struct Front {
  ByteView body;
  std::size_t size = 0;
};

/// Whether the count that a gob message begins with can be read: it is there, or it is none.
bool is_count_there(ByteView stream) {
  constexpr std::uint8_t kLargestCount = 0x7f;
  constexpr std::size_t kWidest = 8;
  if (stream.empty()) return false;
  std::size_t const width = stream[0] <= kLargestCount ? 0U : 256U - stream[0];
  return width > kWidest || stream.size() > width;
}

/// The gob message, a definition or a value, at the front of the stream.
Result<std::optional<Front>> cut_gob_message(ByteView stream, std::size_t limit) {
  if (!is_count_there(stream)) return std::nullopt;
  gob::WireReader reader{stream};
  auto const count = reader.unsigned_integer();
  if (!count) return failure_of(count);
  if (*count > limit) return too_long(*count, limit);
  if (*count > reader.remaining()) return std::nullopt;
  auto const prefix = stream.size() - reader.remaining();
  auto const length = static_cast<std::size_t>(*count);
  return Front{.body = stream.subspan(prefix, length), .size = prefix + length};
}

} // namespace

Features v1_features(Features const& features) {
  Features reduced;
  for (auto const* key : {"ConnID", "Name", "NickName", "PeerNameFlavour", "UID"}) {
    if (auto const at = features.find(key); at != features.end()) reduced.insert(*at);
  }
  return reduced;
}

Result<std::optional<std::size_t>> v1_value_size(ByteView stream, std::size_t limit) {
  std::size_t size = 0;
  for (int i = 0; i <= kMaxDefinitions; ++i) {
    auto const front = cut_gob_message(stream.subspan(size), limit - size);
    if (!front) return failure_of(front);
    if (!*front) return std::nullopt;
    auto const type = gob::WireReader{(*front)->body}.integer();
    if (!type) return failure_of(type);
    size += (*front)->size;
    if (*type >= 0) return size;
    if (size > limit) break;
  }
  return gob::bad_data("too many type definitions");
}

void append_v1_message(ByteView message, Bytes& out) {
  gob::WireWriter value;
  value.integer(gob::kBytesId);
  value.unsigned_integer(0);
  value.unsigned_integer(message.size());
  gob::WireWriter prefix;
  prefix.unsigned_integer(value.written().size() + message.size());
  for (ByteView const part : {ByteView{prefix.written()}, ByteView{value.written()}, message}) {
    out.insert(out.end(), part.begin(), part.end());
  }
}

Result<std::optional<V1Message>> cut_v1_message(ByteView stream, std::size_t limit) {
  auto const front = cut_gob_message(stream, limit + kValueOverhead);
  if (!front) return failure_of(front);
  if (!*front) return std::nullopt;
  gob::WireReader reader{(*front)->body};
  auto const type = reader.integer();
  if (!type) return failure_of(type);
  if (*type != gob::kBytesId) return gob::bad_data(fmt::format("type mismatch: expected bytes, received {}", *type));
  auto const mark = reader.unsigned_integer();
  if (!mark) return failure_of(mark);
  if (*mark != 0) return gob::bad_data("corrupted data: non-zero delta for singleton");
  auto const message = reader.bytes();
  if (!message) return failure_of(message);
  if (message->size() > limit) return too_long(message->size(), limit);
  return V1Message{.message = *message, .size = (*front)->size};
}

} // namespace weave::gossip
