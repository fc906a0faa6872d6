#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>

#include "tools/address_words.hpp"
#include "tools/former_options.hpp"
#include "tools/launch_plan.hpp"
#include "tools/log_tail.hpp"
#include "tools/managed_plugin.hpp"
#include "tools/original.hpp"
#include "tools/process.hpp"
#include "tools/readiness.hpp"
#include "tools/run_files.hpp"
#include "tools/service_manager.hpp"
#include "tools/stand_in.hpp"
#include "tools/start_remarks.hpp"
#include "tools/stop.hpp"

namespace weave::tools {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kStartTime{60'000};
constexpr std::string_view kForeignService =
    "WARNING: {0} is not weave's own unit: it can neither keep weave running nor start it at boot, and hides the one "
    "that can. Next: 'systemctl disable weave; rm {0}; systemctl daemon-reload', then 'weave stop' and launch again\n";
constexpr auto kAlreadyRunning = "weave is already running; you can stop it with 'weave stop'.\n";

/// The launching side of the supervisor: its process and the channel on which it tells of an early end.
struct Supervised {
  UniqueFd channel;
  std::string last_words;

  /// Waits that long for the supervisor to say that the daemon ended, or to end itself.
  bool ended_within(std::chrono::milliseconds time) {
    pollfd poll_fd{.fd = channel.get(), .events = POLLIN, .revents = 0};
    if (::poll(&poll_fd, 1, static_cast<int>(time.count())) <= 0) return false;
    std::array<char, 256> buffer{};
    auto const size = ::read(channel.get(), buffer.data(), buffer.size());
    if (size > 0) last_words.assign(buffer.data(), static_cast<std::size_t>(size));
    return true;
  }
};

/// In the child: becomes `weave supervise` in a session of its own, writing to the log.
[[noreturn]] void become_supervisor(Settings const& settings, LaunchPlan const& plan, int channel, int log) {
  ::setsid();
  auto const root = ::chdir("/");
  auto const null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, STDIN_FILENO);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  constexpr int kChannel = STDERR_FILENO + 1;
  if (channel != kChannel) ::dup2(channel, kChannel);
  ::fcntl(kChannel, F_SETFD, 0);
  ::close_range(kChannel + 1, ~0U, 0); // whatever our caller left open must not live as long as the daemon
  if (plan.password) {
    ::setenv("WEAVE_PASSWORD", plan.password->c_str(), 1);
  } else {
    ::unsetenv("WEAVE_PASSWORD");
  }
  // An absolute path: the directory of this process is about to change.
  ::setenv("WEAVE_WEAVER", find_weaver(settings).value_or("weaver").c_str(), 1);
  std::vector<std::string> words{own_program(), "supervise", fmt::format("--channel={}", kChannel)};
  if (!plan.restart) words.emplace_back("--no-restart");
  words.emplace_back("--");
  words.insert(words.end(), plan.daemon_arguments.begin(), plan.daemon_arguments.end());
  auto const error = become_program(words).text() + "\n";
  [[maybe_unused]] auto const written = ::write(STDERR_FILENO, error.data(), error.size());
  ::_exit(root == 0 ? 1 : 2);
}

Result<Supervised> start_supervisor(Settings const& settings, LaunchPlan const& plan) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return std::unexpected{system_error("socketpair", errno)};
  }
  Supervised supervised{.channel = UniqueFd{ends[0]}, .last_words = {}};
  UniqueFd const theirs{ends[1]};
  UniqueFd const log{::open(settings.log_file().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640)};
  if (!log) return std::unexpected{system_error(settings.log_file(), errno)};
  auto const child = ::fork();
  if (child < 0) return std::unexpected{system_error("fork", errno)};
  if (child == 0) become_supervisor(settings, plan, theirs.get(), log.get());
  return supervised;
}

void print_failure(Invocation& call, std::string_view how, std::string const& log, std::string_view where) {
  call.err << fmt::format("weave did not start{}\n", how.empty() ? "" : fmt::format(": {}", how));
  for (auto const& line : last_errors(log)) call.err << fmt::format("  {}\n", line);
  call.err << fmt::format("(the whole log: {})\n", where);
}

