#include "controller/api/client.hpp"

#include "base/http/blocking_client.hpp"
#include "base/http/message.hpp"

namespace weave::controller::api {
namespace {

Result<Answer> ask(std::string const& address, http::Request request, std::chrono::milliseconds timeout) {
  auto const endpoint = http::Endpoint::parse(address);
  if (!endpoint) return failure_of(endpoint);
  auto response = http::request_and_wait(*endpoint, std::move(request), timeout);
  if (!response) return failure_of(response);
  return Answer{.status = response->status, .body = std::move(response->body)};
}

http::Request request_of(std::string method, std::string target) {
  return {.method = std::move(method), .target = std::move(target), .headers = {}, .body = {}};
}

} // namespace

Result<ApiClient> ApiClient::at(std::string_view address) {
  auto const endpoint = http::Endpoint::parse(address);
  if (!endpoint) return failure_of(endpoint);
  return ApiClient{endpoint->to_string()};
}

Result<Answer> ApiClient::get(std::string target, std::chrono::milliseconds timeout) const {
  return ask(address_, request_of("GET", std::move(target)), timeout);
}

Result<Answer> ApiClient::post(std::string target, Parameters const& parameters,
                               std::chrono::milliseconds timeout) const {
  http::Form form;
  for (auto const& [name, value] : parameters) form.add(name, value);
  return ask(address_, http::Request::post_form(std::move(target), form), timeout);
}

Result<Answer> ApiClient::remove(std::string target, std::chrono::milliseconds timeout) const {
  return ask(address_, request_of("DELETE", std::move(target)), timeout);
}

Result<Answer> ApiClient::put(std::string target, Parameters const& parameters,
                              std::chrono::milliseconds timeout) const {
  http::Form form;
  for (auto const& [name, value] : parameters) form.add(name, value);
  auto request = http::Request::post_form(std::move(target), form);
  request.method = "PUT";
  return ask(address_, std::move(request), timeout);
}

Result<Answer> ApiClient::names(std::chrono::milliseconds timeout) const {
  auto request = request_of("GET", "/name");
  request.headers.add("Accept", "application/json");
  return ask(address_, std::move(request), timeout);
}

Result<Answer> ApiClient::report(std::chrono::milliseconds timeout) const {
  auto request = request_of("GET", "/report");
  request.headers.add("Accept", "application/json");
  return ask(address_, std::move(request), timeout);
}

Result<Answer> ApiClient::report(std::string_view format, std::chrono::milliseconds timeout) const {
  return get("/report?format=" + http::percent_encode(format), timeout);
}

std::string path_part(std::string_view text) { return http::percent_encode(text); }

} // namespace weave::controller::api
