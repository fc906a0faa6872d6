#include "datapath/bpf/left_behind.hpp"

#include <bpf/bpf.h>

#include "datapath/bpf/kernel_layout.h"
#include "datapath/bpf/tc_filter.hpp"
#include "datapath/link/vxlan_device.hpp"

namespace weave::datapath::bpf {

namespace {

constexpr char kMacsName[] = "weave_macs";

/// Maps of the program on this hook, if ours.
MapSet maps_on(Links& links, LinkIndex link, TcHook hook) {
  auto const id = attached_program(links.socket(), link, hook);
  if (!id || !*id) return {};
  auto const program = find_program(**id);
  return program ? open_maps(*program) : MapSet{};
}

bool can_copy_macs(int fd) {
  bpf_map_info info{};
  std::uint32_t size = sizeof info;
  return ::bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && info.type == BPF_MAP_TYPE_LRU_HASH &&
         info.key_size == sizeof(::weave_mac) && info.value_size == sizeof(::weave_place);
}

} // namespace

Result<LeftBehind> find_left_behind(Links& links, std::uint16_t primary_port) {
  LeftBehind left;
  auto const devices = list_vxlan_devices(links);
  if (!devices) return failure_of(devices);
  for (auto const& [port, link] : *devices) {
    // Egress first: where programs of two loads are mixed, its maps are the ones to go on with.
    auto maps = maps_on(links, link.index, TcHook::egress);
    maps.merge(maps_on(links, link.index, TcHook::ingress));
    if (maps.empty()) continue;
    left.ports.push_back(port);
    // All devices share one set of maps, unless the process died while it replaced them.
    if (port == primary_port || !left.programs) left.maps = std::move(maps);
    left.programs = true;
  }
  left.adoptable = left.programs && KernelPrograms::can_adopt(left.maps);
  if (left.adoptable) return left;
  if (auto const macs = left.maps.find(kMacsName); macs != left.maps.end() && can_copy_macs(macs->second.get())) {
    left.macs = std::move(macs->second);
  }
  return left;
}

} // namespace weave::datapath::bpf
