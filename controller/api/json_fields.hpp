#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>

#include "base/result.hpp"

/// How the API's structs and Boost.JSON values meet. Nothing outside controller/api sees these. The readers throw
/// std::exception on a wrong type; parse_status_report is the boundary that catches it.
namespace weave::controller::api {

/// The original prints an empty list as null.
template <class T, class ToValue>
[[nodiscard]] boost::json::value list_or_null(std::vector<T> const& items, ToValue to_value) {
  if (items.empty()) return nullptr;
  boost::json::array array;
  for (auto const& item : items) array.push_back(to_value(item));
  return array;
}

[[nodiscard]] inline boost::json::value list_or_null(std::vector<std::string> const& items) {
  return list_or_null(items, [](std::string const& item) { return boost::json::value(item); });
}

/// The member `key`, or a null value if it is absent.
[[nodiscard]] inline boost::json::value const& field(boost::json::value const& object, std::string_view key) {
  static boost::json::value const kNull;
  auto const* found = object.as_object().if_contains(key);
  return found != nullptr ? *found : kNull;
}

template <class T>
[[nodiscard]] T read(boost::json::value const& object, std::string_view key) {
  auto const& value = field(object, key);
  return value.is_null() ? T{} : boost::json::value_to<T>(value);
}

/// Text through a parser such as PeerName::parse; absent or empty text is T{}.
template <class Parse>
[[nodiscard]] auto read_parsed(boost::json::value const& object, std::string_view key, Parse parse) {
  using T = typename decltype(parse(std::string_view{}))::value_type;
  auto const text = read<std::string>(object, key);
  if (text.empty()) return T{};
  auto result = parse(text);
  if (!result) throw std::invalid_argument{result.error().text()};
  return *std::move(result);
}

template <class FromValue>
[[nodiscard]] auto read_list(boost::json::value const& object, std::string_view key, FromValue from_value) {
  std::vector<decltype(from_value(object))> items;
  auto const& value = field(object, key);
  if (value.is_null()) return items;
  for (auto const& item : value.as_array()) items.push_back(from_value(item));
  return items;
}

[[nodiscard]] inline std::vector<std::string> read_texts(boost::json::value const& object, std::string_view key) {
  return read_list(object, key, [](boost::json::value const& item) { return std::string{item.as_string()}; });
}

} // namespace weave::controller::api
