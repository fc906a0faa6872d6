#pragma once

#include <string>

#include "datapath/link/sandbox_interface.hpp"
#include "plugin/sandbox_attacher.hpp"

namespace weave::controller {

/// The plugin's port to interfaces, bound to the kernel. The calls take well under a millisecond each and answer inside
/// the call. Control thread only; the interfaces outlive it.
class SandboxService final : public plugin::SandboxAttacher {
 public:
  SandboxService(datapath::SandboxInterfaces& interfaces, std::string bridge)
      : interfaces_{interfaces}, bridge_{std::move(bridge)} {}

  void create_endpoint(plugin::EndpointLink const& link, std::optional<MacAddress> mac, Created done) override;
  void delete_endpoint(plugin::EndpointLink const& link, Deleted done) override;

 private:
  datapath::SandboxInterfaces& interfaces_;
  std::string bridge_;
};

} // namespace weave::controller
