#include "tools/process.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <filesystem>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/unique_fd.hpp"
#include "base/whole_file.hpp"

namespace weave::tools {
namespace {

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (auto& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> buffer{};
  while (true) {
    auto const size = ::read(fd, buffer.data(), buffer.size());
    if (size > 0) {
      text.append(buffer.data(), static_cast<std::size_t>(size));
    } else if (size == 0 || errno != EINTR) {
      return text;
    }
  }
}

} // namespace

Result<ProgramResult> run_program(std::vector<std::string> const& words) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return std::unexpected{system_error("pipe", errno)};
  UniqueFd const reader{ends[0]};
  UniqueFd writer{ends[1]};
  posix_spawn_file_actions_t actions{};
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, writer.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, writer.get(), STDERR_FILENO);
  auto copy = words;
  pid_t child = 0;
  auto const error = ::posix_spawnp(&child, copy[0].c_str(), &actions, nullptr, pointers(copy).data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return std::unexpected{system_error(words[0], error)};
  writer.reset();
  ProgramResult result{.status = 0, .output = read_all(reader.get())};
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  result.status = exit_status(status);
  return result;
}

Error become_program(std::vector<std::string> const& words) {
  auto copy = words;
  ::execvp(copy[0].c_str(), pointers(copy).data());
  return system_error(words[0], errno);
}

std::vector<pid_t> find_processes(std::function<bool(pid_t)> const& condition) {
  std::vector<pid_t> found;
  std::error_code error;
  auto const space = std::filesystem::read_symlink("/proc/self/ns/pid", error);
  std::filesystem::directory_iterator entry{"/proc", error};
  for (; !error && entry != std::filesystem::directory_iterator{}; entry.increment(error)) {
    auto const name = entry->path().filename().string();
    pid_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ec != std::errc{}) continue;
    // A container's processes are seen here too, and have a weave of their own.
    std::error_code gone;
    if (condition(pid) && std::filesystem::read_symlink(entry->path() / "ns/pid", gone) == space) found.push_back(pid);
  }
  return found;
}

bool command_line_ends(pid_t pid, std::vector<std::string> const& words) {
  auto const line = whole_file(fmt::format("/proc/{}/cmdline", pid));
  std::string end{'\0'};
  for (auto const& word : words) end += word + '\0';
  return line.ends_with(end);
}

int exit_status(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

} // namespace weave::tools
