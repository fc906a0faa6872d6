#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "datapath/packet/byte_order.hpp"
#include "datapath/packet/headers.hpp"

namespace weave::datapath {

/// Longest frame that write_fragmentation_needed makes.
inline constexpr std::size_t kFragmentationNeededSize =
    kEthernetHeaderSize + kIpv4HeaderSize + kIcmpHeaderSize + kIpv4MaximumHeaderSize + 8;

/// Whether an ICMP error may be sent about this frame (RFC 1122 §3.2.2, RFC 1812 §4.3.2.7): IPv4 from and to one host,
/// not itself an ICMP error, not a later fragment.
[[nodiscard]] bool may_answer_with_icmp_error(ByteView frame);

/// Writes the frame that tells the sender of `frame` (untagged IPv4) that packets beyond `mtu` do not pass: ICMP type 3
/// code 4, as if sent by the frame's destination (protocol/datapath.md §4.5). Returns its length, 0 if `frame` is not
/// IPv4 or `out` shorter than kFragmentationNeededSize.
std::size_t write_fragmentation_needed(ByteView frame, std::uint16_t mtu, MutableBytes out);

} // namespace weave::datapath
