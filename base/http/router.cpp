#include "base/http/router.hpp"

#include <algorithm>
#include <utility>

namespace weave::http {

namespace {

std::string_view take_part(std::string_view& rest) {
  auto const part = rest.substr(0, rest.find('/'));
  rest.remove_prefix(std::min(rest.size(), part.size() + 1));
  return part;
}

std::size_t parts(std::string_view path) { return static_cast<std::size_t>(std::ranges::count(path, '/')); }

} // namespace

std::optional<PathValues> match_path(std::string_view pattern, std::string_view path) {
  if (parts(pattern) != parts(path)) return std::nullopt;
  PathValues values;
  while (!pattern.empty() || !path.empty()) {
    auto const wanted = take_part(pattern);
    auto decoded = percent_decode(take_part(path));
    if (!decoded) return std::nullopt;
    if (wanted.starts_with('{') && wanted.ends_with('}')) {
      if (decoded->empty()) return std::nullopt;
      values.push_back(*std::move(decoded));
    } else if (wanted != *decoded) {
      return std::nullopt;
    }
  }
  return values;
}

void Router::add(std::string method, std::string pattern, RouteHandler handler) {
  routes_.push_back(Route{std::move(method), std::move(pattern), std::move(handler)});
}

void Router::operator()(Request request, Responder responder) const {
  // Left out, what such a part should have said would be taken for unsaid.
  if (!percent_decode(request.target)) {
    return responder.send(Response::text("a percent sign in an address is written %25\n", 400));
  }
  bool known_path = false;
  auto const method = request.method == "HEAD" ? std::string{"GET"} : request.method;
  for (auto const& route : routes_) {
    auto values = match_path(route.pattern, request.path());
    if (!values) continue;
    known_path = true;
    if (route.method == method) return route.handler(std::move(request), *std::move(values), std::move(responder));
  }
  if (known_path) return responder.send(Response{.status = 405, .headers = {}, .body = {}});
  responder.send(Response::text("404 page not found\n", 404));
}

} // namespace weave::http
