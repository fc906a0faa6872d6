#include "tools/launch_plan.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <sys/stat.h>
#include <tuple>
#include <unistd.h>

#include <fmt/format.h>

#include "base/unique_fd.hpp"

namespace weave::tools {
namespace {

/// A word split at its first `=`.
struct Word {
  std::string_view name;
  std::optional<std::string_view> value;

  explicit Word(std::string_view text) : name{text.substr(0, text.find('='))} {
    if (name.size() < text.size()) value = text.substr(name.size() + 1);
  }
};

bool is_off(std::optional<std::string_view> value) {
  return value == "false" || value == "0" || value == "f" || value == "F" || value == "FALSE" || value == "False";
}

/// The daemon's working directory is another one.
std::string absolute_import(std::string_view file) {
  std::error_code error;
  if (file.empty() || file == "none") return std::string{file};
  auto const path = std::filesystem::absolute(file, error);
  return error ? std::string{file} : path.lexically_normal().string();
}

std::vector<std::string> arguments_of_variables(Settings const& settings) {
  std::vector<std::string> arguments;
  auto const add = [&](std::string_view flag, std::string_view variable) {
    if (auto const value = settings.non_empty(variable)) arguments.push_back(fmt::format("{}={}", flag, *value));
  };
  add("--port", "WEAVE_PORT");
  add("--mtu", "WEAVE_MTU");
  add("--http-addr", "WEAVE_HTTP_ADDR");
  arguments.push_back("--status-addr=" + settings.variable("WEAVE_STATUS_ADDR").value_or("127.0.0.1:6782"));
  add("--fast-path", "WEAVE_FAST_PATH");
  if (auto const file = settings.non_empty("WEAVE_IMPORT")) arguments.push_back("--import=" + absolute_import(*file));
  if (settings.non_empty("WEAVE_NO_FASTDP")) arguments.emplace_back("--no-fastdp");
  if (settings.non_empty("WEAVE_NO_BRIDGED_FASTDP")) arguments.emplace_back("--no-bridged-fastdp");
  if (settings.non_empty("WEAVE_NO_PLUGIN")) arguments.emplace_back("--plugin=false");
  if (settings.non_empty("WEAVE_DEBUG")) arguments.emplace_back("--log-level=debug");
  return arguments;
}

std::string escaped(std::string_view text) {
  std::string result;
  for (char const c : text) {
    if (c == '\\') {
      result += "\\\\";
    } else if (c == '\n') {
      result += "\\n";
    } else {
      result += c;
    }
  }
  return result;
}

std::string unescaped(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 1 < text.size()) {
      ++at;
      result += text[at] == 'n' ? '\n' : text[at];
    } else {
      result += text[at];
    }
  }
  return result;
}

} // namespace

LaunchPlan plan_launch(std::vector<std::string> const& words, Settings const& settings) {
  LaunchPlan plan{.daemon_arguments = arguments_of_variables(settings), .password = {}, .restart = true};
  plan.password = settings.non_empty("WEAVE_PASSWORD");
  for (std::size_t at = 0; at < words.size(); ++at) {
    if (words[at] == "--") {
      plan.daemon_arguments.insert(plan.daemon_arguments.end(), words.begin() + static_cast<std::ptrdiff_t>(at),
                                   words.end());
      break;
    }
    Word const word{words[at]};
    bool const takes_value = word.name == "--password" || word.name == "--import";
    if (takes_value && !word.value && at + 1 == words.size()) {
      plan.daemon_arguments.push_back(words[at]); // the daemon says that its value is missing
    } else if (takes_value) {
      auto const value = word.value ? std::string{*word.value} : words[++at];
      if (word.name == "--password") {
        plan.password = value;
      } else {
        plan.daemon_arguments.push_back("--import=" + absolute_import(value));
      }
    } else if (word.name == "--no-restart") {
      plan.restart = is_off(word.value);
    } else if (word.name != "--no-detect-tls") {
      plan.daemon_arguments.push_back(words[at]);
    }
  }
  return plan;
}

std::string format_plan(LaunchPlan const& plan) {
  auto text = fmt::format("restart {}\n", plan.restart ? "yes" : "no");
  if (plan.password) text += fmt::format("password {}\n", escaped(*plan.password));
  for (auto const& argument : plan.daemon_arguments) text += fmt::format("argument {}\n", escaped(argument));
  return text;
}

