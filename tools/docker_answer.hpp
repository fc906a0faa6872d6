#pragma once

#include <chrono>
#include <string>

#include "base/http/endpoint.hpp"
#include "base/result.hpp"
#include "controller/docker/container_json.hpp"
#include "tools/daemon_answer.hpp"
#include "tools/settings.hpp"

namespace weave::tools {

/// Where the user's Docker engine is: DOCKER_HOST, else its usual socket.
[[nodiscard]] Result<http::Endpoint> docker_endpoint(Settings const& settings);

/// `GET target`: the body of a success. Errors are for people; not_found is the engine's answer 404, timed_out that
/// there was none within the limit.
[[nodiscard]] Result<std::string> ask_docker(http::Endpoint const& engine, std::string const& target,
                                             std::chrono::milliseconds limit = kAnswerTime);

/// By name or id. not_found: `unable to inspect container <c>: No such container: <c>`.
[[nodiscard]] Result<controller::docker::ContainerInfo> inspect_container(http::Endpoint const& engine,
                                                                          std::string const& container);

} // namespace weave::tools
