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
/// Longest frame that write_packet_too_big makes.
inline constexpr std::size_t kPacketTooBigSize = kEthernetHeaderSize + kIpv6MinimumMtu;

/// Whether an ICMP error may be sent about this frame (RFC 1122 §3.2.2, RFC 1812 §4.3.2.7, RFC 4443 §2.4): IPv4 or
/// IPv6 from and to one host, not itself an ICMP error, not a later IPv4 fragment.
[[nodiscard]] bool may_answer_with_icmp_error(ByteView frame);

/// Writes the frame that tells the sender of `frame` (untagged IPv4) that packets beyond `mtu` do not pass: ICMP type 3
/// code 4, as if sent by the frame's destination (protocol/datapath.md §4.5). Returns its length, 0 if `frame` is not
/// IPv4 or `out` shorter than kFragmentationNeededSize.
std::size_t write_fragmentation_needed(ByteView frame, std::uint16_t mtu, MutableBytes out);

/// The same for untagged IPv6: ICMPv6 type 2 (RFC 4443 §3.2), likewise as if sent by the frame's destination. `mtu` is
/// at least kIpv6MinimumMtu. 0 if `frame` is not IPv6 or `out` shorter than kPacketTooBigSize.
std::size_t write_packet_too_big(ByteView frame, std::uint32_t mtu, MutableBytes out);

} // namespace weave::datapath