int conclude_start(Invocation& call, ApiClient const& daemon, Start start, std::string_view how, std::string const& log,
                   std::string_view where) {
  switch (start) {
    case Start::ready: return ask_start_remarks(daemon, call.err);
    case Start::ended: print_failure(call, how, log, where); return 1;
    case Start::not_in_time:
      call.err << fmt::format("weave is running, but not ready after {} s; 'weave status --check' says why\n",
                              kStartTime.count() / 1000);
      return 1;
  }
  return 1;
}

int launch_supervised(Invocation& call, LaunchPlan const& plan, ApiClient const& daemon) {
  auto const log_size = file_size(call.settings.log_file());
  auto supervised = start_supervisor(call.settings, plan);
  if (!supervised) {
    call.err << supervised.error().text() << "\n";
    return 1;
  }
  auto const start = wait_until_ready(
      daemon, [&](std::chrono::milliseconds time) { return supervised->ended_within(time); }, kStartTime, call.err);
  if (start != Start::ended) {
    [[maybe_unused]] auto const confirmed = ::send(supervised->channel.get(), "R", 1, MSG_NOSIGNAL);
  } else if (!supervised->last_words.empty()) {
    while (!supervised->ended_within(100ms)) { // until the supervisor has cleaned up and gone
    }
  }
  auto how = supervised->last_words;
  if (how.ends_with('\n')) how.pop_back();
  return conclude_start(call, daemon, start, how, read_since(call.settings.log_file(), log_size),
                        call.settings.log_file());
}

int launch_service(Invocation& call, LaunchPlan const& plan, ApiClient const& daemon) {
  auto const since = std::chrono::system_clock::now();
  if (!start_service(plan.restart, has_usual_plugin_sockets(plan.daemon_arguments))) {
    call.err << "systemctl cannot start weave.service; 'systemctl status weave' says why\n";
    return 1;
  }
  auto next_look = std::chrono::steady_clock::now();
  auto const ended_within = [&](std::chrono::milliseconds time) {
    std::this_thread::sleep_for(time);
    if (std::chrono::steady_clock::now() < next_look) return false;
    next_look = std::chrono::steady_clock::now() + 300ms;
    return service_restarts() > 0 || service_state() == ServiceState::failed;
  };
  auto const start = wait_until_ready(daemon, ended_within, kStartTime, call.err);
  auto const log = start == Start::ended ? service_log(since) : std::string{};
  if (start == Start::ended) stop_service();
  return conclude_start(call, daemon, start, {}, log, "journalctl -u weave.service");
}

/// A supervisor that does not restart its daemon outlives it by a moment; launching again right then is no mistake.
void wait_for_dying_supervisor(Settings const& settings) {
  constexpr int kLooks = 20;
  for (int i = 0; i < kLooks && PidFile::is_held(settings.pid_file()); ++i) std::this_thread::sleep_for(50ms);
}

/// The exit status if it cannot be launched now.
std::optional<int> refusal(Invocation& call, bool service) {
  auto const state = service ? service_state() : ServiceState::inactive;
  if (!answers(call.settings.control_socket())) wait_for_dying_supervisor(call.settings);
  if (PidFile::is_held(call.settings.pid_file()) || state == ServiceState::running || state == ServiceState::starting) {
    call.err << kAlreadyRunning;
    return 3;
  }
  if (auto const managed = managed_by_docker(call.settings, "launch")) {
    call.err << *managed;
    return 1;
  }
  if (answers(call.settings.control_socket())) {
    call.err << "Weave Net is already running\n";
    return 1;
  }
  if (!find_weaver(call.settings)) {
    call.err
        << "cannot find the program weaver beside weave or in PATH; install it there, or name it in WEAVE_WEAVER\n";
    return 1;
  }
  if (auto const obstacle = running_original(call, "launch")) {
    call.err << *obstacle;
    return 1;
  }
  return std::nullopt;
}

