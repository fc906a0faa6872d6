#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "gossip/sealer.hpp"

namespace weave::gossip {

/// Largest body of a frame, counted after sealing (protocol/mesh.md §5.1). Version 1 has no limit of its own; we keep
/// to the same one.
inline constexpr std::size_t kMaxFrameSize = 10485760;

/// How messages are told apart: by a u32 length in version 2, as values of one gob stream in version 1 (mesh.md §3.3).
enum class Framing { length, gob };

/// The sealed message as a frame. Error, before anything is sealed:
/// `outgoing message exceeds maximum size: <n> > 10485760`.
[[nodiscard]] Result<Bytes> encode_frame(ByteView message, Sealer& sealer, Framing framing = Framing::length);
/// The same for the message `tag` followed by `body`.
[[nodiscard]] Result<Bytes> encode_frame(std::uint8_t tag, ByteView body, Sealer& sealer,
                                         Framing framing = Framing::length);

/// Cuts a byte stream into frames. Holds what has arrived and not been taken, never more: an announced length reserves
/// nothing, and one above the limit is refused before its body is awaited.
class FrameDecoder {
 public:
  explicit FrameDecoder(std::size_t limit = kMaxFrameSize) : limit_{limit} {}

  void set_limit(std::size_t limit) { limit_ = limit; }
  void set_framing(Framing framing) { framing_ = framing; }
  /// Invalidates views handed out.
  void append(ByteView bytes);
  /// The next complete body, valid until `append`; nullopt if it has not arrived yet.
  /// Error: `incoming message exceeds maximum size: <n> > <limit>`.
  [[nodiscard]] Result<std::optional<ByteView>> next();
  /// Octets that arrived and belong to no frame taken so far.
  [[nodiscard]] std::size_t buffered() const { return bytes_.size() - taken_; }

 private:
  [[nodiscard]] Result<std::optional<ByteView>> next_of_stream();

  std::size_t limit_;
  Framing framing_ = Framing::length;
  Bytes bytes_;
  std::size_t taken_ = 0;
};

} // namespace weave::gossip
