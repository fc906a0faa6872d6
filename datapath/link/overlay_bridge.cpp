#include "datapath/link/overlay_bridge.hpp"

#include <fmt/format.h>

#include "datapath/link/device_settings.hpp"

namespace weave::datapath {

namespace {

constexpr std::uint32_t kMtuMax = 65535;

} // namespace

MacAddress bridge_mac(PeerName name) {
  auto bytes = name.bytes();
  MacAddress const mac{bytes};
  if (!mac.is_group() && !mac.is_zero()) return mac;
  bytes[0] = static_cast<std::uint8_t>((bytes[0] & ~1U) | 2U);
  return MacAddress{bytes};
}

Result<Link> OverlayBridge::ensure(BridgeSpec const& spec) {
  auto found = links_.find(spec.name);
  if (!found && found.error().kind() != ErrorKind::not_found) return found;
  if (!found) {
    auto const made = links_.create_bridge(spec);
    if (!made && made.error().kind() != ErrorKind::already_exists) return failure_of(made);
    found = links_.find(spec.name);
    if (!found) return found;
  }
  if (found->kind != "bridge") {
    return failure(
        ErrorKind::already_exists,
        fmt::format("interface \"{}\" exists and is not a bridge; remove it or run weave reset --force", spec.name));
  }
  if (auto const configured = configure(spec, *found); !configured) return failure_of(configured);
  return links_.find(spec.name);
}

Result<void> OverlayBridge::configure(BridgeSpec const& spec, Link const& link) {
  if (auto tamed = links_.tame_bridge(spec.name); !tamed) return tamed;
  if (auto refused = refuse_ipv6_autoconf(spec.name); !refused) return refused;
  if (link.mac != spec.mac) {
    if (auto changed = links_.change(spec.name, {.mac = spec.mac}); !changed) return changed;
  }
  // Only a real change of MTU makes the kernel stop lowering it to the smallest port's.
  auto const detour = spec.mtu < kMtuMax ? spec.mtu + 1 : spec.mtu - 1;
  if (auto changed = links_.change(spec.name, {.mtu = detour}); !changed) return changed;
  return links_.change(spec.name, {.up = true, .mtu = spec.mtu});
}

Result<void> OverlayBridge::reset(std::string_view bridge) {
  auto const links = links_.list();
  if (!links) return failure_of(links);
  Result<void> outcome;
  auto const remove = [&](std::string_view name) {
    auto const removed = links_.remove(name);
    if (!removed && outcome) outcome = removed;
  };
  for (auto const& link : *links) {
    auto const ours = [&](std::string_view prefix) { return link.name.starts_with(prefix); };
    if (ours(kOwnPrefix) || ours(kEndpointHostPrefix) || ours(kEndpointGuestPrefix)) remove(link.name);
  }
  remove(bridge);
  return outcome;
}

} // namespace weave::datapath
