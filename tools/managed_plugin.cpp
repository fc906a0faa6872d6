#include "tools/managed_plugin.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <sys/mount.h>
#include <unistd.h>

#include <fmt/format.h>

#include "controller/docker/engine_json.hpp"
#include "tools/daemon_answer.hpp"
#include "tools/docker_answer.hpp"
#include "tools/process.hpp"

namespace weave::tools {
namespace {

using namespace std::chrono_literals;

/// An engine that is starting waits for its plugins before it answers.
constexpr auto kEngineTime = 3s;
constexpr auto kDaemonTime = 2s;
/// Exists once the managers are known. In the plugin's own file system: another plugin asks again.
constexpr auto kManagersMark = "/managers.mark";

std::string on_host(std::string_view path) { return fmt::format("{}{}", kHostRoot, path); }

std::string value_of(Settings const& settings, std::string_view name, std::string_view fallback) {
  return settings.non_empty(name).value_or(std::string{fallback});
}

bool is_on(std::string_view value) {
  static constexpr std::string_view kOff[] = {"", "0", "f", "F", "false", "FALSE", "False"};
  return std::ranges::find(kOff, value) == std::ranges::end(kOff);
}

/// The peers of a first start. Later ones take those that the daemon has stored.
std::vector<std::string> swarm_managers(Settings const& settings, std::ostream& err) {
  std::error_code error;
  bool const known = std::filesystem::exists(kManagersMark, error);
  if (known && std::filesystem::exists(settings.restart_mark(), error)) return {};
  auto const engine = http::Endpoint::parse("unix://" + on_host("/run/docker.sock"));
  auto const info = engine ? ask_docker(*engine, "/info", kEngineTime) : failure_of(engine);
  auto swarm = info ? controller::docker::decode_swarm(*info) : failure_of(info);
  if (!swarm) {
    err << fmt::format("cannot learn the swarm's managers: {}; 'weave connect <peer>' joins other hosts\n",
                       swarm.error().text());
    return {};
  }
  if (!swarm->member) {
    err << "this host is in no swarm yet; once it is, disable and enable the plugin, or 'weave connect <peer>'\n";
    return {};
  }
  if (!known) ::unlink(settings.restart_mark().c_str());
  std::ofstream{kManagersMark};
  return std::move(swarm->other_managers);
}

} // namespace

std::vector<std::string> managed_arguments(Settings const& settings, std::vector<std::string> const& peers) {
  std::vector<std::string> words{"--plugin-v2",
                                 "--run-dir=" + settings.run_dir,
                                 "--state-dir=" + settings.state_dir,
                                 fmt::format("--host-root={}", kHostRoot),
                                 "--status-addr=127.0.0.1:6782",
                                 "--log-level=" + value_of(settings, "LOG_LEVEL", "info"),
                                 "--ipalloc-range=" + value_of(settings, "IPALLOC_RANGE", "")};
  if (auto const mtu = settings.non_empty("WEAVE_MTU")) words.push_back("--mtu=" + *mtu);
  if (is_on(value_of(settings, "WEAVE_MULTICAST", ""))) words.emplace_back("--plugin-v2-multicast");
  std::istringstream extra{value_of(settings, "EXTRA_ARGS", "")};
  words.insert(words.end(), std::istream_iterator<std::string>{extra}, {});
  words.insert(words.end(), peers.begin(), peers.end());
  return words;
}

std::optional<std::string> managed_by_docker(Settings const& settings, std::string_view verb) {
  auto const daemon = ApiClient::at(settings.control_socket());
  auto const answer = daemon ? daemon->report("{{.Plugin.Config.EnableV2}}", kDaemonTime) : failure_of(daemon);
  if (!answer || !answer->ok() || answer->body != "true") return std::nullopt;
  return fmt::format(
      "weave is a managed plugin of Docker's on this host, so it cannot {} here; 'docker plugin ls' names "
      "it, 'docker plugin disable' ends it and 'docker plugin enable' starts it\n",
      verb);
}

int run_managed_plugin(Invocation& call) {
  auto const weaver = find_weaver(call.settings);
  if (!weaver) {
    call.err << "cannot find the program weaver\n";
    return 1;
  }
  auto settings = call.settings;
  settings.run_dir = on_host(settings.run_dir);
  settings.state_dir = on_host(settings.state_dir);
  // Docker shows it read-only; the devices that we make are tuned there.
  ::umount2("/proc/sys", MNT_DETACH);
  std::vector<std::string> words{*weaver};
  auto const arguments = managed_arguments(settings, swarm_managers(settings, call.err));
  words.insert(words.end(), arguments.begin(), arguments.end());
  call.err << become_program(words).text() << "\n";
  return 1;
}

} // namespace weave::tools
