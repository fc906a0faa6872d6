#include "tools/supervisor.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "tools/log_tail.hpp"
#include "tools/process.hpp"

namespace weave::tools {
namespace {

using namespace std::chrono_literals;

constexpr auto kFirstPause = 100ms;
constexpr auto kLongestPause = 5000ms;
/// A daemon that lived this long was well; the next pause is the first again.
constexpr auto kGoodLife = 10s;
constexpr auto kGrace = 10s;
constexpr auto kStandInPause = 1s;
constexpr auto kLogCheck = 10s;
/// What Docker may have to wait for.
constexpr auto kSilence = 10s;
constexpr std::uint64_t kLogLimit = 4U << 20U;

sigset_t watched_signals() {
  sigset_t set{};
  ::sigemptyset(&set);
  for (int const number : {SIGTERM, SIGINT, SIGCHLD}) ::sigaddset(&set, number);
  return set;
}

std::string how_it_ended(int status) {
  return WIFSIGNALED(status) ? fmt::format("was killed by signal {}", WTERMSIG(status))
                             : fmt::format("ended with exit status {}", WEXITSTATUS(status));
}

/// Starts a program with the default signal mask; stdin, stdout and stderr are ours. 0 with errno set on failure.
pid_t spawn(std::vector<std::string> words) {
  std::vector<char*> pointers;
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  posix_spawnattr_t attributes{};
  ::posix_spawnattr_init(&attributes);
  sigset_t none{};
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  sigset_t defaults{};
  ::sigemptyset(&defaults);
  ::sigaddset(&defaults, SIGPIPE); // ignored here, and that would be inherited
  ::posix_spawnattr_setsigdefault(&attributes, &defaults);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t child = 0;
  auto const error = ::posix_spawnp(&child, pointers[0], nullptr, &attributes, pointers.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  errno = error;
  return error == 0 ? child : 0;
}

} // namespace

Supervisor::Supervisor(Plan plan, PidFile pid_file, Logger log)
    : plan_{std::move(plan)},
      pid_file_{std::move(pid_file)},
      log_{std::move(log)},
      channel_{plan_.channel},
      confirmed_{plan_.channel < 0},
      pause_{kFirstPause} {
  auto const set = watched_signals();
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  signals_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (channel_) ::fcntl(channel_.get(), F_SETFD, FD_CLOEXEC);
}

void Supervisor::open_life_signs() {
  std::chrono::milliseconds limit = kSilence;
  if (auto const wanted = plan_.settings.non_empty("WEAVE_WATCHDOG")) {
    if (auto const given = watchdog_limit(*wanted)) {
      limit = *given;
    } else {
      log_.warning("WEAVE_WATCHDOG is no number of seconds: {}", *wanted);
    }
  }
  if (limit == 0ms) return;
  auto opened = LifeSigns::open(plan_.settings.notify_socket(), limit);
  if (!opened) return log_.warning("a weaver that hangs will not be noticed: {}", opened.error().text());
  signs_ = *std::move(opened);
}

int Supervisor::run() {
  write_pids();
  open_life_signs();
  start();
  while (!finished_) {
    std::array<pollfd, 3> fds{pollfd{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                              pollfd{.fd = channel_.get(), .events = POLLIN, .revents = 0},
                              pollfd{.fd = signs_ ? signs_->fd() : -1, .events = POLLIN, .revents = 0}};
    if (::poll(fds.data(), fds.size(), poll_timeout()) < 0 && errno != EINTR) break;
    if (fds[1].revents != 0) on_channel();
    if (fds[0].revents != 0) on_signals();
    if (signs_ && signs_->overdue(Clock::now())) on_no_signs();
    on_time();
  }
  if (died_) {
    remove_dead_socket(plan_.settings.control_socket());
  } else {
    remove_dead_sockets();
    end_stand_in_waiting(plan_.stand_in);
  }
  ::unlink(plan_.settings.pid_file().c_str());
  return finished_.value_or(1);
}

void Supervisor::start() {
  restart_at_.reset();
  std::vector<std::string> words{plan_.weaver};
  words.insert(words.end(), plan_.launch.daemon_arguments.begin(), plan_.launch.daemon_arguments.end());
  started_at_ = Clock::now();
  daemon_ = spawn(std::move(words));
  if (daemon_ == 0) {
    log_.error("{}", system_error(plan_.weaver, errno).text());
    if (!confirmed_) finished_ = 1;
    schedule_restart();
  }
  if (signs_) signs_->watch(daemon_);
  write_pids();
}

void Supervisor::on_signals() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (info.ssi_signo != SIGCHLD) stop();
  }
  int status = 0;
  for (pid_t ended = 0; (ended = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    if (ended == daemon_) on_ended(status);
    if (ended == plan_.stand_in.pid) stand_in_at_ = Clock::now() + kStandInPause;
  }
}

void Supervisor::on_channel() {
  char byte = 0;
  auto const size = ::read(channel_.get(), &byte, 1);
  if (size < 0 && (errno == EINTR || errno == EAGAIN)) return;
  confirmed_ = true;
  channel_.reset();
}

void Supervisor::on_time() {
  auto const now = Clock::now();
  if (kill_at_ && now >= *kill_at_ && daemon_ > 0) {
    log_.warning("weaver does not end; killing it");
    ::kill(daemon_, SIGKILL);
    kill_at_.reset();
  }
  if (restart_at_ && now >= *restart_at_ && !finished_) start();
  if (stand_in_at_ && now >= *stand_in_at_ && !finished_) {
    plan_.stand_in = start_stand_in_waiting(plan_.settings);
    stand_in_at_.reset();
    if (plan_.stand_in.pid == 0) stand_in_at_ = now + kLogCheck;
  }
  bound_log(plan_.settings.log_file(), kLogLimit);
}

void Supervisor::on_no_signs() {
  signs_->watch(0);
  if (daemon_ <= 0 || stopping_) return;
  log_.error("weaver has given no sign of life for {} s: it hangs, or somebody has stopped it; killing it",
             std::chrono::duration<double>{signs_->limit()}.count());
  ::kill(daemon_, SIGKILL);
}

void Supervisor::on_ended(int status) {
  daemon_ = 0;
  if (signs_) signs_->watch(0);
  write_pids();
  if (stopping_) {
    finished_ = 0;
    return;
  }
  died_ = confirmed_ && !plan_.launch.restart;
  if (!died_) remove_dead_sockets();
  if (!confirmed_) {
    auto const text = fmt::format("weaver {}\n", how_it_ended(status));
    [[maybe_unused]] auto const written = ::write(channel_.get(), text.data(), text.size());
    finished_ = 1;
  } else if (died_) {
    log_.error("weaver {}", how_it_ended(status));
    finished_ = 1;
  } else {
    if (Clock::now() - started_at_ >= kGoodLife) pause_ = kFirstPause;
    log_.error("weaver {}; starting it again in {} ms", how_it_ended(status), pause_.count());
    schedule_restart();
  }
}

void Supervisor::stop() {
  if (std::exchange(stopping_, true)) return;
  restart_at_.reset();
  if (daemon_ == 0) {
    finished_ = 0;
    return;
  }
  ::kill(daemon_, SIGTERM);
  kill_at_ = Clock::now() + kGrace;
}

void Supervisor::schedule_restart() {
  restart_at_ = Clock::now() + pause_;
  pause_ = std::min<std::chrono::milliseconds>(pause_ * 2, kLongestPause);
}

void Supervisor::write_pids() const { pid_file_.write({.supervisor = ::getpid(), .daemon = daemon_}); }

void Supervisor::remove_dead_sockets() const {
  remove_dead_socket(plan_.settings.control_socket());
  for (auto const& path : plugin_sockets(plan_.launch.daemon_arguments)) remove_dead_socket(path);
}

int Supervisor::poll_timeout() const {
  auto next = Clock::now() + kLogCheck;
  if (restart_at_) next = std::min(next, *restart_at_);
  if (kill_at_) next = std::min(next, *kill_at_);
  if (stand_in_at_) next = std::min(next, *stand_in_at_);
  if (signs_ && signs_->expects_signs()) next = std::min(next, Clock::now() + LifeSigns::kCheckInterval);
  auto const wait = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now());
  return static_cast<int>(std::max<std::chrono::milliseconds::rep>(wait.count(), 0));
}

} // namespace weave::tools
