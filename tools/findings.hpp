#pragma once

#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weave::tools {

enum class Severity {
  fine,    ///< looked at, and well
  note,    ///< good to know
  warning, ///< works, but worse than it could
  error    ///< something does not work, or will not
};

[[nodiscard]] std::string_view to_string(Severity severity);

/// What was found out about one subject. `cause` and `next` are empty when all is well.
struct Finding {
  Severity severity = Severity::fine;
  std::string subject; ///< one word, stable: "kernel", "firewall", "ports", …
  std::string text;
  std::string cause = {};
  std::string next = {}; ///< what to do, with the command

  friend bool operator==(Finding const&, Finding const&) = default;
};

/// One line each, what is worst at the end.
void print_text(std::vector<Finding> findings, std::ostream& out);
/// `{"ok":…,"findings":[{"severity","subject","text","cause","next"}]}`; `ok` unless `at_least` that is found.
void print_json(std::span<Finding const> findings, Severity at_least, std::ostream& out);
/// Whether one is that bad or worse.
[[nodiscard]] bool any(std::span<Finding const> findings, Severity at_least);

} // namespace weave::tools
