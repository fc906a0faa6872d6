#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "datapath/odp/ovs_message.hpp"
#include "datapath/odp/types.hpp"

/// Messages of the family ovs_flow (protocol/datapath.md §6).
namespace weave::datapath::odp {

/// With the flow's ufid where it has one. Refused with EEXIST when a flow has this ufid, or would serve packets that
/// look like the key; without that demand the kernel would give the other flow these actions, or say ENOENT.
[[nodiscard]] Result<Bytes> encode_flow_new(std::uint16_t family, DatapathIndex datapath, Flow const& flow);
/// Gives the flow of this ufid the actions; ENOENT when there is none.
[[nodiscard]] Result<Bytes> encode_flow_change(std::uint16_t family, DatapathIndex datapath, Flow const& flow);
/// By ufid; of flows without by the key as the kernel told it, else by key and mask. Never names no flow, which the
/// kernel would take for all.
[[nodiscard]] Result<Bytes> encode_flow_delete(std::uint16_t family, DatapathIndex datapath, Flow const& flow);
/// All flows.
[[nodiscard]] Result<Bytes> encode_flow_flush(std::uint16_t family, DatapathIndex datapath);
/// Every flow with key, mask and actions.
[[nodiscard]] Result<Bytes> encode_flow_dump(std::uint16_t family, DatapathIndex datapath);

/// Never fails for what a flow matches or does in ways unknown to us; malformed only for lengths that do not fit.
[[nodiscard]] Result<Flow> decode_flow(OvsMessage const& message);

} // namespace weave::datapath::odp
