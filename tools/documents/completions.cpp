#include "tools/documents/completions.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace weave::tools {
namespace {

std::vector<Command> listed_commands() {
  std::vector<Command> result;
  std::ranges::copy_if(commands(), std::back_inserter(result),
                       [](Command const& command) { return command.audience == Audience::everyone; });
  return result;
}

std::vector<OptionText> options_of(Command const& command, std::span<OptionText const> launch_options) {
  std::vector<OptionText> result{command.options.begin(), command.options.end()};
  if (command.name == "launch") result.insert(result.end(), launch_options.begin(), launch_options.end());
  result.push_back({"--help", "", "explain this command"});
  return result;
}

std::string names(std::vector<OptionText> const& options) {
  std::vector<std::string_view> words;
  for (auto const& option : options) words.push_back(option.name);
  return fmt::format("{}", fmt::join(words, " "));
}

std::string command_names() {
  std::vector<std::string_view> words;
  for (auto const& command : listed_commands()) words.push_back(command.name);
  return fmt::format("{}", fmt::join(words, " "));
}

/// What a shell runs to learn the words, one a line or with blanks between. Empty: nothing is known.
std::string words_of(Operand operand) {
  switch (operand) {
    case Operand::nothing: return {};
    case Operand::container: return "docker ps --format '{{.Names}}' 2>/dev/null";
    case Operand::target: return "weave status targets 2>/dev/null";
    case Operand::peer: return "weave report -f '{{range .Router.Peers}}{{.NickName}} {{end}}' 2>/dev/null";
    case Operand::command: return fmt::format("echo {}", command_names());
    case Operand::section: return fmt::format("echo {}", fmt::join(status_sections(), " "));
  }
  return {};
}

/// Inside single quotes, for all three shells.
std::string quoted(std::string_view text) {
  std::string result;
  for (char const c : text) {
    if (c == '\'') {
      result += "'\\''";
    } else {
      result += c;
    }
  }
  return result;
}

} // namespace

std::string bash_completion(std::span<OptionText const> launch_options) {
  // Not by compgen -W, which would run a $(...) in the name of a peer. %q: nor does the command line run it.
  std::string text =
      "# bash completion for weave. Made of its table of commands.\n_weave() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} command='' options='' words='' at\n"
      "  local -a known\n"
      "  COMPREPLY=()\n"
      "  for ((at = 1; at < COMP_CWORD; at++)); do\n"
      "    [[ ${COMP_WORDS[at]} == --local ]] || { command=${COMP_WORDS[at]}; break; }\n"
      "  done\n"
      "  case $command in\n";
  text += fmt::format("    '') words='{}' ;;\n", command_names());
  for (auto const& command : listed_commands()) {
    text += fmt::format("    {}) options='{}'", command.name, names(options_of(command, launch_options)));
    if (auto const words = words_of(command.operand); !words.empty()) {
      text += fmt::format("; [[ $current == -* ]] || words=$({})", words);
    }
    text += " ;;\n";
  }
  return text +
         "  esac\n"
         "  [[ $current != -* ]] || words=$options\n"
         "  IFS=$' \\t\\n' read -r -d '' -a known <<<\"$words\" || true\n"
         "  for at in \"${known[@]}\"; do\n"
         "    [[ $at != \"$current\"* ]] || { printf -v at %q \"$at\"; COMPREPLY+=(\"$at\"); }\n"
         "  done\n"
         "}\n"
         "complete -o default -F _weave weave\n";
}

std::string zsh_completion(std::span<OptionText const> launch_options) {
  auto const described = [](std::string_view name, std::string_view help) {
    std::string escaped;
    for (char const c : name) {
      if (c == ':') escaped += '\\';
      escaped += c;
    }
    return fmt::format("    '{}:{}'\n", quoted(escaped), quoted(help));
  };
  std::string text =
      "#compdef weave\n# Made of weave's table of commands.\n_weave() {\n"
      "  local -a commands options candidates\n  commands=(\n";
  for (auto const& command : listed_commands()) text += described(command.name, command.summary);
  text +=
      "  )\n  if ((CURRENT == 2)); then\n    _describe -t commands 'command' commands\n    return\n  fi\n"
      "  case $words[2] in\n";
  for (auto const& command : listed_commands()) {
    text += fmt::format("  {})\n    options=(\n", command.name);
    for (auto const& option : options_of(command, launch_options)) text += described(option.name, option.help);
    text += "    )\n";
    if (auto const words = words_of(command.operand); !words.empty()) {
      text += fmt::format("    [[ $PREFIX == -* ]] || candidates=(${{=$({})}})\n", words);
    }
    text += "    ;;\n";
  }
  return text +
         "  esac\n"
         "  if [[ $PREFIX == -* ]]; then\n    _describe -o -t options 'option' options\n"
         "  elif (($#candidates)); then\n    compadd -a candidates\n"
         "  else\n    _files\n  fi\n}\n_weave \"$@\"\n";
}

std::string fish_completion(std::span<OptionText const> launch_options) {
  std::string text = "# fish completion for weave. Made of its table of commands.\ncomplete -c weave -f\n";
  for (auto const& command : listed_commands()) {
    text += fmt::format("complete -c weave -n __fish_use_subcommand -a {} -d '{}'\n", command.name,
                        quoted(command.summary));
  }
  for (auto const& command : listed_commands()) {
    auto const condition = fmt::format("complete -c weave -n '__fish_seen_subcommand_from {}'", command.name);
    for (auto const& option : options_of(command, launch_options)) {
      auto const kind = option.name.starts_with("--") ? "-l" : "-s";
      text +=
          fmt::format("{} {} {}{} -d '{}'\n", condition, kind, option.name.substr(option.name.find_first_not_of('-')),
                      option.value.empty()       ? ""
                      : option.value == "<file>" ? " -rF"
                                                 : " -x",
                      quoted(option.help));
    }
    if (auto const words = words_of(command.operand); !words.empty()) {
      text += fmt::format("{} -a '({} | string split -n \" \")'\n", condition, quoted(words));
    }
  }
  return text;
}

} // namespace weave::tools
