#include "tools/usage.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace weave::tools {
namespace {

constexpr std::string_view kIndent = "              ";

std::string synopsis_line(Command const& command) {
  auto text = fmt::format("weave {}{}", command.name, command.synopsis.empty() ? "" : " ");
  for (char const c : command.synopsis) {
    text += c;
    if (c == '\n') text += kIndent;
  }
  return text + "\n";
}

std::string option_lines(std::span<OptionText const> options) {
  std::string text;
  for (auto const& option : options) {
    auto const left = option.value.empty() ? std::string{option.name} : fmt::format("{} {}", option.name, option.value);
    text += fmt::format("  {:<26}{}\n", left, option.help);
  }
  return text;
}

/// The meaning of what the synopsis has in angle brackets.
std::string used_terms(std::string_view synopsis) {
  std::string text;
  for (auto const& term : argument_terms()) {
    if (synopsis.find(term.name) == std::string_view::npos) continue;
    text += fmt::format("{}{:<9} = {}\n", text.empty() ? "where " : "      ", term.name, term.text);
  }
  return text;
}

} // namespace

std::string usage_text() {
  std::string text = "Usage:\n\n";
  for (auto const& command : commands()) {
    if (command.audience == Audience::everyone) text += synopsis_line(command);
  }
  text += "\n";
  for (auto const& term : argument_terms()) {
    text += fmt::format("{}{:<9} = {}\n", &term == argument_terms().data() ? "where " : "      ", term.name, term.text);
  }
  return text + "\n'weave help <command>' explains a command; weave(8) has the variables of the environment as well.\n";
}

std::string help_text(Command const& command) {
  auto text = fmt::format("Usage:\n\n{}\n  {}\n", synopsis_line(command), command.summary);
  if (!command.details.empty()) text += "  ";
  for (char const c : command.details) {
    text += c;
    if (c == '\n') text += "  ";
  }
  if (!command.details.empty()) text += "\n";
  if (!command.options.empty()) text += "\nOptions:\n" + option_lines(command.options);
  if (auto const terms = used_terms(command.synopsis); !terms.empty()) text += "\n" + terms;
  return text;
}

int usage(std::ostream& err, int code) {
  err << usage_text();
  return code;
}

int run_help(Invocation& call) {
  if (call.words.empty()) return usage(call.err, 0);
  auto const* const command = find_command(call.words.front());
  if (call.words.size() > 1 || command == nullptr || command->audience == Audience::ourselves) {
    call.err << fmt::format("Unknown weave command '{}'\n", fmt::join(call.words, " "));
    return usage(call.err, 1);
  }
  call.err << help_text(*command);
  return 0;
}

} // namespace weave::tools
