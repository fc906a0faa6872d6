#include "controller/api/template/syntax.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "controller/api/template/functions.hpp"
#include "controller/api/template/tokens.hpp"

namespace weave::controller::api::text_template {
namespace {

using Kind = Token::Kind;

/// Deeper ones nobody writes, and the stack is finite.
constexpr int kDeepest = 50;

std::optional<boost::json::value> parse_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  auto const whole = [&](auto value, int base, std::string_view digits) -> std::optional<boost::json::value> {
    auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    return boost::json::value(value);
  };
  if (text.starts_with("0x") || text.starts_with("0X")) return whole(std::int64_t{}, 16, text.substr(2));
  if (auto value = whole(std::int64_t{}, 10, text)) return value;
  if (auto value = whole(std::uint64_t{}, 10, text)) return value;
  double value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return boost::json::value(value);
}

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_{std::move(tokens)} {}

  Result<std::vector<Node>> run() {
    auto nodes = list();
    if (!nodes) return nodes;
    if (!at_end()) return unexpected_token("input"); // an {{end}} or {{else}} of nothing
    return nodes;
  }

 private:
  [[nodiscard]] bool at_end() const { return at_ >= tokens_.size(); }
  [[nodiscard]] bool is(Kind kind) const { return !at_end() && tokens_[at_].kind == kind; }
  [[nodiscard]] bool is_keyword(std::string_view word) const {
    return is(Kind::identifier) && tokens_[at_].text == word;
  }
  /// After `{{`.
  [[nodiscard]] bool opens(std::string_view word) const {
    return is(Kind::open) && at_ + 1 < tokens_.size() && tokens_[at_ + 1].kind == Kind::identifier &&
           tokens_[at_ + 1].text == word;
  }
  [[nodiscard]] std::size_t line() const {
    if (tokens_.empty()) return 1;
    return tokens_[std::min(at_, tokens_.size() - 1)].line;
  }
  std::unexpected<Error> fault(std::string_view why) const { return syntax_error(line(), why); }
  std::unexpected<Error> unexpected_token(std::string_view where) const {
    if (at_end()) return fault("unexpected EOF");
    if (opens("end") || opens("else")) return fault(fmt::format("unexpected {{{{{}}}}}", tokens_[at_ + 1].text));
    return fault(fmt::format("unexpected <{}> in {}", tokens_[at_].text, where));
  }

  /// Up to an {{end}}, an {{else}} or the end.
  Result<std::vector<Node>> list() {
    std::vector<Node> nodes;
    while (!at_end() && !opens("end") && !opens("else")) {
      auto node = is(Kind::text) ? Result<Node>{Node{.kind = Node::Kind::text, .text = tokens_[at_++].text}} : action();
      if (!node) return failure_of(node);
      nodes.push_back(*std::move(node));
    }
    return nodes;
  }

  Result<Node> action() {
    ++at_; // {{
    for (auto const& [word, kind] : {std::pair{"if", Node::Kind::branch}, std::pair{"with", Node::Kind::with},
                                     std::pair{"range", Node::Kind::range}}) {
      if (!is_keyword(word)) continue;
      ++at_;
      return control(word, kind);
    }
    for (auto const* word : {"define", "template", "block", "break", "continue"}) {
      if (is_keyword(word)) return fault(fmt::format("{{{{{}}}}} is not supported", word));
    }
    Node node{.kind = Node::Kind::print};
    auto pipe = pipeline("command", Kind::close, false);
    if (!pipe) return failure_of(pipe);
    node.pipeline = *std::move(pipe);
    return node;
  }

  Result<Node> control(std::string_view word, Node::Kind kind) {
    if (++depth_ > kDeepest) return fault("too many actions inside each other");
    auto const visible = variables_.size();
    Node node{.kind = kind};
    auto pipe = pipeline(word, Kind::close, kind == Node::Kind::range);
    if (!pipe) return failure_of(pipe);
    node.pipeline = *std::move(pipe);
    auto body = list();
    if (!body) return failure_of(body);
    node.body = *std::move(body);
    auto const done = opens("else") ? otherwise(node, word) : close_end();
    if (!done) return failure_of(done);
    variables_.resize(visible);
    --depth_;
    return node;
  }

  Result<void> otherwise(Node& node, std::string_view word) {
    at_ += 2;                                     // {{ else
    if (is_keyword("if") || is_keyword("with")) { // its {{end}} is ours
      if (!is_keyword(word)) return unexpected_token(fmt::format("{{{{else}}}} of {}", word));
      ++at_;
      auto inner = control(word, node.kind);
      if (!inner) return failure_of(inner);
      node.otherwise.push_back(*std::move(inner));
      return {};
    }
    if (!is(Kind::close)) return unexpected_token("{{else}}");
    ++at_;
    auto nodes = list();
    if (!nodes) return failure_of(nodes);
    node.otherwise = *std::move(nodes);
    return close_end();
  }

  Result<void> close_end() {
    if (!opens("end")) return unexpected_token("list");
    at_ += 2;
    if (!is(Kind::close)) return unexpected_token("{{end}}");
    ++at_;
    return {};
  }

