#include "tools/stop.hpp"

#include <csignal>
#include <functional>
#include <poll.h>
#include <sstream>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>

#include "tools/daemon_answer.hpp"
#include "tools/docker_networks.hpp"
#include "tools/launch_plan.hpp"
#include "tools/managed_plugin.hpp"
#include "tools/run_files.hpp"
#include "tools/service_manager.hpp"
#include "tools/stand_in.hpp"

namespace weave::tools {
namespace {

using namespace std::chrono_literals;

/// More than the 10 s after which the supervisor kills a daemon that does not end.
constexpr auto kEndTime = 15s;
constexpr auto kKillTime = 3s;
constexpr auto kDockerTime = 3s;
/// A daemon that says nothing for so long is not asked to do anything any more.
constexpr auto kHangTime = 3s;

bool wait_until(std::function<bool()> const& condition, std::chrono::milliseconds limit) {
  auto const deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(10ms);
  }
  return true;
}

bool hangs(Settings const& settings) {
  auto const daemon = ApiClient::at(settings.control_socket());
  if (!daemon) return false;
  auto const answer = daemon->get("/status", kHangTime);
  return !answer && answer.error().kind() == ErrorKind::timed_out;
}

/// Whether Docker still has it, or other networks of ours; nothing if the daemon does not say.
std::optional<bool> remove_docker_network(Invocation& call) {
  auto const daemon = ApiClient::at(call.settings.control_socket());
  if (!daemon) return std::nullopt;
  auto const answer = daemon->remove("/plugin/network", 10s);
  // Without plugin (404) there is no network, without Docker (503) nobody on it.
  if (answer && answer->status == 200) return true;
  if (!answer) return std::nullopt;
  if (answer->ok() || answer->status == 404 || answer->status == 503) return false;
  if (answer->status == 409) {
    warn_of_attached(call, answer->body);
    call.err << "Docker operations involving those containers may pause or fail\nwhile Weave is not running\n";
  } else {
    call.err << fmt::format("WARNING: Docker network \"weave\" was not removed: {}", answer->body);
  }
  return true;
}

/// What Docker says itself, where a daemon has gone that cannot be asked.
std::optional<bool> left_in_docker(Settings const& settings) {
  auto const plan = load_plan(settings.launch_file());
  if (!plan) return false;
  return docker_has_networks(settings, driver_names(plugin_sockets(plan->daemon_arguments)), kDockerTime);
}

void signal_to(pid_t pid, int number) {
  if (pid > 0) ::kill(pid, number);
}

/// Refers to one process for good, whatever becomes of its number; none if there is no such process.
UniqueFd process_handle(pid_t pid) {
  return pid > 0 ? UniqueFd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))} : UniqueFd{};
}

void wait_for_exit(UniqueFd const& process, std::chrono::milliseconds limit) {
  if (!process) return;
  pollfd poll_fd{.fd = process.get(), .events = POLLIN, .revents = 0};
  ::poll(&poll_fd, 1, static_cast<int>(limit.count()));
}

/// Ends whoever holds the pid file. The supervisor passes the signal on; a daemon whose supervisor is gone gets it
/// itself. One that hangs is not waited for.
bool end_supervised(Settings const& settings, bool hung) {
  auto const gone = [&] { return !PidFile::is_held(settings.pid_file()); };
  RunningProcesses processes; // one that has only just started may not have written its number yet
  (void)wait_until(
      [&] {
        processes = PidFile::holders(settings.pid_file());
        return processes.supervisor > 0 || processes.daemon > 0 || gone();
      },
      kKillTime);
  auto const supervisor = process_handle(processes.supervisor);
  auto const daemon = process_handle(processes.daemon);
  signal_to(processes.supervisor > 0 ? processes.supervisor : processes.daemon, SIGTERM);
  if (hung) signal_to(processes.daemon, SIGKILL);
  if (wait_until(gone, kEndTime)) {
    wait_for_exit(supervisor, 1s); // the lock goes a moment before the process
    wait_for_exit(daemon, 1s);
    return true;
  }
  auto const left = PidFile::holders(settings.pid_file());
  signal_to(left.supervisor, SIGKILL);
  signal_to(left.daemon, SIGKILL);
  return wait_until(gone, kKillTime);
}

