#include "base/process/subprocess.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/unique_fd.hpp"

extern char** environ;

namespace weave {
namespace {

/// A file in memory for each stream: unlike a pipe it never makes either side wait.
class Streams {
 public:
  [[nodiscard]] Result<void> open(std::string_view input) {
    for (auto& file : files_) {
      file = UniqueFd{::memfd_create("weave-command", MFD_CLOEXEC)};
      if (!file) return std::unexpected{system_error("memfd_create", errno)};
    }
    if (::write(files_[0].get(), input.data(), input.size()) != static_cast<ssize_t>(input.size())) {
      return std::unexpected{system_error("write", errno)};
    }
    if (::lseek(files_[0].get(), 0, SEEK_SET) < 0) return std::unexpected{system_error("lseek", errno)};
    return {};
  }
  void give(posix_spawn_file_actions_t& actions) const {
    for (std::size_t i = 0; i < files_.size(); ++i) {
      posix_spawn_file_actions_adddup2(&actions, files_[i].get(), static_cast<int>(i));
    }
  }
  [[nodiscard]] std::string text_of(std::size_t stream) const {
    std::string text;
    std::array<char, 4096> piece{};
    for (off_t at = 0;;) {
      auto const got = ::pread(files_[stream].get(), piece.data(), piece.size(), at);
      if (got <= 0) return text;
      text.append(piece.data(), static_cast<std::size_t>(got));
      at += got;
    }
  }

 private:
  std::array<UniqueFd, 3> files_;
};

/// Waits for its end, at most until the deadline: then it is killed. Its wait status.
Result<int> wait_for(pid_t pid, std::string const& name, std::chrono::milliseconds limit) {
  UniqueFd const handle{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  bool killed = false;
  if (handle) {
    pollfd ended{.fd = handle.get(), .events = POLLIN, .revents = 0};
    auto const end = std::chrono::steady_clock::now() + limit;
    int ready = -1;
    while (ready < 0) {
      auto const left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
      ready = ::poll(&ended, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
      if (ready < 0 && errno != EINTR) break;
    }
    killed = ready == 0;
    if (killed) (void)::kill(-pid, SIGKILL);
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return std::unexpected{system_error(name, errno)};
  }
  if (!killed) return status;
  return failure(ErrorKind::timed_out, fmt::format("{} did not end within {} ms", name, limit.count()));
}

} // namespace

Result<CommandResult> converse_within(std::chrono::milliseconds limit, std::vector<std::string> const& command,
                                      std::string_view input) {
  Streams streams;
  if (auto const opened = streams.open(input); !opened) return failure_of(opened);
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (auto const& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  streams.give(actions);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  pid_t pid = 0;
  int const error = posix_spawnp(&pid, arguments[0], &actions, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error == ENOENT) return failure(ErrorKind::not_found, fmt::format("{}: not found", command[0]));
  if (error != 0) return std::unexpected{system_error(command[0], error)};
  auto const status = wait_for(pid, command[0], limit);
  if (!status) return failure_of(status);
  return CommandResult{.status = WIFEXITED(*status) ? WEXITSTATUS(*status) : 128 + WTERMSIG(*status),
                       .output = streams.text_of(1),
                       .errors = streams.text_of(2)};
}

Result<CommandResult> converse_with(std::vector<std::string> const& command, std::string_view input) {
  return converse_within(kCommandLimit, command, input);
}

Result<int> run_command(std::vector<std::string> const& command) {
  auto const result = converse_with(command, {});
  if (!result) return failure_of(result);
  return result->status;
}

} // namespace weave
