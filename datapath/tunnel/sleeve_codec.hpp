#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/peer_name.hpp"
#include "datapath/packet/byte_order.hpp"
#include "datapath/tunnel/sleeve_layout.hpp"

namespace weave::datapath {

/// One frame inside a sleeve packet: who captured it and for whom it is (of a broadcast: the next hop).
struct SleeveFrame {
  PeerName source;
  PeerName destination;
  /// Ethernet without FCS; a view into the packet. May be empty, and then is to be ignored.
  ByteView frame;
};

enum class SleeveFault : std::uint8_t {
  none,
  truncated_frame, ///< a frame's length exceeds what is left
  trailing_bytes   ///< 1 to 13 bytes after the last frame
};

/// The neighbour whose packet this is, which selects path and keys. None if shorter than a name: drop silently.
[[nodiscard]] std::optional<PeerName> sleeve_sender(ByteView packet);

/// Reads the frames of one packet in order (protocol/datapath.md §4.2). `frames` is what follows the sender's name in
/// clear packets, or the decrypted box. Holds a view only; never reads beyond it. Frames before a fault are good.
class SleeveFrameReader {
 public:
  explicit SleeveFrameReader(ByteView frames) : rest_{frames} {}
  /// Of a clear packet that has a sender.
  [[nodiscard]] static SleeveFrameReader of_clear_packet(ByteView packet) {
    return SleeveFrameReader{packet.subspan(kClearPacketOverhead)};
  }

  /// The next frame; none at the end, after which fault() tells whether the end was clean.
  [[nodiscard]] std::optional<SleeveFrame> next();
  [[nodiscard]] SleeveFault fault() const { return fault_; }

 private:
  ByteView rest_;
  SleeveFault fault_ = SleeveFault::none;
};

/// Bytes in front of the first frame of a clear packet.
inline constexpr std::size_t kClearHeadroom = kClearPacketOverhead + kFrameOverhead;

/// Writes sender, source, destination and length into the kClearHeadroom bytes of `packet` that precede a frame already
/// in place: a packet of one frame without copying it.
void write_clear_headers(MutableBytes packet, PeerName sender, PeerName source, PeerName destination);

/// Gathers frames into one packet in memory of the caller. The space before the frames that encryption needs is left by
/// `encrypted`; sealing is done elsewhere. No allocation.
class SleevePacketWriter {
 public:
  /// `buffer` is at least `max_payload` long, or the packet is limited by it.
  SleevePacketWriter(MutableBytes buffer, PeerName sender, std::size_t max_payload, bool encrypted = false);

  /// False, and nothing is changed, if the packet would become longer than max_payload or hold too many frames.
  [[nodiscard]] bool append(PeerName source, PeerName destination, ByteView frame);
  /// The same for a frame of `size` bytes that the caller then writes into what is returned; none if there is no room.
  [[nodiscard]] std::optional<MutableBytes> append(PeerName source, PeerName destination, std::size_t size);
  [[nodiscard]] std::size_t frames() const { return frames_; }
  [[nodiscard]] bool empty() const { return frames_ == 0; }
  /// The packet so far; of an encrypted one still to be sealed.
  [[nodiscard]] MutableBytes packet() const { return buffer_.first(size_); }

 private:
  MutableBytes buffer_;
  std::size_t size_;
  std::size_t frames_ = 0;
};

} // namespace weave::datapath
