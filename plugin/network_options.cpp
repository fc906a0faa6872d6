#include "plugin/network_options.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace weave::plugin {
namespace {

std::unexpected<Error> unrecognized(std::string_view name, std::string_view value, std::string_view hint) {
  return failure(ErrorKind::malformed, fmt::format("unrecognized value \"{}\" for option {}{}", value, name, hint));
}

Result<bool> parse_switch(std::string_view name, std::string_view value) {
  constexpr std::array<std::string_view, 7> kTrue{"", "1", "t", "T", "TRUE", "true", "True"};
  constexpr std::array<std::string_view, 6> kFalse{"0", "f", "F", "FALSE", "false", "False"};
  if (std::ranges::find(kTrue, value) != kTrue.end()) return true;
  if (std::ranges::find(kFalse, value) != kFalse.end()) return false;
  return unrecognized(name, value, "");
}

} // namespace

bool is_known_option(std::string_view name) {
  return name == kMulticastOption || name == kIsolateOption || name == kIpamOption;
}

Result<NetworkOptions> parse_network_options(Options const& options, NetworkOptions defaults) {
  auto parsed = defaults;
  for (auto const& [name, value] : options) {
    if (name == kIpamOption) {
      if (value != "docker" && value != "weave") return unrecognized(name, value, ": docker or weave");
      parsed.docker_ipam = value == "docker";
    } else if (name == kMulticastOption || name == kIsolateOption) {
      auto const on = parse_switch(name, value);
      if (!on) return failure_of(on);
      (name == kMulticastOption ? parsed.multicast : parsed.isolate) = *on;
    }
  }
  return parsed;
}

} // namespace weave::plugin