/// The default range is the daemon's to refuse; one that somebody chose may be meant so.
void warn_of_range(Invocation& call, LaunchPlan const& plan) {
  auto const range = Ipv4Cidr::parse(argument_value(plan.daemon_arguments, "--ipalloc-range", ""));
  if (!range) return;
  auto const bridge = argument_value(plan.daemon_arguments, "--weave-bridge", "weave");
  auto const overlap = overlap_warning(range->network(), bridge);
  if (!overlap) return;
  call.err << fmt::format(
      "{}\nWARNING: Specified --ipalloc-range {} overlaps with existing route on host.\n"
      "Unless this is deliberate, you must pick another range and set it on all hosts.\n",
      *overlap, range->to_string());
}

} // namespace

int run_launch(Invocation& call) {
  auto const& settings = call.settings;
  if (::geteuid() != 0 && !settings.non_empty("WEAVE_RUN_DIR")) {
    call.err << "weave launch must be run as 'root'\n";
    return 1;
  }
  auto const lock = DirectoryLock::acquire(settings.run_dir);
  auto const made = make_directory(settings.state_dir);
  auto const daemon = ApiClient::at(settings.control_socket());
  for (auto const* error :
       {lock ? nullptr : &lock.error(), made ? nullptr : &made.error(), daemon ? nullptr : &daemon.error()}) {
    if (error == nullptr) continue;
    call.err << error->text() << "\n";
    return 1;
  }
  bool const service = has_service(settings);
  if (auto const code = refusal(call, service)) return *code;
  auto const today = without_former_options(call.words);
  for (auto const& warning : today.warnings) call.err << fmt::format("WARNING: {}\n", warning);
  if (auto const file = foreign_service(settings)) call.err << fmt::format(kForeignService, *file);
  for (auto const& warning : variables_without_effect(settings)) call.err << fmt::format("WARNING: {}\n", warning);
  auto const plan = plan_launch(today.words, settings);
  if (auto const misplaced = misplaced_option(plan, settings)) {
    call.err << *misplaced << "\n";
    return 1;
  }
  warn_of_range(call, plan);
  auto stored = plan;
  bool const at_boot = !service && has_init_script(settings);
  if (!service && !at_boot) stored.password.reset(); // then it lives in the environment of supervisor and daemon only
  if (auto const saved = save_plan(settings.launch_file(), stored); !saved) {
    call.err << saved.error().text() << "\n";
    return 1;
  }
  end_stand_in(settings);
  ::unlink(settings.restart_mark().c_str());
  if (at_boot) run_init_script_at_boot(true);
  return service ? launch_service(call, plan, *daemon) : launch_supervised(call, plan, *daemon);
}

int run_boot(Invocation& call) {
  auto const& settings = call.settings;
  auto const lock = DirectoryLock::acquire(settings.run_dir);
  auto const made = make_directory(settings.state_dir);
  if (!lock || !made) {
    call.err << (lock ? made.error() : lock.error()).text() << "\n";
    return 1;
  }
  if (is_running(settings)) return 0;
  end_stand_in(settings);
  auto const plan = last_plan(settings);
  auto supervised = start_supervisor(settings, plan);
  if (!supervised) {
    call.err << supervised.error().text() << "\n";
    return 1;
  }
  // Nobody reads what goes wrong now, and what keeps the daemon down may be gone in a minute: it is started again.
  [[maybe_unused]] auto const confirmed = ::send(supervised->channel.get(), "R", 1, MSG_NOSIGNAL);
  // What comes after this may be Docker, which needs the sockets and nothing else of us. A machine does not wait
  // longer.
  constexpr auto kBootTime = 10s;
  auto sockets = plugin_sockets(plan.daemon_arguments);
  sockets.push_back(settings.control_socket());
  auto const deadline = std::chrono::steady_clock::now() + kBootTime;
  while (!std::ranges::all_of(sockets, answers)) {
    if (std::chrono::steady_clock::now() >= deadline) {
      call.err << fmt::format("weave has not started yet; {} says why\n", settings.log_file());
      return 1;
    }
    std::this_thread::sleep_for(20ms);
  }
  return 0;
}

} // namespace weave::tools
