#pragma once

#include <string>

#include <boost/json/value.hpp>

namespace weave::controller::api {

/// JSON text as the original's encoder writes it: `<`, `>`, `&` and other than text characters escaped as \u00xx, bytes
/// that are not UTF-8 replaced by U+FFFD, object keys in their order.
[[nodiscard]] std::string compact_json(boost::json::value const& value);
/// The same with 4 spaces of indent and no final newline.
[[nodiscard]] std::string indented_json(boost::json::value const& value);

} // namespace weave::controller::api
