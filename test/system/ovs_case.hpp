#pragma once

#include "datapath/odp/kernel_datapath.hpp"
#include "datapath/odp/ovs_fast_path.hpp"
#include "test/system/fast_path_host.hpp"

namespace weave::test {

/// A path as the daemon makes it, in the network namespace that is current.
[[nodiscard]] inline Result<std::unique_ptr<datapath::odp::OvsFastPath>> open_ovs_path(FastPathInputs const& inputs,
                                                                                       std::string const& name,
                                                                                       bool bridged) {
  using namespace datapath::odp;
  auto& scheduler = inputs.scheduler;
  // A rebuild happens on the control thread, whose network namespace is another one in these tests.
  auto const here = std::make_shared<Result<datapath::NetworkNamespace>>(datapath::NetworkNamespace::current());
  if (!*here) return failure_of(*here);
  auto const open = [here, name, &watcher = inputs.watcher]() -> Result<std::unique_ptr<DatapathInterface>> {
    Result<std::unique_ptr<DatapathInterface>> opened = nullptr;
    auto const done = (*here)->run([&]() -> Result<void> {
      auto made = KernelDatapath::open(name, watcher);
      if (!made) return failure_of(made);
      opened = std::move(*made);
      return {};
    });
    if (!done) return failure_of(done);
    return opened;
  };
  KernelOvsDevices::Config const config{
      .bridge = inputs.bridge, .mtu = inputs.mtu, .host_mac = datapath::bridge_mac(inputs.self)};
  return OvsFastPath::create({.scheduler = scheduler,
                              .logger = inputs.logger,
                              .devices = std::make_unique<KernelOvsDevices>(inputs.links, config),
                              .open = open,
                              .post = [&scheduler](std::function<void()> call) { scheduler.post(std::move(call)); }},
                             {.self = inputs.self, .datapath = name, .bridged = bridged});
}

/// The path with Open vSwitch under the contract.
[[nodiscard]] inline FastPathCase ovs_case() {
  auto const open = [](FastPathInputs const& inputs) -> Result<std::unique_ptr<datapath::FastPath>> {
    auto made = open_ovs_path(inputs, "datapath", true);
    if (!made) return failure_of(made);
    return std::unique_ptr<datapath::FastPath>{std::move(*made)};
  };
  auto const reset = [](datapath::Links& links) {
    return datapath::odp::remove_ovs_path(links, [] { return datapath::odp::KernelDatapath::remove("datapath"); });
  };
  return {.name = "openvswitch", .open = open, .reset = reset, .learns_from_user_port = false};
}

} // namespace weave::test
