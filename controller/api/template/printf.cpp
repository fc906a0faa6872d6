#include <algorithm>
#include <cstdint>
#include <optional>

#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "controller/api/template/functions.hpp"

namespace weave::controller::api::text_template {
namespace {

namespace json = boost::json;

/// More is nobody's table, and memory is finite.
constexpr std::size_t kWidest = 1000;

struct Verb {
  char letter = 'v';
  bool minus = false;
  bool plus = false;
  bool space = false;
  bool zero = false;
  bool sharp = false;
  std::optional<std::size_t> width;
  std::optional<std::size_t> precision;
};

/// Characters, not bytes.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string padded(std::string text, Verb const& verb, bool numeric = false) {
  auto const wanted = verb.width.value_or(0);
  auto const has = width_of(text);
  if (has >= wanted) return text;
  if (verb.minus) return text.append(wanted - has, ' ');
  if (!verb.zero || !numeric) return text.insert(0, wanted - has, ' ');
  bool const has_sign = !text.empty() && (text[0] == '-' || text[0] == '+' || text[0] == ' ');
  return text.insert(has_sign ? 1 : 0, wanted - has, '0');
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (char const c : text) {
    switch (c) {
      case '"': result += "\\\""; break;
      case '\\': result += "\\\\"; break;
      case '\n': result += "\\n"; break;
      case '\r': result += "\\r"; break;
      case '\t': result += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          result += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        } else {
          result += c;
        }
    }
  }
  return result + "\"";
}

/// At most so many characters.
std::string cut(std::string text, Verb const& verb) {
  if (!verb.precision) return text;
  std::size_t at = 0;
  for (auto left = *verb.precision + 1; at < text.size(); ++at) {
    if ((text[at] & 0xc0) != 0x80 && --left == 0) break;
  }
  text.resize(at);
  return text;
}

std::string_view type_name(json::value const& value) {
  if (value.is_string()) return "string";
  if (value.is_bool()) return "bool";
  return value.is_double() ? "float64" : value.is_uint64() ? "uint64" : "int";
}

std::string misfit(Value const& value, Verb const& verb) {
  if (value.is_nothing()) return fmt::format("%!{}(<nil>)", verb.letter);
  return fmt::format("%!{}({}={})", verb.letter, type_name(value.json()), value.text());
}

std::string hexadecimal(std::string_view text, bool upper) {
  std::string result;
  for (char const c : text) {
    auto const byte = static_cast<unsigned char>(c);
    result += upper ? fmt::format("{:02X}", byte) : fmt::format("{:02x}", byte);
  }
  return result;
}

std::string string_text(Value const& value, Verb const& verb) {
  std::string const text{value.json().as_string()};
  switch (verb.letter) {
    case 'v':
      if (!verb.sharp) return padded(cut(text, verb), verb);
      [[fallthrough]];
    case 'q': return padded(quoted(cut(text, verb)), verb);
    case 's': return padded(cut(text, verb), verb);
    case 'x': return padded(hexadecimal(text, false), verb);
    case 'X': return padded(hexadecimal(text, true), verb);
    default: return misfit(value, verb);
  }
}

std::string whole_text(Value const& value, Verb const& verb) {
  auto const& data = value.json();
  bool const negative = data.is_int64() && data.as_int64() < 0;
  auto const magnitude = data.is_uint64() ? data.as_uint64()
                         : negative       ? std::uint64_t{0} - static_cast<std::uint64_t>(data.as_int64())
                                          : static_cast<std::uint64_t>(data.as_int64());
  std::string digits;
  switch (verb.letter) {
    case 'v':
    case 'd': digits = fmt::to_string(magnitude); break;
    case 'x': digits = fmt::format("{}{:x}", verb.sharp ? "0x" : "", magnitude); break;
    case 'X': digits = fmt::format("{}{:X}", verb.sharp ? "0X" : "", magnitude); break;
    case 'o': digits = fmt::format("{}{:o}", verb.sharp ? "0" : "", magnitude); break;
    case 'b': digits = fmt::format("{:b}", magnitude); break;
    case 'c':
      if (magnitude < 0x80) return padded(std::string(1, static_cast<char>(magnitude)), verb);
      return misfit(value, verb);
    default: return misfit(value, verb);
  }
  if (verb.precision) digits.insert(0, *verb.precision - std::min(*verb.precision, digits.size()), '0');
  digits.insert(0, negative ? "-" : verb.plus ? "+" : verb.space ? " " : "");
  return padded(std::move(digits), verb, !verb.precision);
}

