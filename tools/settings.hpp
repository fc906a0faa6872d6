#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace weave::tools {

/// What the command takes from its environment (protocol/surfaces.md §2.3). Value type.
struct Settings {
  std::function<std::optional<std::string>(std::string_view)> variable;
  std::string run_dir = "/run/weave";       ///< WEAVE_RUN_DIR
  std::string state_dir = "/var/lib/weave"; ///< WEAVE_STATE_DIR
  std::string api_address;                  ///< WEAVE_HTTP_ADDR, else the control socket

  [[nodiscard]] static Settings of_process();
  [[nodiscard]] static Settings from(std::function<std::optional<std::string>(std::string_view)> variable);

  [[nodiscard]] std::string control_socket() const { return run_dir + "/control.sock"; }
  [[nodiscard]] std::string pid_file() const { return run_dir + "/supervisor.pid"; }
  /// Where the daemon gives the supervisor signs of life.
  [[nodiscard]] std::string notify_socket() const { return run_dir + "/notify.sock"; }
  [[nodiscard]] std::string log_file() const { return run_dir + "/weaver.log"; }
  [[nodiscard]] std::string launch_file() const { return state_dir + "/launch.conf"; }
  /// See Options::restart_mark in controller/app/options.hpp.
  [[nodiscard]] std::string restart_mark() const { return state_dir + "/restart.mark"; }
  /// Set and not empty, or nothing.
  [[nodiscard]] std::optional<std::string> non_empty(std::string_view name) const;
};

/// Where the daemon's program is: WEAVE_WEAVER, else beside this program, else in PATH; nothing if nowhere.
[[nodiscard]] std::optional<std::string> find_weaver(Settings const& settings);
/// This program's own path.
[[nodiscard]] std::string own_program();

} // namespace weave::tools
