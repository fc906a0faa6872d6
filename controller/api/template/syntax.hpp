#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "base/result.hpp"

/// A template as a tree, in the grammar of Go's text/template without `define`, `template`, `block`, `break` and
/// `continue` (protocol/surfaces.md §7.1).
namespace weave::controller::api::text_template {

struct Pipeline;

struct Operand {
  enum class Kind { constant, nil, dot, variable, function, pipeline };
  Kind kind = Kind::dot;
  std::string name = {};                ///< of a variable (`$x`) or a function
  boost::json::value constant = {};     ///< a number, a string or a Boolean
  std::shared_ptr<Pipeline> inner = {}; ///< what stands in parentheses
  std::vector<std::string> fields = {}; ///< taken of it, one of the other
};

struct Command {
  std::vector<Operand> operands; ///< at least one
};

struct Pipeline {
  std::size_t line = 1;
  std::vector<std::string> variables = {}; ///< that get the result; two of a range only
  bool declares = false;                   ///< `:=`, not `=`
  std::vector<Command> commands = {};      ///< each gets the result of the one before as its last argument
};

struct Node {
  enum class Kind { text, print, branch, with, range };
  Kind kind = Kind::text;
  std::string text = {};
  Pipeline pipeline = {};
  std::vector<Node> body = {};
  std::vector<Node> otherwise = {};
};

/// Error: malformed, `template: format:<line>: …`, for what has no meaning, functions and variables that do not exist
/// included.
[[nodiscard]] Result<std::vector<Node>> parse(std::string_view format);

} // namespace weave::controller::api::text_template
