#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/logger.hpp"
#include "base/unique_fd.hpp"
#include "tools/launch_plan.hpp"
#include "tools/life_signs.hpp"
#include "tools/run_files.hpp"
#include "tools/stand_in.hpp"

namespace weave::tools {

/// Keeps the daemon alive where no service manager does. Blocks in run() until SIGTERM or SIGINT, which it passes on,
/// killing a daemon that takes longer than 10 s. A daemon that ends by itself is started again after a pause that grows
/// from 0.1 s to 5 s while it keeps ending soon; one that gives no signs of life for WEAVE_WATCHDOG seconds (10; 0:
/// never mind) is killed, since Docker would wait for it. Leaves neither pid file nor dead sockets; if the daemon has
/// died for good, or the supervisor itself, the stand-in takes the plugin sockets over; one in waiting that is killed
/// is replaced.
///
/// Over `channel` (a socket, -1 for none) it tells `weave launch` of a daemon that ends before launch has said that it
/// works (one byte); then it gives up instead of starting it again. If launch goes away without a word, the daemon
/// stays.
class Supervisor {
 public:
  struct Plan {
    std::string weaver;
    LaunchPlan launch;
    Settings settings;
    int channel = -1;
    StandInWaiting stand_in; ///< start_stand_in_waiting()
  };

  Supervisor(Plan plan, PidFile pid_file, Logger log);

  /// The exit status for this process.
  [[nodiscard]] int run();

 private:
  using Clock = std::chrono::steady_clock;

  void open_life_signs();
  void start();
  void on_signals();
  void on_channel();
  void on_time();
  void on_no_signs();
  void on_ended(int status);
  void stop();
  void schedule_restart();
  void write_pids() const;
  void remove_dead_sockets() const;
  [[nodiscard]] int poll_timeout() const;

  Plan plan_;
  PidFile pid_file_;
  Logger log_;
  UniqueFd signals_;
  UniqueFd channel_;
  std::optional<LifeSigns> signs_;
  pid_t daemon_ = 0;
  bool confirmed_;
  bool stopping_ = false;
  bool died_ = false; ///< and is not to be started again
  std::optional<int> finished_;
  Clock::time_point started_at_{};
  std::optional<Clock::time_point> restart_at_;
  std::optional<Clock::time_point> kill_at_;
  std::optional<Clock::time_point> stand_in_at_; ///< the one in waiting has died
  std::chrono::milliseconds pause_;
};

} // namespace weave::tools
