#include "controller/app/api_servers.hpp"

#include <utility>

#include "base/http/endpoint.hpp"

namespace weave::controller {

http::Server& ApiServers::serve(http::Handler handler) {
  return *servers_.emplace_back(
      std::make_unique<http::Server>(context_, std::move(handler), http::ServerOptions{}, logger_));
}

Result<void> ApiServers::open(Places const& places, http::Handler control, http::Handler status) {
  auto& main_server = serve(std::move(control));
  if (auto bound = main_server.bind_unix(places.control_socket); !bound) return bound;
  if (!places.control.empty()) {
    auto const endpoint = http::Endpoint::parse(places.control);
    if (!endpoint) return failure_of(endpoint);
    if (auto bound = main_server.bind(*endpoint); !bound) return bound;
  }
  if (places.status.empty()) return {};
  auto const endpoint = http::Endpoint::parse(places.status);
  if (!endpoint) return failure_of(endpoint);
  return serve(std::move(status)).bind(*endpoint);
}

} // namespace weave::controller
