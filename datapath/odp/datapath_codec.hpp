#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "datapath/odp/ovs_message.hpp"
#include "datapath/odp/types.hpp"

/// Messages of the family ovs_datapath (protocol/datapath.md §6).
namespace weave::datapath::odp {

/// Bits of the user features of a datapath.
inline constexpr std::uint32_t kFeatureUnaligned = 1;
inline constexpr std::uint32_t kFeatureVportPids = 2;
/// Upcalls go to a socket chosen by processor, not by vport; Linux 5.15 and later.
inline constexpr std::uint32_t kFeaturePerCpuDispatch = 8;

/// Where upcalls go.
struct UpcallSettings {
  std::uint32_t features = 0;
  /// Netlink port id by processor; meaningful with kFeaturePerCpuDispatch only.
  std::vector<std::uint32_t> per_cpu_pids = {};
};

struct DatapathDescription {
  DatapathIndex index = DatapathIndex::none;
  std::string name;
  /// Absent on kernels that do not tell.
  std::optional<std::uint32_t> features = {};
  DatapathStats stats = {};

  friend bool operator==(DatapathDescription const&, DatapathDescription const&) = default;
};

/// `local_pid`: where the upcalls of the internal vport go, that comes with it.
[[nodiscard]] Result<Bytes> encode_datapath_new(std::uint16_t family, std::string_view name, std::uint32_t local_pid,
                                                UpcallSettings const& settings);
[[nodiscard]] Result<Bytes> encode_datapath_get(std::uint16_t family, std::string_view name);
[[nodiscard]] Result<Bytes> encode_datapath_get(std::uint16_t family, DatapathIndex index);
[[nodiscard]] Result<Bytes> encode_datapath_set(std::uint16_t family, DatapathIndex index,
                                                UpcallSettings const& settings);
[[nodiscard]] Result<Bytes> encode_datapath_delete(std::uint16_t family, DatapathIndex index);

[[nodiscard]] Result<DatapathDescription> decode_datapath(OvsMessage const& message);

} // namespace weave::datapath::odp
