#pragma once

#include <optional>
#include <string>
#include <sys/types.h>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace weave::tools {

/// An exclusive lock on a directory, so that it leaves no file behind: one launch, stop or reset at a time. Released
/// with the object.
class DirectoryLock {
 public:
  /// Makes the directory if need be, and waits for whoever has it.
  [[nodiscard]] static Result<DirectoryLock> acquire(std::string const& directory);

 private:
  explicit DirectoryLock(UniqueFd fd) : fd_{std::move(fd)} {}

  UniqueFd fd_;
};

/// Who runs, as process ids; 0 for nobody.
struct RunningProcesses {
  pid_t supervisor = 0;
  pid_t daemon = 0;
};

/// The supervisor's pid file. Its lock, not its text, says that something runs: the descriptor is inherited by the
/// daemon, so the lock lasts as long as either lives, whatever ended the other.
class PidFile {
 public:
  /// Fails with already_exists if somebody has it.
  [[nodiscard]] static Result<PidFile> claim(std::string const& path);
  void write(RunningProcesses const& processes) const;

  /// Whether a process other than us has it now.
  [[nodiscard]] static bool is_held(std::string const& path);
  /// The processes named in a held file, each only if it really has the file open: a number that now belongs to
  /// somebody else is 0.
  [[nodiscard]] static RunningProcesses holders(std::string const& path);

 private:
  explicit PidFile(UniqueFd fd) : fd_{std::move(fd)} {}

  UniqueFd fd_;
};

/// Whether somebody listens on a Unix socket.
[[nodiscard]] bool answers(std::string const& socket_path);
/// The process that listens on a Unix socket; nothing if nobody does.
[[nodiscard]] std::optional<pid_t> listener(std::string const& socket_path);
/// Removes a socket file nobody listens on, so that who connects fails at once.
void remove_dead_socket(std::string const& path);

/// mkdir -p.
[[nodiscard]] Result<void> make_directory(std::string const& path);

} // namespace weave::tools
