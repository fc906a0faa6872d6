#pragma once

#include <map>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/command.hpp"

namespace weave::tools {

/// What a command did, as its caller sees it.
struct Printed {
  int code = 0;
  std::string out;
  std::string err;

  friend bool operator==(Printed const&, Printed const&) = default;
  friend std::ostream& operator<<(std::ostream& stream, Printed const& printed) {
    return stream << printed.code << " out: " << printed.out << " err: " << printed.err;
  }
};

/// `weave` with these words, in this process and with these variables only.
inline Printed run_weave(std::vector<std::string> words, std::map<std::string, std::string> const& variables) {
  auto const settings = Settings::from([&](std::string_view name) -> std::optional<std::string> {
    auto const at = variables.find(std::string{name});
    return at == variables.end() ? std::nullopt : std::optional{at->second};
  });
  std::ostringstream out;
  std::ostringstream err;
  auto const code = run_command_line(std::move(words), settings, out, err);
  return {.code = code, .out = out.str(), .err = err.str()};
}

} // namespace weave::tools
