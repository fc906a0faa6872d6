#pragma once

#include "datapath/bpf/bpf_fast_path.hpp"
#include "datapath/link/vxlan_device.hpp"
#include "test/system/fast_path_host.hpp"

namespace weave::test {

/// The path with BPF under the contract.
[[nodiscard]] inline FastPathCase bpf_case() {
  return {.name = "bpf",
          .open =
              [](FastPathInputs const& inputs) {
                return datapath::bpf::open_bpf_fast_path({.scheduler = inputs.scheduler,
                                                          .watcher = inputs.watcher,
                                                          .logger = inputs.logger,
                                                          .links = inputs.links,
                                                          .self = inputs.self,
                                                          .bridge = inputs.bridge,
                                                          .mtu = inputs.mtu,
                                                          .udp_port = inputs.udp_port});
              },
          .reset = [](datapath::Links& links) { return datapath::remove_vxlan_devices(links); }};
}

} // namespace weave::test
