#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace weave::controller::api::text_template {

/// A piece of a template. What stands in quotes is already without them.
struct Token {
  enum class Kind {
    text,       ///< what is printed as it stands
    open,       ///< `{{`
    close,      ///< `}}`
    identifier, ///< a keyword, a constant or a function
    field,      ///< `.Name`, without the dot
    dot,        ///< `.` alone
    variable,   ///< `$` and its name
    number,
    string,
    declare, ///< `:=`
    assign,  ///< `=`
    comma,
    pipe,
    left_paren,
    right_paren,
  };
  Kind kind;
  std::string text;
  std::size_t line = 1;
  bool spaced = false; ///< blanks stand before it
};

/// Splits a template; the trims `{{-` and `-}}` are carried out and comments left out. Error: malformed, see
/// syntax_error.
[[nodiscard]] Result<std::vector<Token>> tokens_of(std::string_view format);

/// `template: format:<line>: <why>`.
[[nodiscard]] std::unexpected<Error> syntax_error(std::size_t line, std::string_view why);

} // namespace weave::controller::api::text_template
