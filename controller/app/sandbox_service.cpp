#include "controller/app/sandbox_service.hpp"

namespace weave::controller {

void SandboxService::create_endpoint(plugin::EndpointLink const& link, std::optional<MacAddress> mac, Created done) {
  done(interfaces_.create_endpoint(
      {.host_name = link.host_name, .guest_name = link.guest_name, .mtu = 0, .mac = mac, .bridge = bridge_}));
}

void SandboxService::delete_endpoint(plugin::EndpointLink const& link, Deleted done) {
  auto deleted = interfaces_.delete_endpoint(link.host_name);
  if (deleted && !link.old_host_name.empty()) deleted = interfaces_.delete_endpoint(link.old_host_name);
  done(std::move(deleted));
}

} // namespace weave::controller
