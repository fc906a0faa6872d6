#pragma once

#include "base/http/router.hpp"
#include "controller/api/host_port.hpp"

namespace weave::controller::api {

/// `GET /container/{name}` answers with the container's full id and, after a blank, its host name if that has a domain.
/// `PUT /container/{name}/interface` with `address` (CIDR, repeated) and perhaps `multicast-route=false`,
/// `rewrite-hosts=true`, `add-host` (`name:ip`, repeated); `DELETE` of the same path with `address`: 204. All 400 with
/// a text for people otherwise.
void add_containers(http::Router& router, AttachPort& attach);

/// `POST /expose/{ip}/{len}` (protocol/surfaces.md §6.2) and `DELETE` of the same path, which undoes it.
void add_expose(http::Router& router, ExposePort& expose);

} // namespace weave::controller::api
