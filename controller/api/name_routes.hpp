#pragma once

#include "base/http/router.hpp"
#include "controller/api/control_port.hpp"

namespace weave::controller::api {

/// The paths of the DNS (protocol/ipam-dns.md §15). The port is borrowed by the router and by answers still pending.
void add_names(http::Router& router, NamePort& names);

} // namespace weave::controller::api
