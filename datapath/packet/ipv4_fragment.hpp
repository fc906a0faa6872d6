#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "datapath/packet/byte_order.hpp"

namespace weave::datapath {

/// Cuts an untagged Ethernet + IPv4 frame into IPv4 fragments, one a call, each written into memory of the caller
/// (protocol/datapath.md §4.5). All options are repeated in every piece; a piece below 60 bytes is padded with zeros to
/// 60. Keeps a view of the frame, which must outlive it. No allocation.
///
///   auto pieces = Ipv4Fragmenter::create(frame, mtu);
///   while (pieces && !pieces->done()) send(buffer.first(pieces->write_next(buffer)));
class Ipv4Fragmenter {
 public:
  /// `mtu` is the largest IP packet, bytes. None if the frame is not IPv4, if its DF flag is set, or if not even 8
  /// bytes of payload fit beside the header.
  [[nodiscard]] static std::optional<Ipv4Fragmenter> create(ByteView frame, std::uint32_t mtu);

  [[nodiscard]] bool done() const { return done_; }
  /// Length of what write_next will write.
  [[nodiscard]] std::size_t next_size() const;
  /// Writes the next fragment as a whole frame and returns its length; 0 (and no progress) if `out` is too small.
  std::size_t write_next(MutableBytes out);

 private:
  Ipv4Fragmenter(ByteView frame, std::size_t header_size, std::size_t packet_size, std::size_t piece);
  [[nodiscard]] std::size_t next_payload() const;

  ByteView frame_;          // cut to the IP packet's end
  std::size_t header_size_; // of IPv4, with options
  std::size_t piece_;       // payload of every fragment but the last, multiple of 8
  std::size_t position_ = 0;
  bool done_ = false;
};

} // namespace weave::datapath
