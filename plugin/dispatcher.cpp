#include "plugin/dispatcher.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include <fmt/format.h>

namespace weave::plugin {

namespace {

constexpr auto kContentType = "application/vnd.docker.plugins.v1.1+json";

http::Response json_response(std::string text, int status = 200) {
  return http::Response{.status = status, .headers = {{"Content-Type", kContentType}}, .body = std::move(text) + "\n"};
}

http::Response to_response(Result<std::string> const& result) {
  return result ? json_response(*result) : json_response(encode_error(result.error().text()), 500);
}

template <class Reply>
http::Response to_response(Result<Reply> const& result) {
  if (!result) return to_response(Result<std::string>{failure_of(result)});
  return json_response(encode(*result));
}

http::Response to_response(Result<void> const& result) {
  if (!result) return to_response(Result<std::string>{failure_of(result)});
  return json_response(encode_empty());
}

/// The answer of a driver that may come later.
template <class Reply>
std::function<void(Result<Reply>)> later(http::Responder responder) {
  return [send = std::move(responder).into_function()](Result<Reply> const& result) { send(to_response(result)); };
}

/// Decodes the body and calls, or answers 400.
template <class Request, class Call>
auto decoding(Call call) {
  return [call = std::move(call)](std::string_view body, http::Responder responder) {
    auto const request = decode<Request>(body);
    if (!request) {
      auto text = fmt::format("Unable to decode JSON payload: {}\n", request.error().text());
      return responder.send(http::Response::text(std::move(text), 400));
    }
    call(*request, std::move(responder));
  };
}

auto constant(std::string text) {
  return [text = std::move(text)](std::string_view, http::Responder responder) { responder.send(json_response(text)); };
}

} // namespace

Dispatcher::Dispatcher(NetworkDriver& network, IpamDriver& ipam, Scope scope) {
  add_constants(scope);
  add_network_methods(network);
  add_endpoint_methods(network);
  add_ipam_methods(ipam);
}

void Dispatcher::handle(http::Request const& request, http::Responder responder) const {
  auto const path = request.path();
  auto const method = path.starts_with('/') ? methods_.find(path.substr(1)) : methods_.end();
  if (method == methods_.end()) return responder.send(http::Response::text("404 page not found\n", 404));
  if (request.method != "POST") return responder.send(http::Response{.status = 405, .headers = {}, .body = {}});
  method->second(request.body, std::move(responder));
}

bool Dispatcher::attaches(http::Request const& request) {
  static constexpr std::array<std::string_view, 4> kAttaching{"/NetworkDriver.CreateNetwork",
                                                              "/NetworkDriver.CreateEndpoint", "/NetworkDriver.Join",
                                                              "/IpamDriver.RequestAddress"};
  return std::ranges::find(kAttaching, request.path()) != kAttaching.end();
}

void Dispatcher::refuse(std::string_view reason, http::Responder& responder) {
  responder.send(json_response(encode_error(reason), 500));
}

void Dispatcher::add_constants(Scope scope) {
  methods_["Plugin.Activate"] = constant(encode_activation());
  methods_["NetworkDriver.GetCapabilities"] = constant(encode_network_capabilities(scope));
  methods_["IpamDriver.GetCapabilities"] = constant(encode_ipam_capabilities());
  methods_["IpamDriver.GetDefaultAddressSpaces"] = constant(encode_address_spaces());
  methods_["IpamDriver.ReleasePool"] = constant(encode_empty());
  // Told of a swarm's nodes; an error is a warning in Docker's log for each.
  methods_["NetworkDriver.DiscoverNew"] = constant(encode_empty());
  methods_["NetworkDriver.DiscoverDelete"] = constant(encode_empty());
  // What only swarm managers call.
  methods_["NetworkDriver.FreeNetwork"] = constant("null");
  methods_["NetworkDriver.AllocateNetwork"] =
      decoding<AllocateNetworkRequest>([](AllocateNetworkRequest const& request, http::Responder responder) {
        responder.send(json_response(encode_allocated_network(request.options)));
      });
}

void Dispatcher::add_network_methods(NetworkDriver& driver) {
  methods_["NetworkDriver.CreateNetwork"] =
      decoding<CreateNetworkRequest>([&driver](CreateNetworkRequest const& request, http::Responder responder) {
        responder.send(to_response(driver.create_network(request)));
      });
  methods_["NetworkDriver.DeleteNetwork"] =
      decoding<NetworkRequest>([&driver](NetworkRequest const& request, http::Responder responder) {
        driver.delete_network(request);
        responder.send(json_response(encode_empty()));
      });
}

void Dispatcher::add_endpoint_methods(NetworkDriver& driver) {
  methods_["NetworkDriver.CreateEndpoint"] =
      decoding<CreateEndpointRequest>([&driver](CreateEndpointRequest const& request, http::Responder responder) {
        driver.create_endpoint(request, later<CreateEndpointReply>(std::move(responder)));
      });
  methods_["NetworkDriver.DeleteEndpoint"] =
      decoding<EndpointRequest>([&driver](EndpointRequest const& request, http::Responder responder) {
        driver.delete_endpoint(request, later<void>(std::move(responder)));
      });
  methods_["NetworkDriver.EndpointOperInfo"] = decoding<EndpointRequest>(
      [](EndpointRequest const&, http::Responder responder) { responder.send(json_response(encode_endpoint_info())); });
  methods_["NetworkDriver.Join"] =
      decoding<JoinRequest>([&driver](JoinRequest const& request, http::Responder responder) {
        driver.join(request, later<JoinReply>(std::move(responder)));
      });
  methods_["NetworkDriver.Leave"] =
      decoding<EndpointRequest>([&driver](EndpointRequest const& request, http::Responder responder) {
        driver.leave(request, later<void>(std::move(responder)));
      });
}

void Dispatcher::add_ipam_methods(IpamDriver& driver) {
  methods_["IpamDriver.RequestPool"] =
      decoding<RequestPoolRequest>([&driver](RequestPoolRequest const& request, http::Responder responder) {
        responder.send(to_response(driver.request_pool(request)));
      });
  methods_["IpamDriver.RequestAddress"] =
      decoding<RequestAddressRequest>([&driver](RequestAddressRequest const& request, http::Responder responder) {
        auto const held = std::make_shared<http::Responder>(std::move(responder));
        held->on_abandoned(driver.request_address(
            request, [held](Result<RequestAddressReply> const& reply) { held->send(to_response(reply)); }));
      });
  methods_["IpamDriver.ReleaseAddress"] =
      decoding<ReleaseAddressRequest>([&driver](ReleaseAddressRequest const& request, http::Responder responder) {
        responder.send(to_response(driver.release_address(request)));
      });
}

} // namespace weave::plugin
