#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "datapath/odp/ovs_message.hpp"
#include "datapath/odp/types.hpp"

/// Messages of the family ovs_packet (protocol/datapath.md §6).
namespace weave::datapath::odp {

[[nodiscard]] Result<Bytes> encode_execute(std::uint16_t family, DatapathIndex datapath, ByteView packet,
                                           Actions const& actions);

/// The result refers to the message. not_found when it is something else than a packet without a flow.
[[nodiscard]] Result<Upcall> decode_upcall(OvsMessage const& message);

} // namespace weave::datapath::odp
