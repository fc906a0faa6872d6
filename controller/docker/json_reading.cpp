#include "controller/docker/json_reading.hpp"

#include <boost/json/parse.hpp>

namespace weave::controller::docker::reading {

namespace json = boost::json;

Result<json::value> parse(std::string_view text) {
  json::error_code failed;
  auto value = json::parse(json::string_view{text.data(), text.size()}, failed);
  if (failed) return failure(ErrorKind::malformed, "the Docker engine's answer is not JSON: " + failed.message());
  return value;
}

Error odd_answer() { return Error{ErrorKind::malformed, "the Docker engine's answer is not as expected"}; }

std::string to_string(json::string_view text) { return {text.data(), text.size()}; }

std::string text(json::object const& object, json::string_view key) {
  auto const* value = object.if_contains(key);
  auto const* found = value != nullptr ? value->if_string() : nullptr;
  return found != nullptr ? to_string(*found) : std::string{};
}

bool flag(json::object const& object, json::string_view key) {
  auto const* value = object.if_contains(key);
  auto const* found = value != nullptr ? value->if_bool() : nullptr;
  return found != nullptr && *found;
}

std::int64_t number(json::object const& object, json::string_view key) {
  auto const* value = object.if_contains(key);
  if (value == nullptr || !value->is_number()) return 0;
  json::error_code failed;
  auto const found = value->to_number<std::int64_t>(failed);
  return failed ? 0 : found;
}

json::object const& object_in(json::object const& object, json::string_view key) {
  static json::object const kNone;
  auto const* value = object.if_contains(key);
  auto const* found = value != nullptr ? value->if_object() : nullptr;
  return found != nullptr ? *found : kNone;
}

json::array const& array_in(json::object const& object, json::string_view key) {
  static json::array const kNone;
  auto const* value = object.if_contains(key);
  auto const* found = value != nullptr ? value->if_array() : nullptr;
  return found != nullptr ? *found : kNone;
}

} // namespace weave::controller::docker::reading
