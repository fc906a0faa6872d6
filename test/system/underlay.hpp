#pragma once

#include <cstdint>

#include <fmt/format.h>

#include "base/address.hpp"
#include "test/system/scratch_namespace.hpp"

namespace weave::test {

/// Plugs a host into the underlay: a pair from a port of the bridge "switch" in `underlay` to "eth0" in `host`, which
/// gets `address`/24. `number` tells the hosts of one underlay apart.
[[nodiscard]] inline Result<void> join_switch(ScratchNamespace& underlay, ScratchNamespace& host, int number,
                                              Ipv4Address address, std::uint32_t mtu) {
  auto const port = fmt::format("port{}", number);
  auto const end = fmt::format("up{}", number);
  auto& links = underlay.links();
  if (auto made = links.create_veth({.host_name = port, .guest_name = end, .mtu = mtu}); !made) return made;
  auto const bridge = links.find("switch");
  if (!bridge) return failure_of(bridge);
  if (auto set = links.change(port, {.up = true, .master = bridge->index}); !set) return set;
  if (auto set = links.change(end, {.namespace_fd = host.handle().fd()}); !set) return set;
  if (auto set = host.links().change(end, {.up = true, .name = "eth0"}); !set) return set;
  auto const link = host.links().find("eth0");
  if (!link) return failure_of(link);
  return host.addresses().add({.link = link->index, .address = {.address = address, .prefix = 24}});
}

} // namespace weave::test
