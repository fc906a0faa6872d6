#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "datapath/bpf/kernel_programs.hpp"
#include "datapath/link/links.hpp"

namespace weave::datapath::bpf {

/// What an earlier process of ours left in the kernel. It is found by the filters on our VXLAN devices, which hold the
/// programs, which hold the maps: unlike a pin in a file system this cannot be lost or be that of another network
/// namespace.
struct LeftBehind {
  /// UDP ports of its devices.
  std::vector<std::uint16_t> ports;
  /// Whether programs hang on them.
  bool programs = false;
  /// Their maps have the layout of our programs and can be taken over.
  bool adoptable = false;
  MapSet maps;
  /// When they cannot: what was learned, if that map looks as ours does.
  std::optional<UniqueFd> macs;
};

/// `primary_port` is that of the device in the bridge.
[[nodiscard]] Result<LeftBehind> find_left_behind(Links& links, std::uint16_t primary_port);

} // namespace weave::datapath::bpf
