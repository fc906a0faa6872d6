#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>

#include "base/bytes.hpp"
#include "datapath/packet/byte_order.hpp"

namespace weave::datapath {

/// The header that a TAP with IFF_VNET_HDR puts in front of each frame (struct virtio_net_hdr in linux/virtio_net.h).
/// Fields are in the machine's byte order, as TAP devices have them unless told otherwise:
///   flags (1) | gso type (1) | header length (2) | gso size (2) | checksum start (2) | checksum offset (2)
struct OffloadHeader {
  static constexpr std::size_t kSize = 10;
  /// flags: the field at checksum start + offset holds the pseudo-header's sum; the rest is still to be added.
  static constexpr std::uint8_t kNeedsChecksum = 1;
  /// flags, towards the kernel: the checksum has been verified.
  static constexpr std::uint8_t kDataValid = 2;
  enum Type : std::uint8_t { kNone = 0, kTcpV4 = 1, kUdpFragments = 3, kTcpV6 = 4, kUdpSegments = 5 };
  /// Bit of the gso type: the super-frame carries the TCP CWR flag, for its first segment only.
  static constexpr std::uint8_t kExplicitCongestion = 0x80;

  std::uint8_t flags = 0;
  std::uint8_t gso_type = kNone;
  std::uint16_t header_length = 0;
  std::uint16_t gso_size = 0;
  std::uint16_t checksum_start = 0;
  std::uint16_t checksum_offset = 0;

  /// None if fewer than kSize bytes.
  [[nodiscard]] static std::optional<OffloadHeader> parse(ByteView bytes);
  /// `out` has kSize bytes.
  void write(MutableBytes out) const;

  [[nodiscard]] bool needs_checksum() const { return (flags & kNeedsChecksum) != 0; }
  [[nodiscard]] bool is_super_frame() const { return (gso_type & ~kExplicitCongestion) != kNone; }

  friend bool operator==(OffloadHeader const&, OffloadHeader const&) = default;
};

/// Finishes the checksum that the kernel left partial, in place; frames without need are left alone. False if the
/// header points outside of the frame. Not for super-frames: cutting them makes checksums.
[[nodiscard]] bool complete_checksum(OffloadHeader const& header, MutableBytes frame);

enum class OffloadFault : std::uint8_t {
  malformed,  ///< headers contradict the offload header or each other
  unsupported ///< a kind of super-frame that was not asked for
};

/// Cuts a super-frame (TCP over IPv4 or IPv6, or UDP with equal datagrams) into the frames that a network card would
/// send, with correct lengths, ids, sequence numbers, flags and checksums. One or two VLAN tags are kept. Each call
/// writes one frame into memory of the caller, which decides about buffers and headroom; nothing is allocated. Keeps a
/// view of the super-frame, which must outlive it.
///
///   auto cutter = FrameCutter::create(header, frame);
///   while (cutter && !cutter->done()) cutter->write_next(room_for(cutter->next_size()));
class FrameCutter {
 public:
  /// `header.is_super_frame()` must hold.
  [[nodiscard]] static std::expected<FrameCutter, OffloadFault> create(OffloadHeader const& header, ByteView frame);

  [[nodiscard]] bool done() const { return position_ >= payload_.size(); }
  /// Frames still to come.
  [[nodiscard]] std::size_t remaining() const;
  /// Length of what write_next will write. All frames but the last are equally long.
  [[nodiscard]] std::size_t next_size() const;
  /// Writes the next frame and returns its length; 0 (and no progress) if done or `out` is too small.
  std::size_t write_next(MutableBytes out);

 private:
  struct Layout {
    std::size_t network = 0;   // offset of the IP header
    std::size_t transport = 0; // offset of the TCP or UDP header
    std::size_t payload = 0;   // offset of the data
    bool ipv6 = false;
    bool tcp = false;
  };

  FrameCutter(ByteView headers, ByteView payload, Layout layout, std::size_t piece);
  [[nodiscard]] static std::expected<Layout, OffloadFault> find_layout(OffloadHeader const& header, ByteView frame);
  void fix_network_header(MutableBytes frame) const;
  void fix_tcp_header(MutableBytes segment, bool last) const;

  ByteView headers_;
  ByteView payload_;
  Layout layout_;
  std::size_t piece_; // payload of every frame but the last
  std::size_t position_ = 0;
  std::uint16_t index_ = 0;
};

} // namespace weave::datapath
