#include "tools/docker_answer.hpp"

#include <fmt/format.h>

#include "base/http/blocking_client.hpp"
#include "controller/api/client.hpp"
#include "controller/docker/engine_json.hpp"

namespace weave::tools {

namespace docker = controller::docker;

Result<http::Endpoint> docker_endpoint(Settings const& settings) {
  return http::Endpoint::parse(settings.non_empty("DOCKER_HOST").value_or("unix:///var/run/docker.sock"));
}

Result<std::string> ask_docker(http::Endpoint const& engine, std::string const& target,
                               std::chrono::milliseconds limit) {
  http::Request const request{.method = "GET", .target = target, .headers = {}, .body = {}};
  auto response = http::request_and_wait(engine, request, limit);
  if (!response) {
    return failure(response.error().kind(),
                   fmt::format("cannot ask Docker at {}: {}", engine.to_string(), response.error().text()));
  }
  if (!response->ok()) return std::unexpected{docker::decode_error(response->status, response->body)};
  return std::move(response->body);
}

Result<docker::ContainerInfo> inspect_container(http::Endpoint const& engine, std::string const& container) {
  auto const text = ask_docker(engine, fmt::format("/containers/{}/json", controller::api::path_part(container)));
  if (!text && text.error().kind() == ErrorKind::not_found) {
    return failure(ErrorKind::not_found,
                   fmt::format("unable to inspect container {}: No such container: {}", container, container));
  }
  if (!text) return failure_of(text);
  return docker::decode_container(*text);
}

} // namespace weave::tools
