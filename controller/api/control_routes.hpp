#pragma once

#include "base/http/router.hpp"
#include "controller/api/control_port.hpp"
#include "controller/api/host_port.hpp"

namespace weave::controller::api {

/// Null: that part is off; its paths then answer as the original's do.
struct ControlPorts {
  DaemonPort* daemon = nullptr; ///< never null
  AddressPort* addresses = nullptr;
  DockerNetworkPort* docker_network = nullptr;
  NamePort* names = nullptr;
  AttachPort* attach = nullptr;
  ExposePort* expose = nullptr;
};

/// The whole control API (protocol/surfaces.md §6) and `DELETE /plugin/network`, which answers 204 when the
/// default Docker network is gone and 409 with the ids of the containers on it when they hindered that (200 when it is
/// gone and Docker has other networks of ours), and those of host_routes.hpp. The ports are borrowed by the router and
/// by the answers still pending.
[[nodiscard]] http::Router control_routes(ControlPorts ports);

/// What the status address serves: `/status…` and `/report`, nothing that changes anything.
[[nodiscard]] http::Router status_routes(DaemonPort& daemon);
/// `/metrics` alone (§6.2).
[[nodiscard]] http::Router metrics_routes(DaemonPort& daemon);

} // namespace weave::controller::api
