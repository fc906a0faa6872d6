#include "controller/api/template/functions.hpp"

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "controller/api/json_text.hpp"

namespace weave::controller::api::text_template {
namespace {

namespace json = boost::json;
using Arguments = std::vector<Value>;

std::unexpected<Error> misfit(std::string text) { return failure(ErrorKind::refused, std::move(text)); }

Result<Value> len(Arguments const& arguments) {
  auto const& value = arguments[0];
  auto const size = [](std::size_t count) { return Value{json::value(static_cast<std::int64_t>(count))}; };
  if (auto const* text = value.json().if_string()) return size(text->size());
  if (auto const* array = value.json().if_array()) return size(array->size());
  if (value.is_map()) return size(value.json().is_object() ? value.json().as_object().size() : 0);
  if (value.is_list()) return size(0);
  return failure(ErrorKind::not_found, value.is_nothing() ? "len of nil pointer" : "len of what has no length");
}

Result<Value> item_of(Value const& value, Value const& at) {
  if (value.is_map()) {
    auto const* key = at.json().if_string();
    return key != nullptr ? value.field(*key) : misfit("index of a map is not a string");
  }
  if (!value.is_list()) return misfit(value.is_nothing() ? "index of nil pointer" : "can't index item");
  if (!at.json().is_int64()) return misfit("cannot index list with what is no number");
  auto const number = at.json().as_int64();
  auto const size = value.json().is_array() ? value.json().as_array().size() : 0;
  if (number < 0 || static_cast<std::uint64_t>(number) >= size) {
    return failure(ErrorKind::out_of_range, fmt::format("index out of range: {}", number));
  }
  return value.element(static_cast<std::size_t>(number));
}

Result<Value> index(Arguments const& arguments) {
  Result<Value> value{arguments[0]};
  for (auto const& at : std::span{arguments}.subspan(1)) {
    value = item_of(*value, at);
    if (!value) break;
  }
  return value;
}

/// The order of two values of one kind; nothing if they are of two, or of none that can be compared.
std::optional<std::partial_ordering> order(Value const& left, Value const& right) {
  auto const& a = left.json();
  auto const& b = right.json();
  if (a.is_string() && b.is_string()) {
    return std::partial_ordering{std::string_view{a.as_string()} <=> std::string_view{b.as_string()}};
  }
  if (a.is_double() && b.is_double()) return a.as_double() <=> b.as_double();
  if (!a.is_number() || !b.is_number() || a.is_double() || b.is_double()) return std::nullopt;
  if (a.is_uint64() != b.is_uint64()) { // what is a uint64 may be too big for an int64
    auto const one = a.is_int64() ? a.as_int64() : std::int64_t{0};
    auto const other = b.is_int64() ? b.as_int64() : std::int64_t{0};
    if (a.is_int64() && one < 0) return std::partial_ordering::less;
    if (b.is_int64() && other < 0) return std::partial_ordering::greater;
    auto const first = a.is_uint64() ? a.as_uint64() : static_cast<std::uint64_t>(one);
    auto const second = b.is_uint64() ? b.as_uint64() : static_cast<std::uint64_t>(other);
    return std::partial_ordering{first <=> second};
  }
  if (a.is_uint64()) return std::partial_ordering{a.as_uint64() <=> b.as_uint64()};
  return std::partial_ordering{a.as_int64() <=> b.as_int64()};
}

Result<bool> equal(Value const& left, Value const& right) {
  if (left.is_nothing() || right.is_nothing()) return left.is_nothing() && right.is_nothing();
  if (left.json().is_bool() && right.json().is_bool()) return left.json().as_bool() == right.json().as_bool();
  if (auto const found = order(left, right)) return *found == std::partial_ordering::equivalent;
  return misfit("incompatible types for comparison");
}

Result<Value> eq(Arguments const& arguments) {
  for (auto const& other : std::span{arguments}.subspan(1)) {
    auto const same = equal(arguments[0], other);
    if (!same) return failure_of(same);
    if (*same) return Value{json::value(true)};
  }
  return Value{json::value(false)};
}

Result<Value> ne(Arguments const& arguments) {
  auto const same = equal(arguments[0], arguments[1]);
  if (!same) return failure_of(same);
  return Value{json::value(!*same)};
}

template <bool (*holds)(std::partial_ordering)>
Result<Value> compare(Arguments const& arguments) {
  auto const found = order(arguments[0], arguments[1]);
  if (!found) return misfit("invalid type for comparison");
  return Value{json::value(holds(*found))};
}

Result<Value> logical_not(Arguments const& arguments) { return Value{json::value(!arguments[0].is_true())}; }

/// The first that decides, as the language has it; the last otherwise.
template <bool decisive>
Result<Value> decide(Arguments const& arguments) {
  for (auto const& each : arguments) {
    if (each.is_true() == decisive) return each;
  }
  return arguments.back();
}

Result<Value> to_json(Arguments const& arguments) { return Value{json::value(compact_json(arguments[0].json()))}; }

Result<Value> printf(Arguments const& arguments) {
  auto const* format = arguments[0].json().if_string();
  if (format == nullptr) return misfit("wrong type for value; expected string as printf's format");
  return Value{json::value(printf_text(*format, {arguments.begin() + 1, arguments.end()}))};
}

/// Blanks between two that are no strings.
Result<Value> print(Arguments const& arguments) {
  std::string text;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    bool const apart = i > 0 && !arguments[i - 1].json().is_string() && !arguments[i].json().is_string();
    text += (apart ? " " : "") + arguments[i].text();
  }
  return Value{json::value(text)};
}

Result<Value> println(Arguments const& arguments) {
  std::string text;
  for (auto const& each : arguments) text += (text.empty() ? "" : " ") + each.text();
  return Value{json::value(text + "\n")};
}

struct Function {
  std::string_view name;
  std::size_t least;
  std::size_t most;
  Result<Value> (*run)(Arguments const&);
};

constexpr std::size_t kMany = 1000;

constexpr std::array kFunctions{
    Function{"len", 1, 1, len},
    Function{"json", 1, 1, to_json},
    Function{"index", 1, kMany, index},
    Function{"printf", 1, kMany, printf},
    Function{"print", 0, kMany, print},
    Function{"println", 0, kMany, println},
    Function{"not", 1, 1, logical_not},
    Function{"and", 1, kMany, decide<false>},
    Function{"or", 1, kMany, decide<true>},
    Function{"eq", 2, kMany, eq},
    Function{"ne", 2, 2, ne},
    Function{"lt", 2, 2, compare<std::is_lt>},
    Function{"le", 2, 2, compare<std::is_lteq>},
    Function{"gt", 2, 2, compare<std::is_gt>},
    Function{"ge", 2, 2, compare<std::is_gteq>},
};

} // namespace

bool is_function(std::string_view name) {
  return std::ranges::find(kFunctions, name, &Function::name) != kFunctions.end();
}

Result<Value> call_function(std::string_view name, std::vector<Value> const& arguments) {
  auto const& function = *std::ranges::find(kFunctions, name, &Function::name);
  if (arguments.size() < function.least || arguments.size() > function.most) {
    return misfit(fmt::format("wrong number of args for {}: want {}{} got {}", name,
                              function.most == kMany ? "at least " : "", function.least, arguments.size()));
  }
  return function.run(arguments);
}

} // namespace weave::controller::api::text_template