std::string fraction_text(Value const& value, Verb const& verb) {
  auto const number = value.json().as_double();
  auto const sign = verb.plus && number >= 0 ? "+" : "";
  auto const with = [&](std::string_view form) {
    auto const precision = static_cast<int>(verb.precision.value_or(6));
    return padded(sign + fmt::format(fmt::runtime(form), number, precision), verb, true);
  };
  switch (verb.letter) {
    case 'f':
    case 'F': return with("{:.{}f}");
    case 'e': return with("{:.{}e}");
    case 'E': return with("{:.{}E}");
    case 'v':
    case 'g': return verb.precision ? with("{:.{}g}") : padded(sign + fmt::format("{}", number), verb, true);
    default: return misfit(value, verb);
  }
}

std::string value_text(Value const& value, Verb const& verb) {
  auto const& data = value.json();
  if (auto const* array = data.if_array()) {
    std::string text;
    for (std::size_t i = 0; i < array->size(); ++i) text += (i > 0 ? " " : "") + value_text(value.element(i), verb);
    return "[" + text + "]";
  }
  if (data.is_string()) return string_text(value, verb);
  if (data.is_bool()) {
    return verb.letter == 't' || verb.letter == 'v' ? padded(value.text(), verb) : misfit(value, verb);
  }
  if (data.is_double()) return fraction_text(value, verb);
  if (data.is_number()) return whole_text(value, verb);
  if (value.is_nothing()) return verb.letter == 'v' ? padded("<nil>", verb) : misfit(value, verb);
  return padded(value.text(), verb); // structures, maps and empty lists
}

class Printer {
 public:
  Printer(std::string_view format, std::vector<Value> const& arguments) : rest_{format}, arguments_{arguments} {}

  std::string run() {
    while (!rest_.empty()) {
      auto const percent = rest_.find('%');
      text_ += rest_.substr(0, percent);
      rest_.remove_prefix(std::min(rest_.size(), percent));
      if (rest_.empty()) break;
      rest_.remove_prefix(1);
      verb();
    }
    if (next_ < arguments_.size()) extra();
    return std::move(text_);
  }

 private:
  void verb() {
    Verb verb;
    flags(verb);
    verb.width = number(&verb);
    if (rest_.starts_with('.')) {
      rest_.remove_prefix(1);
      verb.precision = number(nullptr).value_or(0);
    }
    if (rest_.empty()) {
      text_ += "%!(NOVERB)";
      return;
    }
    verb.letter = rest_.front();
    rest_.remove_prefix(1);
    if (verb.letter == '%') {
      text_ += '%';
    } else if (next_ >= arguments_.size()) {
      text_ += fmt::format("%!{}(MISSING)", verb.letter);
    } else {
      text_ += value_text(arguments_[next_++], verb);
    }
  }

  void flags(Verb& verb) {
    for (; !rest_.empty(); rest_.remove_prefix(1)) {
      switch (rest_.front()) {
        case '-': verb.minus = true; break;
        case '+': verb.plus = true; break;
        case ' ': verb.space = true; break;
        case '0': verb.zero = true; break;
        case '#': verb.sharp = true; break;
        default: return;
      }
    }
  }

  /// Digits, or `*` for the next argument, which turns a width to the left if it is negative.
  std::optional<std::size_t> number(Verb* width_of_verb) {
    if (rest_.starts_with('*')) {
      rest_.remove_prefix(1);
      bool const whole = next_ < arguments_.size() && arguments_[next_].json().is_int64();
      if (!whole) {
        text_ += width_of_verb != nullptr ? "%!(BADWIDTH)" : "%!(BADPREC)";
        if (next_ < arguments_.size()) ++next_;
        return std::nullopt;
      }
      auto value = arguments_[next_++].json().as_int64();
      if (value < 0 && width_of_verb == nullptr) return std::nullopt;
      if (value < 0) width_of_verb->minus = true;
      auto const size =
          value < 0 ? std::uint64_t{0} - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
      return std::min<std::size_t>(size, kWidest);
    }
    if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') return std::nullopt;
    std::size_t value = 0;
    for (; !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; rest_.remove_prefix(1)) {
      value = std::min(value * 10 + static_cast<std::size_t>(rest_.front() - '0'), kWidest);
    }
    return value;
  }

  void extra() {
    text_ += "%!(EXTRA ";
    for (auto at = next_; at < arguments_.size(); ++at) {
      auto const& each = arguments_[at];
      if (at > next_) text_ += ", ";
      text_ += each.is_nothing() ? "<nil>" : fmt::format("{}={}", type_name(each.json()), each.text());
    }
    text_ += ")";
  }

  std::string_view rest_;
  std::vector<Value> const& arguments_;
  std::size_t next_ = 0;
  std::string text_;
};

} // namespace

std::string printf_text(std::string_view format, std::vector<Value> const& arguments) {
  return Printer{format, arguments}.run();
}

} // namespace weave::controller::api::text_template
