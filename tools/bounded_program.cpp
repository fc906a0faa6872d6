#include "tools/bounded_program.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/unique_fd.hpp"

namespace weave::tools {
namespace {

using Clock = std::chrono::steady_clock;

/// Starts it as the leader of a process group of its own, with both streams in `output`.
Result<pid_t> start(std::vector<std::string> words, int output) {
  posix_spawn_file_actions_t actions{};
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  posix_spawnattr_t attributes{};
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  auto const error = ::posix_spawnp(&child, arguments[0], &actions, &attributes, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0) return std::unexpected{system_error(words[0], error)};
  return child;
}

/// Until the end of the output; false: the time was over before.
bool read_until(int fd, Clock::time_point end, std::string& text) {
  std::array<char, 4096> buffer{};
  while (true) {
    auto const left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    pollfd poll_fd{.fd = fd, .events = POLLIN, .revents = 0};
    auto const ready = ::poll(&poll_fd, 1, static_cast<int>(std::max<long>(left.count(), 0)));
    if (ready == 0) return false;
    if (ready < 0 && errno == EINTR) continue;
    auto const size = ::read(fd, buffer.data(), buffer.size());
    if (size > 0) {
      text.append(buffer.data(), static_cast<std::size_t>(size));
    } else if (size == 0 || errno != EINTR) {
      return true;
    }
  }
}

} // namespace

Result<ProgramResult> run_program_within(std::vector<std::string> const& words, std::chrono::milliseconds limit) {
  auto const end = Clock::now() + limit;
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return std::unexpected{system_error("pipe", errno)};
  UniqueFd const reader{ends[0]};
  UniqueFd writer{ends[1]};
  auto const child = start(words, writer.get());
  if (!child) return failure_of(child);
  writer.reset();
  ProgramResult result;
  bool const ended = read_until(reader.get(), end, result.output);
  if (!ended) ::kill(-*child, SIGKILL);
  int status = 0;
  while (::waitpid(*child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!ended) {
    auto const seconds = std::chrono::duration<double>(limit).count();
    return failure(ErrorKind::timed_out, fmt::format("'{}' was not done within {:.1f} s", words[0], seconds));
  }
  result.status = exit_status(status);
  return result;
}

} // namespace weave::tools
