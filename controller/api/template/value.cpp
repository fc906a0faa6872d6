#include "controller/api/template/value.hpp"

#include <algorithm>
#include <array>
#include <map>

#include <boost/json/object.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "controller/api/json_fields.hpp"
#include "controller/api/status_text.hpp"
#include "controller/api/time_text.hpp"

namespace weave::controller::api::text_template {
namespace {

namespace json = boost::json;
using Nature = Value::Nature;

constexpr std::array<std::string_view, 3> kMaps{"Attrs", "CaptureStats", "OverlayDiagnostics"};
constexpr std::array<std::string_view, 9> kPointers{"Router", "IPAM", "DNS",       "Proxy",  "Plugin",
                                                    "Paxos",  "Peer", "Encrypted", "RetryAt"};
constexpr std::array<std::string_view, 3> kTimes{"LastSeen", "NextCheckAt", "RetryAt"};
constexpr std::string_view kZeroTime = "0001-01-01T00:00:00Z";

bool contains(auto const& names, std::string_view name) { return std::ranges::find(names, name) != names.end(); }

Nature nature_of(std::string_view name) {
  if (contains(kMaps, name)) return Nature::map;
  return contains(kPointers, name) ? Nature::pointer : Nature::ordinary;
}

std::string time_text(json::value const& value) {
  if (!value.is_string()) return {};
  if (value.as_string() == kZeroTime) return "0001-01-01 00:00:00 +0000 UTC";
  auto const time = parse_rfc3339(value.as_string());
  return time ? to_long_text(*time) : std::string{};
}

std::string check_text(json::value const& value) {
  VersionCheckStatus check{.enabled = read<bool>(value, "Enabled"),
                           .success = read<bool>(value, "Success"),
                           .new_version = read<std::string>(value, "NewVersion"),
                           .next_check_at = std::nullopt};
  auto const next = parse_rfc3339(read<std::string>(value, "NextCheckAt"));
  if (next && field(value, "NextCheckAt").as_string() != kZeroTime) check.next_check_at = *next;
  return version_check_text(check);
}

std::string_view type_name(json::value const& value) {
  if (value.is_string()) return "string";
  if (value.is_bool()) return "bool";
  if (value.is_double()) return "float64";
  return value.is_number() ? "int" : "list";
}

} // namespace

Value Value::member(std::string_view name, json::value const& data) const {
  Value result{std::shared_ptr<json::value const>{data_, &data}, nature_of(name)};
  // What overlays say of themselves has no type.
  if (nature_ == Nature::map && data.is_null()) result.nature_ = Nature::missing;
  if (contains(kTimes, name)) result.described_ = time_text(data);
  if (name == "VersionCheck" && data.is_object()) result.described_ = check_text(data);
  return result;
}

Result<Value> Value::field(std::string_view name) const {
  if (auto const* object = data_->if_object()) {
    if (auto const* found = object->if_contains(name)) return member(name, *found);
    if (is_map()) return Value{};
    return failure(ErrorKind::not_found, fmt::format("can't evaluate field {}", name));
  }
  if (is_map()) return Value{};
  if (is_nothing()) return failure(ErrorKind::not_found, fmt::format("nil pointer evaluating {}", name));
  return failure(ErrorKind::not_found, fmt::format("can't evaluate field {} in type {}", name, type_name(*data_)));
}

Value Value::element(std::size_t index) const {
  return Value{std::shared_ptr<json::value const>{data_, &data_->as_array()[index]}, Nature::ordinary};
}

bool Value::is_true() const {
  if (auto const* object = data_->if_object()) return !is_map() || !object->empty();
  if (auto const* array = data_->if_array()) return !array->empty();
  if (auto const* text = data_->if_string()) return !text->empty();
  if (data_->is_bool()) return data_->as_bool();
  if (data_->is_double()) return data_->as_double() != 0;
  if (data_->is_null()) return false;
  return data_->is_int64() ? data_->as_int64() != 0 : data_->as_uint64() != 0;
}

std::string Value::text() const {
  if (!described_.empty()) return described_;
  if (auto const* text = data_->if_string()) return std::string{*text};
  if (auto const* array = data_->if_array()) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < array->size(); ++i) texts.push_back(element(i).text());
    return fmt::format("[{}]", fmt::join(texts, " "));
  }
  if (auto const* object = data_->if_object()) {
    std::map<std::string, std::string> sorted;
    std::vector<std::string> in_order;
    for (auto const& item : *object) {
      auto text = member(item.key(), item.value()).text();
      if (is_map()) {
        sorted.emplace(item.key(), fmt::format("{}:{}", std::string_view{item.key()}, text));
      } else {
        in_order.push_back(std::move(text));
      }
    }
    for (auto& item : sorted) in_order.push_back(std::move(item.second));
    return fmt::format(fmt::runtime(is_map() ? "map[{}]" : "{{{}}}"), fmt::join(in_order, " "));
  }
  if (data_->is_bool()) return data_->as_bool() ? "true" : "false";
  if (data_->is_double()) return fmt::format("{}", data_->as_double());
  if (data_->is_int64()) return fmt::to_string(data_->as_int64());
  if (data_->is_uint64()) return fmt::to_string(data_->as_uint64());
  switch (nature_) {
    case Nature::ordinary: return "[]";
    case Nature::map: return "map[]";
    case Nature::pointer: return "<nil>";
    case Nature::missing: return "<no value>";
  }
  return {};
}

} // namespace weave::controller::api::text_template
