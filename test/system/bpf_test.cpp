#include "datapath/bpf/bpf_fast_path.hpp"
#include "datapath/link/vxlan_device.hpp"
#include "test/system/fast_path_contract.hpp"

namespace weave::test {

FastPathCase bpf_case() {
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

INSTANTIATE_TEST_SUITE_P(Bpf, FastPathContract, testing::Values(bpf_case()),
                         [](auto const& instance) { return instance.param.name; });

} // namespace weave::test