/// A daemon started by hand is whoever listens on the control socket.
bool end_listener(Settings const& settings) {
  auto const gone = [&] { return !answers(settings.control_socket()); };
  auto const pid = listener(settings.control_socket());
  if (!pid) return true;
  auto const daemon = process_handle(*pid);
  signal_to(*pid, SIGTERM);
  wait_for_exit(daemon, kEndTime);
  if (gone()) return true;
  if (listener(settings.control_socket()) == pid) signal_to(*pid, SIGKILL);
  return wait_until(gone, kKillTime);
}

void remove_leftovers(Settings const& settings) {
  auto const plan = load_plan(settings.launch_file());
  remove_dead_socket(settings.control_socket());
  for (auto const& path : plugin_sockets(plan ? plan->daemon_arguments : std::vector<std::string>{})) {
    remove_dead_socket(path);
  }
  if (!PidFile::is_held(settings.pid_file())) {
    ::unlink(settings.pid_file().c_str());
    ::unlink(settings.notify_socket().c_str());
  }
  ::unlink(settings.restart_mark().c_str());
  ::rmdir(settings.run_dir.c_str()); // stays while there is a log in it
}

} // namespace

void warn_of_attached(Invocation& call, std::string const& ids) {
  call.err << "WARNING: the following containers are still attached to network \"weave\":\n";
  std::istringstream words{ids};
  for (std::string id; words >> id;) call.err << fmt::format("  {} ", id.substr(0, 12));
  call.err << "\n";
}

bool is_running(Settings const& settings) {
  if (PidFile::is_held(settings.pid_file()) || answers(settings.control_socket())) return true;
  if (!has_service(settings)) return false;
  auto const state = service_state();
  return state == ServiceState::running || state == ServiceState::starting;
}

Stopped stop_locked(Invocation& call) {
  auto const& settings = call.settings;
  bool const service = has_service(settings);
  bool const hung = hangs(settings);
  bool ended = true;
  std::optional<bool> attached;
  if (!is_running(settings)) {
    call.err << "Weave is not running (ignore on Kubernetes).\n";
  } else if (hung) {
    call.err << "weave does not answer and is killed; its log says more\n";
  } else {
    attached = remove_docker_network(call);
  }
  if (!service && has_init_script(settings)) run_init_script_at_boot(false);
  if (service) ended = stop_service(); // not running: its sockets may still be there to start it
  if (PidFile::is_held(settings.pid_file())) ended = end_supervised(settings, hung) && ended;
  ended = end_listener(settings) && ended;
  remove_leftovers(settings);
  if (!attached) attached = left_in_docker(settings);
  if (!ended) call.err << "weave could not be stopped: its process weaver does not end; 'ps -C weaver' shows it\n";
  return {.status = ended ? 0 : 1, .attached = attached};
}

int run_stop(Invocation& call) {
  if (!call.words.empty()) return usage(call.err, 1);
  if (::geteuid() != 0 && !call.settings.non_empty("WEAVE_RUN_DIR")) {
    call.err << "weave stop must be run as 'root'\n";
    return 1;
  }
  auto const lock = DirectoryLock::acquire(call.settings.run_dir);
  if (!lock) {
    call.err << lock.error().text() << "\n";
    return 1;
  }
  if (auto const refusal = managed_by_docker(call.settings, "stop")) {
    call.err << *refusal;
    return 1;
  }
  auto const stopped = stop_locked(call);
  if (stopped.attached == false) end_stand_in(call.settings);
  if (stopped.attached == true && !has_stand_in(call.settings) && !start_stand_in(call.settings)) {
    call.err << "WARNING: nobody answers Docker for these containers; removing them takes up to a minute\n";
  }
  return stopped.status;
}

} // namespace weave::tools
