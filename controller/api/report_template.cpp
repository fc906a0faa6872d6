#include "controller/api/report_template.hpp"

#include <map>
#include <optional>
#include <utility>

#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "controller/api/report_value.hpp"
#include "controller/api/template/functions.hpp"
#include "controller/api/template/syntax.hpp"

namespace weave::controller::api {
namespace {

namespace json = boost::json;

using text_template::Command;
using text_template::Node;
using text_template::Operand;
using text_template::Pipeline;
using text_template::Value;

/// A few ranges inside each other ask for more than a daemon has.
constexpr int kMostSteps = 1'000'000;
constexpr std::size_t kLongest = 32UL << 20;

Value root_of(StatusReport const& report) {
  auto root = to_value(report);
  for (auto const* service : {"Router", "IPAM", "DNS", "Proxy", "Plugin"}) root.as_object().emplace(service, nullptr);
  return Value{std::move(root)};
}

/// Carries a template out.
class Execution {
 public:
  explicit Execution(Value root) : variables_{{"$", std::move(root)}} {}

  Result<std::string> run(std::vector<Node> const& nodes) {
    auto const dot = variables_.front().second; // the list of variables moves when it grows
    auto const done = each(nodes, dot);
    if (!done) return failure(done.error().kind(), fmt::format("template: format:{}: {}", line_, done.error().text()));
    return std::move(text_);
  }

 private:
  Result<void> each(std::vector<Node> const& nodes, Value const& dot) {
    for (auto const& node : nodes) {
      if (++steps_ > kMostSteps || text_.size() > kLongest) return failure(ErrorKind::out_of_range, "too much output");
      if (auto const done = one(node, dot); !done) return done;
    }
    return {};
  }

  Result<void> one(Node const& node, Value const& dot) {
    if (node.kind == Node::Kind::text) {
      text_ += node.text;
      return {};
    }
    line_ = node.pipeline.line;
    auto const visible = variables_.size();
    auto value = evaluate(node.pipeline, dot, node.kind != Node::Kind::range);
    if (!value) return failure_of(value);
    if (node.kind == Node::Kind::print) {
      if (node.pipeline.variables.empty()) text_ += value->text();
      return {};
    }
    auto const done = node.kind == Node::Kind::range  ? range(node, *value, dot)
                      : !value->is_true()             ? each(node.otherwise, dot)
                      : node.kind == Node::Kind::with ? each(node.body, *value)
                                                      : each(node.body, dot);
    variables_.resize(visible);
    return done;
  }

  Result<void> range(Node const& node, Value const& value, Value const& dot) {
    auto const body = [&](Value const& key, Value const& item) {
      auto const visible = variables_.size();
      auto const& names = node.pipeline.variables;
      if (names.size() == 2) set(names.front(), key, node.pipeline.declares);
      if (!names.empty()) set(names.back(), item, node.pipeline.declares);
      auto const done = each(node.body, item);
      variables_.resize(visible);
      return done;
    };
    if (!value.is_list() && !value.is_map())
      return failure(ErrorKind::refused, "range can't iterate over what is no list");
    if (!value.is_true()) return each(node.otherwise, dot);
    if (auto const* array = value.json().if_array()) {
      for (std::size_t i = 0; i < array->size(); ++i) {
        if (auto const done = body(Value{json::value(static_cast<std::int64_t>(i))}, value.element(i)); !done)
          return done;
      }
      return {};
    }
    std::map<std::string, Value> items;
    for (auto const& item : value.json().as_object()) items.emplace(item.key(), *value.field(item.key()));
    for (auto const& [key, item] : items) {
      if (auto const done = body(Value{json::value(key)}, item); !done) return done;
    }
    return {};
  }

  Result<Value> evaluate(Pipeline const& pipeline, Value const& dot, bool assigns = true) {
    std::optional<Value> last;
    for (auto const& command : pipeline.commands) {
      auto value = run_command(command, dot, last);
      if (!value) return value;
      last = *std::move(value);
    }
    if (assigns && !pipeline.variables.empty()) set(pipeline.variables.front(), *last, pipeline.declares);
    return *std::move(last);
  }

  Result<Value> run_command(Command const& command, Value const& dot, std::optional<Value> const& last) {
    auto const& first = command.operands.front();
    if (first.kind != Operand::Kind::function) {
      if (command.operands.size() > 1 || last) {
        return failure(ErrorKind::refused, "can't give argument to what is no function");
      }
      return operand(first, dot);
    }
    bool const decides = first.name == "and" || first.name == "or";
    std::vector<Value> arguments;
    for (std::size_t i = 1; i < command.operands.size(); ++i) {
      auto value = operand(command.operands[i], dot);
      if (!value) return value;
      arguments.push_back(*std::move(value));
      // The others are not looked at, so that {{and .DNS .DNS.Domain}} works without DNS.
      if (decides && arguments.back().is_true() == (first.name == "or")) break;
    }
    if (last) arguments.push_back(*last);
    auto result = text_template::call_function(first.name, arguments);
    return result ? fields_of(*std::move(result), first) : result;
  }

  Result<Value> operand(Operand const& operand, Value const& dot) {
    switch (operand.kind) {
      case Operand::Kind::constant: return fields_of(Value{operand.constant}, operand);
      case Operand::Kind::nil: return fields_of(Value{json::value(nullptr), Value::Nature::pointer}, operand);
      case Operand::Kind::dot: return fields_of(dot, operand);
      case Operand::Kind::variable: return fields_of(variable(operand.name), operand);
      case Operand::Kind::function: {
        auto value = text_template::call_function(operand.name, {});
        return value ? fields_of(*std::move(value), operand) : value;
      }
      case Operand::Kind::pipeline: {
        auto value = evaluate(*operand.inner, dot);
        return value ? fields_of(*std::move(value), operand) : value;
      }
    }
    return dot;
  }

  static Result<Value> fields_of(Value value, Operand const& operand) {
    for (auto const& name : operand.fields) {
      auto next = value.field(name);
      if (!next) return next;
      value = *std::move(next);
    }
    return value;
  }

  void set(std::string const& name, Value value, bool declare) {
    if (declare) {
      variables_.emplace_back(name, std::move(value));
    } else {
      find(name) = std::move(value);
    }
  }

  Value& find(std::string const& name) {
    for (auto at = variables_.rbegin(); at != variables_.rend(); ++at) {
      if (at->first == name) return at->second;
    }
    return variables_.front().second; // the parser has seen to it that there is one
  }
  Value variable(std::string const& name) { return find(name); }

  std::vector<std::pair<std::string, Value>> variables_;
  std::string text_;
  std::size_t line_ = 1;
  int steps_ = 0;
};

} // namespace

Result<std::string> expand_template(std::string_view format, StatusReport const& report) {
  auto const nodes = text_template::parse(format);
  if (!nodes) return failure_of(nodes);
  return Execution{root_of(report)}.run(*nodes);
}

} // namespace weave::controller::api
