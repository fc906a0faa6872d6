#pragma once

#include <span>
#include <string_view>

#include "tools/command.hpp"

/// What the command `weave` can do, said once: dispatch, usage, help, manual pages and completions are all made of
/// this.
namespace weave::tools {

struct OptionText {
  std::string_view name;
  std::string_view value; ///< what follows it, such as "<fqdn>"; empty for a switch
  std::string_view help;
};

/// What the words after a sub-command name, for completion.
enum class Operand { nothing, container, target, peer, command, section };

enum class Audience {
  everyone, ///< in the usage, the manual and the completions
  scripts,  ///< works and has help, but is not listed: names of former versions and of scripts
  ourselves ///< run by weave itself: its words are not looked at
};

/// A row of the table of sub-commands.
struct Command {
  std::string_view name;
  std::string_view synopsis = {}; ///< what may follow the name; lines after the first are indented for the usage
  std::string_view summary = {};  ///< one line, without a full stop
  std::string_view details = {};  ///< sentences; lines of the source are lines of `weave help NAME`
  std::span<OptionText const> options = {};
  Operand operand = Operand::nothing;
  Audience audience = Audience::everyone;
  int (*run)(Invocation&) = nullptr;
};

struct Term {
  std::string_view name;
  std::string_view text;
};

[[nodiscard]] std::span<Command const> commands();
/// Null if there is none of that name.
[[nodiscard]] Command const* find_command(std::string_view name);
/// What `<peer>`, `<addr>` … in the synopses stand for.
[[nodiscard]] std::span<Term const> argument_terms();
/// The variables that are read.
[[nodiscard]] std::span<Term const> environment_terms();
/// Parts of the status that can be asked for alone.
[[nodiscard]] std::span<std::string_view const> status_sections();

} // namespace weave::tools