  /// Up to and with the token that ends it.
  Result<Pipeline> pipeline(std::string_view where, Kind end, bool of_range) {
    if (++depth_ > kDeepest) return fault("too many parentheses inside each other");
    Pipeline pipe{.line = line()};
    if (auto const done = targets(pipe, of_range); !done) return failure_of(done);
    while (true) {
      auto next = command(where);
      if (!next) return failure_of(next);
      pipe.commands.push_back(*std::move(next));
      if (is(end)) break;
      if (!is(Kind::pipe)) return unexpected_token(where);
      ++at_;
    }
    ++at_;
    if (pipe.declares) variables_.insert(variables_.end(), pipe.variables.begin(), pipe.variables.end());
    --depth_;
    return pipe;
  }

  /// `$x :=`, `$x =`, and `$i, $x :=` of a range.
  Result<void> targets(Pipeline& pipe, bool of_range) {
    auto const kind_at = [&](std::size_t ahead) {
      return at_ + ahead < tokens_.size() ? tokens_[at_ + ahead].kind : Kind::text;
    };
    if (!is(Kind::variable)) return {};
    bool const two = kind_at(1) == Kind::comma && kind_at(2) == Kind::variable;
    auto const sign = kind_at(two ? 3 : 1);
    if (sign != Kind::declare && sign != Kind::assign) return {};
    if (two && !of_range) return fault("too many declarations in command");
    pipe.variables.push_back(tokens_[at_].text);
    if (two) pipe.variables.push_back(tokens_[at_ + 2].text);
    pipe.declares = sign == Kind::declare;
    for (auto const& name : pipe.variables) {
      if (!pipe.declares && !is_visible(name)) return fault(fmt::format("undefined variable \"{}\"", name));
    }
    at_ += two ? 4 : 2;
    return {};
  }

  [[nodiscard]] bool is_visible(std::string const& name) const {
    return name == "$" || std::ranges::find(variables_, name) != variables_.end();
  }

  Result<Command> command(std::string_view where) {
    Command result;
    while (!at_end() && !is(Kind::close) && !is(Kind::pipe) && !is(Kind::right_paren)) {
      if (!result.operands.empty() && !tokens_[at_].spaced && tokens_[at_].kind != Kind::left_paren) {
        return unexpected_token("operand");
      }
      auto next = operand();
      if (!next) return failure_of(next);
      result.operands.push_back(*std::move(next));
    }
    if (at_end()) return fault("unclosed action");
    if (result.operands.empty()) return fault(fmt::format("missing value for {}", where));
    return result;
  }

  Result<Operand> operand() {
    if (is(Kind::left_paren)) return parenthesised();
    Operand result;
    if (auto const known = simple(tokens_[at_], result); !known) return failure_of(known);
    ++at_;
    fields(result);
    return result;
  }

  Result<void> simple(Token const& token, Operand& result) const {
    if (token.kind == Kind::dot) return {};
    if (token.kind == Kind::field) {
      result.fields.push_back(token.text);
    } else if (token.kind == Kind::variable) {
      if (!is_visible(token.text)) return fault(fmt::format("undefined variable \"{}\"", token.text));
      result.kind = Operand::Kind::variable;
      result.name = token.text;
    } else if (token.kind == Kind::identifier) {
      return name(token.text, result);
    } else if (token.kind == Kind::string || token.kind == Kind::number) {
      auto value = token.kind == Kind::number ? parse_number(token.text) : boost::json::value(token.text);
      if (!value) return fault(fmt::format("bad number syntax: \"{}\"", token.text));
      result.kind = Operand::Kind::constant;
      result.constant = *std::move(value);
    } else {
      return unexpected_token("operand");
    }
    return {};
  }

  Result<void> name(std::string const& word, Operand& result) const {
    if (word == "true" || word == "false") {
      result.kind = Operand::Kind::constant;
      result.constant = word == "true";
    } else if (word == "nil") {
      result.kind = Operand::Kind::nil;
    } else if (is_function(word)) {
      result.kind = Operand::Kind::function;
      result.name = word;
    } else {
      return fault(fmt::format("function \"{}\" not defined", word));
    }
    return {};
  }

  Result<Operand> parenthesised() {
    ++at_;
    auto inner = pipeline("parenthesized pipeline", Kind::right_paren, false);
    if (!inner) return failure_of(inner);
    Operand result{.kind = Operand::Kind::pipeline};
    result.inner = std::make_shared<Pipeline>(*std::move(inner));
    fields(result);
    return result;
  }

  void fields(Operand& result) {
    while (is(Kind::field) && !tokens_[at_].spaced) result.fields.push_back(tokens_[at_++].text);
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::vector<std::string> variables_;
};

} // namespace

Result<std::vector<Node>> parse(std::string_view format) {
  auto tokens = tokens_of(format);
  if (!tokens) return failure_of(tokens);
  return Parser{*std::move(tokens)}.run();
}

} // namespace weave::controller::api::text_template
