#include "tools/settings.hpp"

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <unistd.h>

namespace weave::tools {
namespace {

bool is_program(std::string const& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0;
}

} // namespace

Settings Settings::from(std::function<std::optional<std::string>(std::string_view)> variable) {
  Settings settings;
  settings.variable = std::move(variable);
  settings.run_dir = settings.non_empty("WEAVE_RUN_DIR").value_or(settings.run_dir);
  settings.state_dir = settings.non_empty("WEAVE_STATE_DIR").value_or(settings.state_dir);
  settings.api_address = settings.non_empty("WEAVE_HTTP_ADDR").value_or(settings.control_socket());
  return settings;
}

Settings Settings::of_process() {
  return from([](std::string_view name) -> std::optional<std::string> {
    auto const* value = std::getenv(std::string{name}.c_str());
    return value != nullptr ? std::optional<std::string>{value} : std::nullopt;
  });
}

std::optional<std::string> Settings::non_empty(std::string_view name) const {
  auto value = variable(name);
  return value && !value->empty() ? value : std::nullopt;
}

std::optional<std::string> find_weaver(Settings const& settings) {
  if (auto named = settings.non_empty("WEAVE_WEAVER")) return named;
  auto const beside = std::filesystem::path{own_program()}.parent_path() / "weaver";
  if (is_program(beside)) return beside.string();
  auto path = settings.variable("PATH").value_or("/usr/sbin:/usr/bin:/sbin:/bin");
  for (std::size_t start = 0; start <= path.size();) {
    auto const end = std::min(path.find(':', start), path.size());
    auto candidate = path.substr(start, end - start) + "/weaver";
    if (candidate.front() == '/' && candidate != "/weaver" && is_program(candidate)) return candidate;
    start = end + 1;
  }
  return std::nullopt;
}

std::string own_program() {
  std::error_code error;
  auto const path = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "weave" : path.string();
}

} // namespace weave::tools
