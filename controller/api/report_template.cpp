#include "controller/api/report_template.hpp"

#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "controller/api/json_text.hpp"
#include "controller/api/report_value.hpp"
#include "controller/api/status_text.hpp"

namespace weave::controller::api {
namespace {

namespace json = boost::json;

constexpr std::string_view kBlanks = " \t\r\n";

std::unexpected<Error> syntax(std::string_view why) {
  return failure(ErrorKind::malformed, fmt::format("template: format:1: {}", why));
}

std::string_view trimmed_left(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text;
}

std::string_view trimmed_right(std::string_view text) { return text.substr(0, text.find_last_not_of(kBlanks) + 1); }

bool is_field_path(std::string_view word) {
  if (word == ".") return true;
  if (!word.starts_with('.') || word.ends_with('.') || word.find("..") != word.npos) return false;
  return word.find_first_not_of("._ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") == word.npos;
}

/// A value as Go prints it: text bare, lists as `[a b]`, objects as `{a b}`.
std::string plain_text(json::value const& value) {
  if (auto const* text = value.if_string()) return std::string{*text};
  if (value.is_null()) return "[]"; // the report has null only where a list is empty
  std::string text;
  auto const append = [&text](json::value const& item) { text += (text.empty() ? "" : " ") + plain_text(item); };
  if (auto const* array = value.if_array()) {
    for (auto const& item : *array) append(item);
    return "[" + text + "]";
  }
  if (auto const* object = value.if_object()) {
    for (auto const& member : *object) append(member.value());
    return "{" + text + "}";
  }
  return compact_json(value);
}

class Template {
 public:
  explicit Template(StatusReport const& report) : report_{report}, root_(to_value(report)) {}

  Result<std::string> expand(std::string_view format) {
    std::string text;
    while (true) {
      auto const open = format.find("{{");
      auto literal = format.substr(0, open);
      if (open == format.npos) return text.append(literal);
      format.remove_prefix(open + 2);
      auto const close = format.find("}}");
      if (close == format.npos) return syntax("unclosed action");
      auto action = format.substr(0, close);
      format.remove_prefix(close + 2);
      if (action.starts_with("- ")) {
        action.remove_prefix(2);
        literal = trimmed_right(literal);
      }
      text += literal;
      if (action.ends_with(" -")) {
        action.remove_suffix(2);
        format = trimmed_left(format);
      }
      auto const value = expand_action(trimmed_left(trimmed_right(action)));
      if (!value) return failure_of(value);
      text += *value;
    }
  }

 private:
  Result<std::string> expand_action(std::string_view action) const {
    if (action.empty()) return syntax("missing value for command");
    auto const function = action.substr(0, action.find_first_of(kBlanks));
    if (is_field_path(action)) return field_text(action);
    auto const argument = trimmed_left(action.substr(function.size()));
    if ((function != "len" && function != "json") || !is_field_path(argument)) {
      return syntax(fmt::format("action \"{}\" is not supported (.Field, len .Field and json .Field are)", action));
    }
    auto const found = find(argument);
    if (!found) return failure_of(found);
    if (function == "json") return compact_json(**found);
    if (auto const* array = (*found)->if_array()) return fmt::to_string(array->size());
    if (auto const* object = (*found)->if_object()) return fmt::to_string(object->size());
    if (auto const* text = (*found)->if_string()) return fmt::to_string(text->size());
    if ((*found)->is_null()) return "0";
    return failure(ErrorKind::not_found, fmt::format("len of {}", argument));
  }

  Result<std::string> field_text(std::string_view path) const {
    if (path == ".VersionCheck") return version_check_text(report_.version_check);
    auto const found = find(path);
    if (!found) return failure_of(found);
    return plain_text(**found);
  }

  Result<json::value const*> find(std::string_view path) const {
    auto const* value = &root_;
    path.remove_prefix(1);
    while (!path.empty()) {
      auto const name = path.substr(0, path.find('.'));
      auto const* object = value->if_object();
      value = object != nullptr ? object->if_contains(name) : nullptr;
      if (value == nullptr) return failure(ErrorKind::not_found, fmt::format("can't evaluate field {}", name));
      path.remove_prefix(std::min(path.size(), name.size() + 1));
    }
    return value;
  }

  StatusReport const& report_;
  json::value root_;
};

} // namespace

Result<std::string> expand_template(std::string_view format, StatusReport const& report) {
  return Template{report}.expand(format);
}

} // namespace weave::controller::api
