#include "controller/api/json_text.hpp"

#include <cstdint>
#include <string_view>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace weave::controller::api {
namespace {

namespace json = boost::json;

/// Length of the well-formed UTF-8 sequence at the front of `text` (at least one byte long), 0 if it is not one.
std::size_t utf8_length(std::string_view text) {
  auto const byte = [&](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
  auto const lead = byte(0);
  if (lead < 0x80) return 1;
  auto const length = lead >= 0xf0 ? 4u : lead >= 0xe0 ? 3u : 2u;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  for (std::size_t at = 1; at < length; ++at) {
    if ((byte(at) & 0xc0) != 0x80) return 0;
  }
  auto const second = byte(1);
  bool const overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
  bool const beyond = (lead == 0xed && second > 0x9f) || (lead == 0xf4 && second > 0x8f);
  return overlong || beyond ? 0 : length;
}

class Writer {
 public:
  explicit Writer(bool indented) : indented_{indented} {}

  std::string take() { return std::move(text_); }

  void write(json::value const& value) {
    if (auto const* object = value.if_object()) {
      write_all('{', '}', *object, [this](json::key_value_pair const& member) {
        write_string(member.key());
        text_ += indented_ ? ": " : ":";
        write(member.value());
      });
    } else if (auto const* array = value.if_array()) {
      write_all('[', ']', *array, [this](json::value const& element) { write(element); });
    } else if (auto const* text = value.if_string()) {
      write_string(*text);
    } else {
      text_ += json::serialize(value);
    }
  }

 private:
  template <class Container, class Each>
  void write_all(char open, char close, Container const& container, Each each) {
    text_ += open;
    ++depth_;
    bool first = true;
    for (auto const& element : container) {
      if (!first) text_ += ',';
      first = false;
      new_line();
      each(element);
    }
    --depth_;
    if (!first) new_line();
    text_ += close;
  }

  void new_line() {
    if (indented_) text_.append(1, '\n').append(4 * depth_, ' ');
  }

  void write_string(std::string_view text) {
    text_ += '"';
    while (!text.empty()) {
      auto const length = utf8_length(text);
      write_character(text.substr(0, length));
      text.remove_prefix(length == 0 ? 1 : length);
    }
    text_ += '"';
  }

  void write_character(std::string_view character) {
    if (character.empty()) {
      text_ += "\\ufffd";
    } else if (character == "\"" || character == "\\") {
      text_.append(1, '\\').append(character);
    } else if (character == "\n") {
      text_ += "\\n";
    } else if (character == "\r") {
      text_ += "\\r";
    } else if (character == "\t") {
      text_ += "\\t";
    } else if (character == "\u2028" || character == "\u2029") {
      text_ += character == "\u2028" ? "\\u2028" : "\\u2029";
    } else if (auto const byte = static_cast<std::uint8_t>(character[0]);
               byte < 0x20 || byte == '<' || byte == '>' || byte == '&') {
      text_ += fmt::format("\\u{:04x}", byte);
    } else {
      text_ += character;
    }
  }

  bool indented_;
  std::size_t depth_ = 0;
  std::string text_;
};

std::string written(json::value const& value, bool indented) {
  Writer writer{indented};
  writer.write(value);
  return writer.take();
}

} // namespace

std::string compact_json(json::value const& value) { return written(value, false); }
std::string indented_json(json::value const& value) { return written(value, true); }

} // namespace weave::controller::api
