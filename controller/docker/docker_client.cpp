#include "controller/docker/docker_client.hpp"

#include <utility>

#include <fmt/format.h>

#include "controller/docker/container_json.hpp"

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
    : endpoint_{std::move(endpoint)}, limits_{limits}, context_{context}, http_{context} {}

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

void DockerClient::list_networks(Answer<std::vector<NetworkInfo>> done) {
  call(get("/networks"), limits_.ask, decoding<std::vector<NetworkInfo>>(std::move(done), decode_networks));
}

void DockerClient::inspect_container(std::string const& container, Answer<ContainerInfo> done) {
  call(get("/containers/" + http::percent_encode(container) + "/json"), limits_.ask,
       decoding<ContainerInfo>(std::move(done), decode_container));
}

void DockerClient::follow_events(std::optional<std::chrono::nanoseconds> since, EventHandlers handlers) {
  event_http_ = std::make_shared<http::Client>(context_);
  with_version(
      [this, mine = std::weak_ptr{event_http_}, since, handlers = std::move(handlers)](Result<void> const& ready) {
        if (mine.expired()) return;
        if (!ready) return handlers.on_end(ready.error());
        open_stream(since, handlers);
      });
}

void DockerClient::open_stream(std::optional<std::chrono::nanoseconds> since, EventHandlers handlers) {
  auto const mine = std::weak_ptr{event_http_};
  auto const splitter = std::make_shared<LineSplitter>();
  auto const on_line = [mine, on_event = std::move(handlers.on_event)](std::string_view line) {
    if (!mine.expired()) on_event(decode_event(line));
  };
  auto const opened = std::make_shared<bool>(false);
  auto const on_end = [this, opened, on_end = std::move(handlers.on_end)](Result<http::Response> const& answer) {
    if (answer && !answer->ok()) return on_end(from_refusal(*answer));
    version_.reset();
    if (answer) return on_end(Error{ErrorKind::unavailable, "the Docker engine has ended its stream of events"});
    // Cut off, as by every restart of the engine.
    if (*opened) return on_end(Error{ErrorKind::unavailable, answer.error().text()});
    on_end(from_transport(answer.error()));
  };
  event_http_->stream(endpoint_, get(versioned(events_target(since))), limits_.ask,
                      {.on_open =
                           [opened, on_open = std::move(handlers.on_open)] {
                             *opened = true;
                             on_open();
                           },
                       .on_piece = [splitter, on_line](std::string_view piece) { splitter->push(piece, on_line); },
                       .on_end = on_end});
}

void DockerClient::call(http::Request request, std::chrono::milliseconds limit, BodyCallback done) {
  if (version_) return call_versioned(std::move(request), limit, done);
  with_version([this, request = std::move(request), limit, done = std::move(done)](Result<void> const& ready) mutable {
    if (!ready) return done(failure_of(ready));
    call_versioned(std::move(request), limit, done);
  });
}

void DockerClient::with_version(std::function<void(Result<void>)> then) {
  http_.request(endpoint_, get("/version"), limits_.ask,
                [this, then = std::move(then)](Result<http::Response> const& answer) { then(on_version(answer)); });
}

Result<void> DockerClient::on_version(Result<http::Response> const& answer) {
  if (!answer) return std::unexpected{from_transport(answer.error())};
  if (!answer->ok()) return std::unexpected{decode_error(answer->status, answer->body)};
  auto const versions = decode_versions(answer->body);
  if (!versions) return failure_of(versions);
  auto const chosen = choose_version(*versions);
  if (!chosen) return failure_of(chosen);
  version_ = *chosen;
  return {};
}

void DockerClient::call_versioned(http::Request request, std::chrono::milliseconds limit, BodyCallback const& done) {
  request.target = versioned(request.target);
  http_.request(endpoint_, std::move(request), limit, [this, done](Result<http::Response> const& answer) {
    if (!answer) return done(std::unexpected{from_transport(answer.error())});
    if (answer->ok()) return done(answer->body);
    done(std::unexpected{from_refusal(*answer)});
  });
}

std::string DockerClient::versioned(std::string const& target) const {
  return fmt::format("/v{}{}", version_->to_string(), target);
}

Error DockerClient::from_transport(Error const& error) {
  version_.reset();
  if (error.kind() != ErrorKind::not_found) return error;
  return Error{ErrorKind::unavailable, error.text()};
}

Error DockerClient::from_refusal(http::Response const& answer) {
  auto error = decode_error(answer.status, answer.body);
  // "client version 1.41 is too old": another engine has taken over the socket.
  if (answer.status == 400 && error.text().find("client version") != std::string::npos) version_.reset();
  return error;
}

} // namespace weave::controller::docker
