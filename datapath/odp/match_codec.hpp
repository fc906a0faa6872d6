#pragma once

#include <optional>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "datapath/netlink/message_builder.hpp"
#include "datapath/odp/types.hpp"

/// What a flow matches, as its key and mask attributes (protocol/datapath.md §6). Attributes inside are ascending,
/// `other` comes last. Bits of the key that do not count are zero.
namespace weave::datapath::odp {

/// Appends OVS_FLOW_ATTR_KEY and OVS_FLOW_ATTR_MASK.
void put_match(netlink::MessageBuilder& builder, FlowMatch const& match);

/// From the payloads of both attributes. What we have no field for stays as raw pairs in `other`, except where nothing
/// of it counts. Without a mask everything counts.
[[nodiscard]] Result<FlowMatch> decode_match(ByteView key, std::optional<ByteView> mask);

} // namespace weave::datapath::odp
