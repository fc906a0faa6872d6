#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "datapath/bpf/forwarding_table.hpp"
#include "datapath/fastpath/fast_path.hpp"

namespace weave::datapath::bpf {

/// Packets and bytes by what became of them, for one peer.
struct PeerCounters {
  std::uint64_t sent_packets = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t received_packets = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t relayed_packets = 0;
  std::uint64_t relayed_bytes = 0;
};

/// What the programs forward by, as values.
struct FlowSource {
  ShortId own{};
  std::string bridge;
  std::string user_port;
  ForwardingEntries entries;
  std::map<ShortId, std::vector<MacAddress>> macs;
  std::map<ShortId, PeerCounters> counters;
  std::uint64_t flooded_packets = 0;
  std::uint64_t flooded_bytes = 0;
  /// Name of a VXLAN device by its interface number.
  std::function<std::string(std::uint32_t)> device_name;
};

/// The forwarding of the programs written as flows: one from each source peer, one to each destination peer, one for
/// broadcasts, one for each destination that others' frames were relayed to. Pure.
[[nodiscard]] std::vector<FlowDescription> describe_flows(FlowSource const& source);

} // namespace weave::datapath::bpf
