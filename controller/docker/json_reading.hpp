#pragma once

#include <string>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/result.hpp"

namespace weave::controller::docker {

/// Reading of the engine's JSON, in which everything may be absent or null: what is not there, or is of another type,
/// reads as empty. Internal to this library.
namespace reading {

/// Error: malformed.
[[nodiscard]] Result<boost::json::value> parse(std::string_view text);
[[nodiscard]] Error odd_answer();

[[nodiscard]] std::string to_string(boost::json::string_view text);
[[nodiscard]] std::string text(boost::json::object const& object, boost::json::string_view key);
[[nodiscard]] bool flag(boost::json::object const& object, boost::json::string_view key);
/// Zero also if it does not fit.
[[nodiscard]] std::int64_t number(boost::json::object const& object, boost::json::string_view key);
[[nodiscard]] boost::json::object const& object_in(boost::json::object const& object, boost::json::string_view key);
[[nodiscard]] boost::json::array const& array_in(boost::json::object const& object, boost::json::string_view key);

} // namespace reading
} // namespace weave::controller::docker
