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
  Environment const environment{.variable = [&](std::string const&) -> std::optional<std::string> {
                                  if (variable.empty()) return std::nullopt;
                                  return std::string{as_text(variable)};
                                },
                                .hostname = "host"};
  auto const options = parse_options(arguments, environment);
  if (!options) {
    fuzz::demand(!options.error().text.empty(), "an early exit says why");
    return 0;
  }
  auto const line = options_line(*options);
  auto const password = options->password ? as_text(options->password->octets()) : std::string_view{};
  fuzz::demand(password.size() < 12 || line.find(password) == std::string::npos, "the password is not in the log");
  return 0;
}
