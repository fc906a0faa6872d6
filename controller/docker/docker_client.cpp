#include "controller/docker/docker_client.hpp"

#include <utility>

#include <fmt/format.h>

namespace weave::controller::docker {

namespace {

http::Request get(std::string target) { return http::Request{.target = std::move(target), .headers = {}, .body = {}}; }

std::string network_path(std::string const& network) { return "/networks/" + http::percent_encode(network); }

/// Passes the body through `decode`.
template <class T>
std::function<void(Result<std::string>)> decoding(DockerEngine::Callback<T> done,
                                                  Result<T> (*decode)(std::string_view)) {
  return [done = std::move(done), decode](Result<std::string> const& body) {
    if (!body) return done(failure_of(body));
    done(decode(*body));
  };
}

} // namespace

DockerClient::DockerClient(boost::asio::io_context& context, http::Endpoint endpoint, DockerLimits limits)
    : endpoint_{std::move(endpoint)}, limits_{limits}, http_{context} {}

void DockerClient::inspect_network(std::string const& network, Callback<NetworkInfo> done) {
  call(get(network_path(network)), limits_.ask, decoding<NetworkInfo>(std::move(done), decode_network));
}

void DockerClient::create_network(NetworkSpec const& spec, Callback<std::string> done) {
  http::Request request{.method = "POST",
                        .target = "/networks/create",
                        .headers = {{"Content-Type", "application/json"}},
                        .body = encode_network(spec)};
  call(std::move(request), limits_.change, decoding<std::string>(std::move(done), decode_created_id));
}

void DockerClient::remove_network(std::string const& network, Callback<void> done) {
  http::Request request{.method = "DELETE", .target = network_path(network), .headers = {}, .body = {}};
  call(std::move(request), limits_.change, [done = std::move(done)](Result<std::string> const& body) {
    if (!body) return done(failure_of(body));
    done({});
  });
}

void DockerClient::list_containers(bool with_stopped, Callback<std::vector<ContainerSummary>> done) {
  call(get(with_stopped ? "/containers/json?all=1" : "/containers/json"), limits_.ask,
       decoding<std::vector<ContainerSummary>>(std::move(done), decode_containers));
}

void DockerClient::call(http::Request request, std::chrono::milliseconds limit, BodyCallback done) {
  if (version_) return call_versioned(std::move(request), limit, done);
  http_.request(
      endpoint_, get("/version"), limits_.ask,
      [this, request = std::move(request), limit, done = std::move(done)](Result<http::Response> const& answer) {
        if (!answer) return done(std::unexpected{from_transport(answer.error())});
        if (!answer->ok()) return done(std::unexpected{decode_error(answer->status, answer->body)});
        auto const versions = decode_versions(answer->body);
        if (!versions) return done(failure_of(versions));
        auto const chosen = choose_version(*versions);
        if (!chosen) return done(failure_of(chosen));
        version_ = *chosen;
        call_versioned(request, limit, done);
      });
}

void DockerClient::call_versioned(http::Request request, std::chrono::milliseconds limit, BodyCallback const& done) {
  request.target = fmt::format("/v{}{}", version_->to_string(), request.target);
  http_.request(endpoint_, std::move(request), limit, [this, done](Result<http::Response> const& answer) {
    if (!answer) return done(std::unexpected{from_transport(answer.error())});
    if (answer->ok()) return done(answer->body);
    auto const error = decode_error(answer->status, answer->body);
    // "client version 1.41 is too old": another engine has taken over the socket.
    if (answer->status == 400 && error.text().find("client version") != std::string::npos) version_.reset();
    done(std::unexpected{error});
  });
}

Error DockerClient::from_transport(Error const& error) {
  version_.reset();
  if (error.kind() != ErrorKind::not_found) return error;
  return Error{ErrorKind::unavailable, error.text()};
}

} // namespace weave::controller::docker
