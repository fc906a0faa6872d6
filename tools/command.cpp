#include "tools/command.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "tools/usage.hpp"

namespace weave::tools {

bool Invocation::take_flag(std::string_view flag) { return std::erase(words, flag) != 0; }

int run_command_line(std::vector<std::string> words, Settings const& settings, std::ostream& out, std::ostream& err) {
  if (!words.empty() && words.front() == "--local") words.erase(words.begin()); // the original's "not in a container"
  if (words.empty()) return usage(err, 1);
  auto const* const command = find_command(words.front());
  if (command == nullptr) {
    err << fmt::format("Unknown weave command '{}'\n", words.front());
    return usage(err, 1);
  }
  words.erase(words.begin());
  if (command->audience != Audience::ourselves && std::ranges::find(words, "--help") != words.end()) {
    err << help_text(*command);
    return 0;
  }
  Invocation call{.words = std::move(words), .settings = settings, .out = out, .err = err, .name = command->name};
  return command->run(call);
}

} // namespace weave::tools
