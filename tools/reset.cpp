#include <filesystem>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>

#include "tools/daemon_answer.hpp"
#include "tools/launch_plan.hpp"
#include "tools/managed_plugin.hpp"
#include "tools/original.hpp"
#include "tools/process.hpp"
#include "tools/run_files.hpp"
#include "tools/stand_in.hpp"
#include "tools/stop.hpp"

namespace weave::tools {
namespace {

using namespace std::chrono_literals;

/// The daemon's database, or that of an original in its Kubernetes or plugin form.
bool has_state(Settings const& settings) {
  std::error_code error;
  for (auto const* name : {"state.db", "weave-netdata.db", "weavedata.db"}) {
    if (std::filesystem::exists(settings.state_dir + "/" + name, error)) return true;
  }
  return false;
}

/// Another peer gets our addresses; the pause lets the news out.
void hand_over(Settings const& settings) {
  auto const daemon = ApiClient::at(settings.control_socket());
  if (!daemon || !daemon->remove("/peer", 5s)) return;
  std::this_thread::sleep_for(500ms);
}

/// Bridge, interfaces and firewall rules are the daemon's to remove.
bool clean_up_host(Invocation& call) {
  auto const weaver = find_weaver(call.settings);
  if (!weaver) {
    call.err << "cannot find the program weaver: interfaces and rules of weave stay; name it in WEAVE_WEAVER and reset "
                "again\n";
    return false;
  }
  std::vector<std::string> words{*weaver};
  auto const plan = load_plan(call.settings.launch_file());
  // What its devices and rules are called by.
  for (auto const* flag : {"--weave-bridge", "--docker-bridge", "--datapath", "--port"}) {
    auto const value = plan ? argument_value(plan->daemon_arguments, flag, "") : std::string{};
    if (!value.empty()) words.push_back(fmt::format("{}={}", flag, value));
  }
  words.emplace_back("--cleanup");
  auto const result = run_program(words);
  if (result && result->status == 0) return true;
  call.err << fmt::format("weaver --cleanup failed: {}\n", result ? result->output : result.error().text());
  return false;
}

/// Our directories and what is in them. One that only the environment names goes file by file, in case the name is
/// wrong.
bool remove_files(Invocation& call) {
  auto const& settings = call.settings;
  Settings const defaults;
  std::error_code failed;
  for (auto const& [directory, usual] :
       {std::pair{settings.state_dir, defaults.state_dir}, std::pair{settings.run_dir, defaults.run_dir}}) {
    std::error_code error;
    for (auto const& entry : std::filesystem::directory_iterator{directory, error}) {
      auto const name = entry.path().filename().string();
      bool const ours = directory == usual || name.starts_with("state.db") || name.starts_with("launch.conf") ||
                        name == "restart.mark" || name == "released" || name.starts_with("weaver.log") ||
                        name == "weave-netdata.db" || name == "weavedata.db";
      if (ours) std::filesystem::remove_all(entry.path(), error);
      if (error) failed = error;
    }
    std::filesystem::remove(directory, error); // only if it is empty now
  }
  if (!failed) return true;
  call.err << fmt::format("cannot remove the state: {}\n", failed.message());
  return false;
}

/// The next launch is not to take over again what Weave Net knew once: others have had these addresses since.
bool set_aside_original_database(Invocation& call, std::optional<std::string> const& database) {
  if (!database) return true;
  auto const kept = *database + ".old";
  std::error_code error;
  std::filesystem::rename(*database, kept, error);
  if (error) {
    call.err << fmt::format("cannot rename {}: {}; launch with '--import none', or it is taken over again\n", *database,
                            error.message());
    return false;
  }
  call.err << fmt::format("The database of Weave Net is set aside: {}\n", kept);
  return true;
}

} // namespace

int run_reset(Invocation& call) {
  bool const force = call.take_flag("--force");
  if (!call.words.empty()) return usage(call.err, 1);
  auto const& settings = call.settings;
  if (::geteuid() != 0 && !settings.non_empty("WEAVE_RUN_DIR")) {
    call.err << "weave reset must be run as 'root'\n";
    return 1;
  }
  auto const lock = DirectoryLock::acquire(settings.run_dir);
  if (!lock) {
    call.err << lock.error().text() << "\n";
    return 1;
  }
  if (auto const refusal = managed_by_docker(settings, "reset")) {
    call.err << *refusal;
    return 1;
  }
  // What goes below would be its.
  auto const database = original_database(settings);
  auto obstacle = running_original(call, "reset");
  if (!obstacle) obstacle = working_original(settings, database, "reset");
  if (obstacle) {
    call.err << *obstacle;
    return 1;
  }
  if (is_running(settings)) {
    hand_over(settings);
  } else if (!force && has_state(settings)) {
    call.err << "ERROR: weave is not running; unable to remove from cluster.\n"
                "Re-launch weave before reset or use --force to override.\n";
    return 1;
  }
  auto const stopped = stop_locked(call);
  if (stopped.status != 0) return stopped.status;
  end_stand_in(settings);
  // The rule of 'weave attach-bridge', if it is there.
  (void)run_program(
      {"iptables", "-w", "5", "-t", "nat", "-D", "POSTROUTING", "-o", overlay_bridge(settings), "-j", "ACCEPT"});
  bool const clean = clean_up_host(call);
  // Containers that are still attached can be removed without waiting for a weave that is not coming back. It finds its
  // sockets by the files that go now.
  if (stopped.attached == true && !start_stand_in(settings))
    call.err << "WARNING: removing these containers takes Docker up to a minute\n";
  bool const removed = remove_files(call);
  bool const aside = set_aside_original_database(call, database);
  return clean && removed && aside ? 0 : 1;
}

} // namespace weave::tools
