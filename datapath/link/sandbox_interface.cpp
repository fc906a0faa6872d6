#include "datapath/link/sandbox_interface.hpp"

#include <fmt/format.h>

#include "datapath/link/attached_interface.hpp"
#include "datapath/link/device_settings.hpp"
#include "datapath/link/overlay_bridge.hpp"

namespace weave::datapath {

Result<MacAddress> SandboxInterfaces::create_endpoint(SandboxSpec const& spec) {
  auto const bridge = links_.find(spec.bridge);
  if (!bridge || (!plug_in_ && bridge->kind != "bridge")) {
    return failure(ErrorKind::not_found, fmt::format("bridge \"{}\" not present; did you launch weave?", spec.bridge));
  }
  auto const mtu = spec.mtu != 0 ? spec.mtu : bridge->mtu;
  if (auto const made = make_pair(spec, mtu); !made) return failure_of(made);
  auto mac = attach(spec, *bridge, mtu);
  // The error to report is the first one; what remains is found by host_ends().
  if (!mac) (void)links_.remove(spec.host_name);
  return mac;
}

Result<void> SandboxInterfaces::make_pair(SandboxSpec const& spec, std::uint32_t mtu) {
  auto made = links_.create_veth(
      {.host_name = spec.host_name, .guest_name = spec.guest_name, .mtu = mtu, .guest_mac = spec.mac});
  if (made || made.error().kind() != ErrorKind::already_exists) return made;
  auto const host = links_.find(spec.host_name);
  auto const guest = links_.find(spec.guest_name);
  bool const ours = host && guest && host->peer_here && host->peer == guest->index;
  return ours ? Result<void>{} : made;
}

Result<MacAddress> SandboxInterfaces::attach(SandboxSpec const& spec, Link const& bridge, std::uint32_t mtu) {
  for (auto const& name : {spec.host_name, spec.guest_name}) {
    if (auto const refused = refuse_ipv6_autoconf(name); !refused) return failure_of(refused);
  }
  if (auto const changed = links_.change(spec.guest_name, {.mtu = mtu, .mac = spec.mac}); !changed) {
    return failure_of(changed);
  }
  auto const attached = plug_in(spec, bridge, mtu);
  if (!attached) {
    return failure(attached.error().kind(), fmt::format("attaching veth \"{}\" to \"{}\": {}", spec.host_name,
                                                        spec.bridge, attached.error().text()));
  }
  auto const guest = links_.find(spec.guest_name);
  if (!guest) return failure_of(guest);
  return guest->mac;
}

Result<void> SandboxInterfaces::plug_in(SandboxSpec const& spec, Link const& bridge, std::uint32_t mtu) {
  if (!plug_in_) return links_.change(spec.host_name, {.up = true, .mtu = mtu, .master = bridge.index});
  if (auto const changed = links_.change(spec.host_name, {.up = true, .mtu = mtu}); !changed) return changed;
  return plug_in_(spec.host_name);
}

Result<void> SandboxInterfaces::delete_endpoint(std::string_view host_name) { return links_.remove(host_name); }

Result<std::vector<HostEnd>> SandboxInterfaces::host_ends() {
  auto const links = links_.list();
  if (!links) return failure_of(links);
  std::vector<HostEnd> ends;
  for (auto const& link : *links) {
    bool const ours = link.name.starts_with(kEndpointHostPrefix) || link.name.starts_with(kAttachedHostPrefix);
    if (!ours || link.kind != "veth" || !link.peer) continue;
    ends.push_back({.name = link.name, .index = link.index, .peer_here = link.peer_here});
  }
  return ends;
}

} // namespace weave::datapath
