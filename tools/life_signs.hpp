#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace weave::tools {

/// Seconds, perhaps with a fraction, up to a day; 0 or less than a millisecond: never mind. None: no such number.
[[nodiscard]] std::optional<std::chrono::milliseconds> watchdog_limit(std::string_view text);

/// The supervisor's end of systemd's sd_notify protocol: a process that gave signs of life and then gives none for too
/// long is stopped or stuck. One that never gave any, as it has not come that far, is left alone. Time in which we did
/// not run ourselves (a suspended machine) does not count. One thread.
class LifeSigns {
 public:
  using Clock = std::chrono::steady_clock;
  /// To be asked at least this often while a process is watched.
  static constexpr std::chrono::milliseconds kCheckInterval{1000};

  /// Listens on the socket at `path`, and puts it and `limit` into the environment, for children to find.
  [[nodiscard]] static Result<LifeSigns> open(std::string path, std::chrono::milliseconds limit);
  LifeSigns(LifeSigns&&) = default;
  LifeSigns& operator=(LifeSigns&&) = default;
  ~LifeSigns();

  [[nodiscard]] int fd() const { return socket_.get(); }
  /// Whose signs count from now on; nothing is expected of it yet. 0: nobody.
  void watch(pid_t process);
  /// Takes the signs that have come; then whether there have been none for the limit.
  [[nodiscard]] bool overdue(Clock::time_point now);
  /// Whether overdue() may become true without another call of watch().
  [[nodiscard]] bool expects_signs() const { return last_sign_.has_value(); }
  [[nodiscard]] std::chrono::milliseconds limit() const { return limit_; }

 private:
  LifeSigns(UniqueFd socket, std::string path, std::chrono::milliseconds limit)
      : socket_{std::move(socket)}, path_{std::move(path)}, limit_{limit} {}
  /// Whether one of them was a sign of the process.
  [[nodiscard]] bool receive();

  UniqueFd socket_;
  std::string path_;
  std::chrono::milliseconds limit_;
  pid_t process_ = 0;
  std::optional<Clock::time_point> last_sign_;
  Clock::time_point last_check_{};
};

} // namespace weave::tools
