#include "controller/api/template/tokens.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

namespace weave::controller::api::text_template {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
using Kind = Token::Kind;

bool is_blank(char c) { return kBlanks.contains(c); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string_view trimmed_left(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text;
}

std::string_view trimmed_right(std::string_view text) { return text.substr(0, text.find_last_not_of(kBlanks) + 1); }

void append_utf8(std::string& text, std::uint32_t code) {
  auto const tail = [&](unsigned shift) { text += static_cast<char>(0x80 | ((code >> shift) & 0x3f)); };
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xc0 | (code >> 6));
    tail(0);
  } else if (code < 0x10000) {
    text += static_cast<char>(0xe0 | (code >> 12));
    tail(6);
    tail(0);
  } else {
    text += static_cast<char>(0xf0 | (code >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

/// What follows a backslash, taken off `rest`; false if that is no escape.
bool append_escape(std::string& text, std::string_view& rest, char quote) {
  static constexpr std::string_view kLetters = "abfnrtv\\";
  static constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\";
  if (rest.empty()) return false;
  char const letter = rest.front();
  rest.remove_prefix(1);
  if (letter == quote) {
    text += letter;
    return true;
  }
  if (auto const at = kLetters.find(letter); at != std::string_view::npos) {
    text += kMeanings[at];
    return true;
  }
  std::size_t const digits = letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
  std::uint32_t code = 0;
  if (digits == 0 || rest.size() < digits) return false;
  auto const [end, error] = std::from_chars(rest.data(), rest.data() + digits, code, 16);
  if (error != std::errc{} || end != rest.data() + digits || code > 0x10ffff) return false;
  rest.remove_prefix(digits);
  if (letter == 'x') {
    text += static_cast<char>(code);
  } else {
    append_utf8(text, code);
  }
  return true;
}

class Lexer {
 public:
  explicit Lexer(std::string_view format) : rest_{format} {}

  Result<std::vector<Token>> run() {
    while (!rest_.empty()) {
      auto const open = rest_.find("{{");
      auto text = rest_.substr(0, open);
      auto const read = text;
      if (std::exchange(trim_next_, false)) text = trimmed_left(text);
      rest_.remove_prefix(std::min(rest_.size(), open));
      bool const trim = rest_.size() > 3 && rest_[2] == '-' && is_blank(rest_[3]);
      if (trim) text = trimmed_right(text);
      if (!text.empty()) add(Kind::text, text);
      line_ += static_cast<std::size_t>(std::ranges::count(read, '\n'));
      if (rest_.empty()) break;
      rest_.remove_prefix(trim ? 3 : 2);
      if (auto const done = action(); !done) return failure_of(done);
    }
    return std::move(tokens_);
  }

 private:
  Result<void> action() {
    if (auto const inner = trimmed_left(rest_); inner.starts_with("/*")) return comment(inner);
    add(Kind::open, "{{");
    while (true) {
      auto const before = rest_.size();
      skip_blanks();
      spaced_ = rest_.size() != before;
      if (rest_.starts_with("}}") || (spaced_ && rest_.starts_with("-}}"))) {
        trim_next_ = rest_.front() == '-';
        rest_.remove_prefix(trim_next_ ? 3 : 2);
        add(Kind::close, "}}");
        return {};
      }
      if (rest_.empty()) return syntax_error(line_, "unclosed action");
      if (auto const done = inside(); !done) return done;
    }
  }

  Result<void> comment(std::string_view inner) {
    auto const end = inner.find("*/");
    if (end == std::string_view::npos) return syntax_error(line_, "unclosed comment");
    auto const after = inner.substr(end + 2);
    auto const close = trimmed_left(after);
    trim_next_ = close.size() < after.size() && close.starts_with("-}}");
    if (!trim_next_ && !after.starts_with("}}")) {
      return syntax_error(line_, "comment ends before closing delimiter");
    }
    auto const left = trim_next_ ? close.substr(3) : after.substr(2);
    line_ += static_cast<std::size_t>(std::ranges::count(rest_.substr(0, rest_.size() - left.size()), '\n'));
    rest_ = left;
    return {};
  }

  Result<void> inside() {
    char const c = rest_.front();
    if (c == '"' || c == '`' || c == '\'') return quoted(c);
    bool const is_signed = (c == '-' || c == '+') && rest_.size() > 1 && is_digit(rest_[1]);
    if (is_digit(c) || is_signed) return word(Kind::number, 1, [](char d) { return is_word(d) || d == '.'; });
    if (c == '.') {
      bool const named = rest_.size() > 1 && is_word(rest_[1]);
      if (!named) return symbol(Kind::dot, 1);
      rest_.remove_prefix(1);
      return word(Kind::field, 0, is_word);
    }
    if (c == '$') return word(Kind::variable, 1, is_word);
    if (is_word(c)) return word(Kind::identifier, 0, is_word);
    if (rest_.starts_with(":=")) return symbol(Kind::declare, 2);
    if (c == '=') return symbol(Kind::assign, 1);
    if (c == ',') return symbol(Kind::comma, 1);
    if (c == '|') return symbol(Kind::pipe, 1);
    if (c == '(') return symbol(Kind::left_paren, 1);
    if (c == ')') return symbol(Kind::right_paren, 1);
    return unexpected_character();
  }

  Result<void> symbol(Kind kind, std::size_t size) {
    add(kind, rest_.substr(0, size));
    rest_.remove_prefix(size);
    return {};
  }

  template <class Belongs>
  Result<void> word(Kind kind, std::size_t size, Belongs belongs) {
    while (size < rest_.size() && belongs(rest_[size])) ++size;
    static_cast<void>(symbol(kind, size));
    bool const ends = rest_.empty() || is_blank(rest_.front()) || std::string_view{".,|:)(=}"}.contains(rest_.front());
    if (!ends) return unexpected_character();
    return {};
  }

  Result<void> quoted(char quote) {
    auto const line = line_;
    auto left = rest_.substr(1);
    std::string text;
    while (true) {
      if (left.empty() || (quote != '`' && left.front() == '\n')) {
        return syntax_error(line, fmt::format("unterminated {}", quote == '`'    ? "raw quoted string"
                                                                 : quote == '\'' ? "character constant"
                                                                                 : "quoted string"));
      }
      char const c = left.front();
      left.remove_prefix(1);
      if (c == quote) break;
      if (c == '\n') ++line_;
      if (c == '\\' && quote != '`') {
        if (!append_escape(text, left, quote)) return syntax_error(line, "invalid syntax in a quoted string");
      } else {
        text += c;
      }
    }
    rest_ = left;
    // Go's character constants are numbers.
    if (quote == '\'' && text.size() != 1) return syntax_error(line, "malformed character constant");
    if (quote == '\'') {
      add(Kind::number, fmt::to_string(static_cast<unsigned char>(text.front())));
    } else {
      add(Kind::string, text);
    }
    return {};
  }

  std::unexpected<Error> unexpected_character() const {
    auto const c = static_cast<unsigned char>(rest_.front());
    if (c < 0x20 || c > 0x7e) return syntax_error(line_, fmt::format("unrecognized character in action: U+{:04X}", c));
    return syntax_error(line_, fmt::format("bad character U+{:04X} '{}'", c, static_cast<char>(c)));
  }

  void skip_blanks() {
    auto const left = trimmed_left(rest_);
    line_ += static_cast<std::size_t>(std::ranges::count(rest_.substr(0, rest_.size() - left.size()), '\n'));
    rest_ = left;
  }

  void add(Kind kind, std::string_view text) {
    tokens_.push_back({.kind = kind, .text = std::string{text}, .line = line_, .spaced = spaced_});
  }

  std::string_view rest_;
  std::size_t line_ = 1;
  bool trim_next_ = false;
  bool spaced_ = false;
  std::vector<Token> tokens_;
};

} // namespace

Result<std::vector<Token>> tokens_of(std::string_view format) { return Lexer{format}.run(); }

std::unexpected<Error> syntax_error(std::size_t line, std::string_view why) {
  return failure(ErrorKind::malformed, fmt::format("template: format:{}: {}", line, why));
}

} // namespace weave::controller::api::text_template
