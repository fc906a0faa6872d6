#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/http/server.hpp"

namespace weave::http {

/// Decoded values of the `{…}` parts of a pattern, in order.
using PathValues = std::vector<std::string>;
using RouteHandler = std::function<void(Request, PathValues, Responder)>;

/// Matches `/ip/{id}/{ip}/{len}` against a request path, part by part; a placeholder matches one part that is not
/// empty. Nothing if it does not match or a part is wrongly encoded.
[[nodiscard]] std::optional<PathValues> match_path(std::string_view pattern, std::string_view path);

/// A table of method, path pattern and handler, used as a Server's Handler. The first row that matches wins.
/// Unknown path: 404 `404 page not found\n`; known path with another method: 405, empty body
/// (protocol/surfaces.md §6); 400 for what is wrongly encoded. HEAD is served by a GET row.
class Router {
 public:
  void add(std::string method, std::string pattern, RouteHandler handler);
  void operator()(Request request, Responder responder) const;

 private:
  struct Route {
    std::string method;
    std::string pattern;
    RouteHandler handler;
  };
  std::vector<Route> routes_;
};

} // namespace weave::http