Result<LaunchPlan> parse_plan(std::string_view text) {
  LaunchPlan plan;
  while (!text.empty()) {
    auto const line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    auto const key = line.substr(0, line.find(' '));
    auto const value = unescaped(line.substr(std::min(line.size(), key.size() + 1)));
    if (key == "restart") {
      plan.restart = value == "yes";
    } else if (key == "password") {
      plan.password = value;
    } else if (key == "argument") {
      plan.daemon_arguments.push_back(value);
    } else {
      return failure(ErrorKind::malformed, fmt::format("unexpected line in the launch file: {}", key));
    }
  }
  return plan;
}

Result<void> save_plan(std::string const& path, LaunchPlan const& plan) {
  auto const next = path + ".new";
  {
    UniqueFd const file{::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    auto const text = format_plan(plan);
    if (!file || ::fchmod(file.get(), 0600) != 0 ||
        ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
      return std::unexpected{system_error(next, errno)};
    }
  }
  if (::rename(next.c_str(), path.c_str()) != 0) return std::unexpected{system_error(path, errno)};
  return {};
}

Result<LaunchPlan> load_plan(std::string const& path) {
  std::ifstream file{path};
  if (!file) return failure(ErrorKind::not_found, fmt::format("cannot read {}", path));
  std::stringstream text;
  text << file.rdbuf();
  return parse_plan(text.str());
}

LaunchPlan last_plan(Settings const& settings) {
  auto plan = load_plan(settings.launch_file());
  if (!plan) {
    std::istringstream peers{settings.variable("PEERS").value_or("")};
    return plan_launch({std::istream_iterator<std::string>{peers}, {}}, settings);
  }
  if (!plan->password) plan->password = settings.non_empty("WEAVE_PASSWORD");
  return *std::move(plan);
}

std::optional<std::string> misplaced_option(LaunchPlan const& plan, Settings const& settings) {
  for (auto const& [option, variable, known] : {std::tuple{"--run-dir", "WEAVE_RUN_DIR", settings.run_dir},
                                                std::tuple{"--state-dir", "WEAVE_STATE_DIR", settings.state_dir}}) {
    auto const wanted = argument_value(plan.daemon_arguments, option, known);
    if (wanted == known) continue;
    return fmt::format("{} is not for 'weave launch': every command has to know the directory, by {}={}", option,
                       variable, wanted);
  }
  for (auto const& argument : plan.daemon_arguments) {
    Word const word{argument};
    if (word.name == "--") break;
    bool const ends_at_once = word.name == "--version" || word.name == "--print-peer-name" || word.name == "--cleanup";
    if (ends_at_once && !is_off(word.value)) {
      return fmt::format("{0} is not for 'weave launch', which starts the daemon: 'weaver {0}'", word.name);
    }
  }
  return std::nullopt;
}

std::string overlay_bridge(Settings const& settings) {
  constexpr std::string_view kUsual = "weave";
  auto const plan = load_plan(settings.launch_file());
  return plan ? argument_value(plan->daemon_arguments, "--weave-bridge", kUsual) : std::string{kUsual};
}

std::string argument_value(std::vector<std::string> const& arguments, std::string_view name,
                           std::string_view fallback) {
  std::string found{fallback};
  for (std::size_t at = 0; at < arguments.size(); ++at) {
    Word const word{arguments[at]};
    if (word.name != name) continue;
    if (word.value) {
      found = *word.value;
    } else if (at + 1 < arguments.size()) {
      found = arguments[at + 1];
    }
  }
  return found;
}

bool has_usual_plugin_sockets(std::vector<std::string> const& arguments) {
  bool plugin = true;
  for (auto const& argument : arguments) {
    Word const word{argument};
    if (word.name == "--plugin") plugin = !is_off(word.value);
  }
  return plugin && plugin_sockets(arguments) == plugin_sockets({});
}

std::vector<std::string> plugin_sockets(std::vector<std::string> const& arguments) {
  std::vector<std::string> sockets{
      argument_value(arguments, "--plugin-socket", "/run/docker/plugins/weave.sock"),
      argument_value(arguments, "--plugin-mesh-socket", "/run/docker/plugins/weavemesh.sock")};
  std::erase(sockets, "");
  return sockets;
}

} // namespace weave::tools
