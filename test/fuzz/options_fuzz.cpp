// The daemon's command line and environment; arguments are separated by zeros.
#include <optional>
#include <string>
#include <vector>

#include "controller/app/options.hpp"
#include "test/fuzz/fuzz_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace weave;
  using namespace weave::controller;
  fuzz::FuzzInput input{data, size};
  auto const variable = input.take(input.u8());
  std::vector<std::string> arguments(1);
  for (auto const byte : input.rest()) {
    if (byte == 0) {
      arguments.emplace_back();
    } else {
      arguments.back() += static_cast<char>(byte);
    }
  }
  auto const environment_with = [&](std::string_view password) {
    return Environment{.variable = [&variable, password](std::string const& name) -> std::optional<std::string> {
                         if (variable.empty()) return std::nullopt;
                         return std::string{name == "WEAVE_PASSWORD" ? password : as_text(variable)};
                       },
                       .hostname = "host"};
  };
  auto const options = parse_options(arguments, environment_with("a password"));
  if (!options) {
    fuzz::demand(!options.error().text.empty(), "an early exit says why");
    return 0;
  }
  // A search for the password's text would find a name that happens to be the same.
  if (auto const at = options->given.find("password"); at != options->given.end()) {
    fuzz::demand(at->second == "<redacted>", "the log hides a password of the command line");
  }
  auto const others = parse_options(arguments, environment_with("another password"));
  fuzz::demand(others && options_line(*others) == options_line(*options),
               "the log does not depend on a password of the environment");
  return 0;
}
