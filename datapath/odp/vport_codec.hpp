#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "datapath/odp/ovs_message.hpp"
#include "datapath/odp/types.hpp"

/// Messages of the family ovs_vport (protocol/datapath.md §6).
namespace weave::datapath::odp {

/// `upcall_pid` takes effect before the first packet can come.
[[nodiscard]] Result<Bytes> encode_vport_new(std::uint16_t family, DatapathIndex datapath, VportSpec const& spec,
                                             std::uint32_t upcall_pid);
[[nodiscard]] Result<Bytes> encode_vport_get(std::uint16_t family, DatapathIndex datapath, PortNo port);
[[nodiscard]] Result<Bytes> encode_vport_dump(std::uint16_t family, DatapathIndex datapath);
[[nodiscard]] Result<Bytes> encode_vport_set_pid(std::uint16_t family, DatapathIndex datapath, PortNo port,
                                                 std::uint32_t upcall_pid);
[[nodiscard]] Result<Bytes> encode_vport_delete(std::uint16_t family, DatapathIndex datapath, PortNo port);

[[nodiscard]] Result<Vport> decode_vport(OvsMessage const& message);

} // namespace weave::datapath::odp
