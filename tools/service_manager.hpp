#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "tools/settings.hpp"

/// systemd, through systemctl. Used where it is init and weave.service is the one this project installs; everywhere
/// else (no systemd, other directories, WEAVE_SUPERVISOR=own) the supervisor keeps the daemon. An init script, where
/// there is one, starts that at boot.
namespace weave::tools {

[[nodiscard]] bool has_service(Settings const& settings);
/// The file of a weave.service that hides this project's, such as the one of Weave Net's documents.
[[nodiscard]] std::optional<std::string> foreign_service(Settings const& settings);

enum class ServiceState { inactive, starting, running, failed };

[[nodiscard]] ServiceState service_state();
/// How often systemd has started it again, or is about to, since it was last started by hand.
[[nodiscard]] int service_restarts();

/// Does not wait until it is ready. Without `restart` a daemon that ends stays down. Makes it come back at boot. With
/// `plugin_sockets` systemd holds these, so that Docker finds them while the daemon starts.
[[nodiscard]] bool start_service(bool restart, bool plugin_sockets);
/// Waits until it has ended. It does not come back at boot.
bool stop_service();
/// What it logged since then.
[[nodiscard]] std::string service_log(std::chrono::system_clock::time_point since);

/// Whether the machine boots by init scripts and has the one of this project's package, which starts the supervisor.
[[nodiscard]] bool has_init_script(Settings const& settings);
/// Whether it is to run at boot.
void run_init_script_at_boot(bool run);

} // namespace weave::tools
