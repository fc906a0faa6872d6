#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "datapath/netlink/message_builder.hpp"
#include "datapath/odp/types.hpp"

/// Lists of actions (protocol/datapath.md §6).
namespace weave::datapath::odp {

/// Appends a nest of number `attribute` (OVS_FLOW_ATTR_ACTIONS or OVS_PACKET_ATTR_ACTIONS).
void put_actions(netlink::MessageBuilder& builder, std::uint16_t attribute, Actions const& actions);

/// Actions that we have no type for stay raw.
[[nodiscard]] Result<Actions> decode_actions(ByteView nest);

} // namespace weave::datapath::odp
