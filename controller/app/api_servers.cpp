#include "controller/app/api_servers.hpp"

#include <utility>

#include <fmt/format.h>

#include "base/http/endpoint.hpp"

namespace weave::controller {

namespace {

/// Nowhere, if `place` is empty.
Result<void> bind_to(http::Server& server, std::string const& place, std::string_view option) {
  if (place.empty()) return {};
  auto const endpoint = http::Endpoint::parse(place);
  if (!endpoint) return failure_of(endpoint);
  auto const bound = server.bind(*endpoint);
  if (bound) return {};
  return failure(bound.error().kind(),
                 fmt::format("{} (option {} names another address)", bound.error().text(), option));
}

} // namespace

http::Server& ApiServers::serve(http::Handler handler) {
  return *servers_.emplace_back(
      std::make_unique<http::Server>(context_, std::move(handler), http::ServerOptions{}, logger_));
}

Result<void> ApiServers::open(Places const& places, Handlers handlers) {
  auto& main_server = serve(std::move(handlers.control));
  if (auto bound = main_server.bind_unix(places.control_socket); !bound) return bound;
  if (auto bound = bind_to(main_server, places.control, "--http-addr"); !bound) return bound;
  if (!places.status.empty()) {
    if (auto bound = bind_to(serve(std::move(handlers.status)), places.status, "--status-addr"); !bound) return bound;
  }
  if (places.metrics.empty()) return {};
  return bind_to(serve(std::move(handlers.metrics)), places.metrics, "--metrics-addr");
}

} // namespace weave::controller
