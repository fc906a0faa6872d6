#include "tools/run_files.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fmt/format.h>

namespace weave::tools {
namespace {

bool has_open(pid_t pid, struct stat const& wanted) {
  std::error_code error;
  auto const directory = fmt::format("/proc/{}/fd", pid);
  for (auto const& entry : std::filesystem::directory_iterator{directory, error}) {
    struct stat found {};
    if (::stat(entry.path().c_str(), &found) == 0 && found.st_dev == wanted.st_dev && found.st_ino == wanted.st_ino) {
      return true;
    }
  }
  return false;
}

/// A connected descriptor, or none.
UniqueFd connected(std::string const& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return {};
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  auto const* target = static_cast<sockaddr const*>(static_cast<void const*>(&address));
  if (!fd || (::connect(fd.get(), target, sizeof address) != 0 && errno != EAGAIN)) return {};
  return fd;
}

} // namespace

Result<DirectoryLock> DirectoryLock::acquire(std::string const& directory) {
  while (true) {
    if (auto const made = make_directory(directory); !made) return failure_of(made);
    UniqueFd fd{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!fd) return std::unexpected{system_error(directory, errno)};
    while (::flock(fd.get(), LOCK_EX) != 0) {
      if (errno != EINTR) return std::unexpected{system_error(directory, errno)};
    }
    // Whoever had it may have removed the directory; then this is a lock on nothing.
    struct stat held {};
    struct stat named {};
    if (::fstat(fd.get(), &held) == 0 && ::stat(directory.c_str(), &named) == 0 && held.st_ino == named.st_ino) {
      return DirectoryLock{std::move(fd)};
    }
  }
}

Result<PidFile> PidFile::claim(std::string const& path) {
  UniqueFd fd{::open(path.c_str(), O_RDWR | O_CREAT, 0644)}; // inherited by the daemon on purpose
  if (!fd) return std::unexpected{system_error(path, errno)};
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return failure(ErrorKind::already_exists, fmt::format("{} is locked", path));
    return std::unexpected{system_error(path, errno)};
  }
  return PidFile{std::move(fd)};
}

void PidFile::write(RunningProcesses const& processes) const {
  // Always the same length, so that no reader meets an empty file.
  auto const text = fmt::format("{:<10}\n{:<10}\n", processes.supervisor, processes.daemon);
  [[maybe_unused]] auto const written = ::pwrite(fd_.get(), text.data(), text.size(), 0);
}

bool PidFile::is_held(std::string const& path) {
  UniqueFd const fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  return fd && ::flock(fd.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

RunningProcesses PidFile::holders(std::string const& path) {
  RunningProcesses processes;
  struct stat file {};
  if (!is_held(path) || ::stat(path.c_str(), &file) != 0) return processes;
  std::ifstream text{path};
  text >> processes.supervisor >> processes.daemon;
  for (auto* pid : {&processes.supervisor, &processes.daemon}) {
    if (*pid <= 0 || !has_open(*pid, file)) *pid = 0;
  }
  return processes;
}

bool answers(std::string const& socket_path) { return static_cast<bool>(connected(socket_path)); }

std::optional<pid_t> listener(std::string const& socket_path) {
  auto const fd = connected(socket_path);
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (!fd || ::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return std::nullopt;
  return credentials.pid > 0 ? std::optional{credentials.pid} : std::nullopt;
}

void remove_dead_socket(std::string const& path) {
  struct stat file {};
  if (::lstat(path.c_str(), &file) == 0 && S_ISSOCK(file.st_mode) && !answers(path)) ::unlink(path.c_str());
}

Result<void> make_directory(std::string const& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return std::unexpected{system_error(path, error.value())};
  return {};
}

} // namespace weave::tools
