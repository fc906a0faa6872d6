#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/http/client.hpp"
#include "base/http/endpoint.hpp"
#include "controller/docker/container_engine.hpp"
#include "controller/docker/engine.hpp"
#include "controller/docker/engine_json.hpp"

namespace weave::controller::docker {

struct DockerLimits {
  std::chrono::milliseconds ask{10'000};
  /// The engine asks our plugin, and perhaps a few times, before it answers.
  std::chrono::milliseconds change{60'000};
};

/// A real Docker engine over its HTTP interface. The API version is negotiated before the first call and again after
/// each failure to reach the engine, since another engine may be there then. Control thread; the io_context must
/// outlive it. Destroyed with calls under way, it does not call back. The event stream has no limit but for its
/// beginning: whether an engine that is silent still lives is for the follower to ask.
class DockerClient final : public DockerEngine, public ContainerEngine {
 public:
  DockerClient(boost::asio::io_context& context, http::Endpoint endpoint, DockerLimits limits = {});

  void inspect_network(std::string const& network, Callback<NetworkInfo> done) override;
  void create_network(NetworkSpec const& spec, Callback<std::string> done) override;
  void remove_network(std::string const& network, Callback<void> done) override;
  void list_containers(bool with_stopped, Callback<std::vector<ContainerSummary>> done) override;
  void list_networks(Answer<std::vector<NetworkInfo>> done) override;
  void inspect_container(std::string const& container, Answer<ContainerInfo> done) override;
  void follow_events(std::optional<std::chrono::nanoseconds> since, EventHandlers handlers) override;
  void stop_following() override { event_http_.reset(); }

  [[nodiscard]] http::Endpoint const& endpoint() const { return endpoint_; }
  /// As negotiated last.
  [[nodiscard]] std::optional<ApiVersion> version() const { return version_; }

 private:
  using BodyCallback = std::function<void(Result<std::string>)>;

  /// The target without its version. Gives the body of a success.
  void call(http::Request request, std::chrono::milliseconds limit, BodyCallback done);
  void call_versioned(http::Request request, std::chrono::milliseconds limit, BodyCallback const& done);
  /// Asks the engine for its versions unless that is done. With a version chosen, or the reason why not.
  void with_version(std::function<void(Result<void>)> then);
  [[nodiscard]] Result<void> on_version(Result<http::Response> const& answer);
  void open_stream(std::optional<std::chrono::nanoseconds> since, EventHandlers handlers);
  [[nodiscard]] std::string versioned(std::string const& target) const;
  [[nodiscard]] Error from_transport(Error const& error);
  [[nodiscard]] Error from_refusal(http::Response const& answer);

  http::Endpoint endpoint_;
  DockerLimits limits_;
  std::optional<ApiVersion> version_;
  boost::asio::io_context& context_;
  std::shared_ptr<http::Client> event_http_; ///< for one event stream each
  http::Client http_;                        // last: its destruction silences every callback that uses the rest
};

} // namespace weave::controller::docker
