#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "tools/settings.hpp"

namespace weave::tools {

/// One call of a sub-command: the words after its name, and where it reads and prints.
struct Invocation {
  std::vector<std::string> words;
  Settings const& settings;
  std::ostream& out;
  std::ostream& err;
  std::string_view name = {}; ///< the sub-command, for those that answer to several names

  /// Takes every `flag` out of the words; whether there was one.
  bool take_flag(std::string_view flag);
};

/// The whole program: finds the sub-command and runs it. `words` without the program's name.
[[nodiscard]] int run_command_line(std::vector<std::string> words, Settings const& settings, std::ostream& out,
                                   std::ostream& err);

/// Prints the usage on `err`; gives `code` (0 when asked for, 1 for misuse).
int usage(std::ostream& err, int code);

// The sub-commands, one file each or a few that belong together. All give the exit status.
int run_attach(Invocation& call);
int run_attach_bridge(Invocation& call);
int run_boot(Invocation& call);
int run_bridge_type(Invocation& call);
int run_connect(Invocation& call);
int run_detach(Invocation& call);
int run_dns_add(Invocation& call);
int run_dns_args(Invocation& call);
int run_dns_lookup(Invocation& call);
int run_dns_remove(Invocation& call);
int run_docker_bridge_ip(Invocation& call);
int run_doctor(Invocation& call);
int run_expose(Invocation& call);
int run_forget(Invocation& call);
int run_help(Invocation& call);
int run_hide(Invocation& call);
int run_launch(Invocation& call);
int run_launch_plugin(Invocation& call);
int run_prime(Invocation& call);
int run_proxy_settings(Invocation& call);
int run_ps(Invocation& call);
int run_report(Invocation& call);
int run_reset(Invocation& call);
int run_rmpeer(Invocation& call);
int run_setup(Invocation& call);
int run_status(Invocation& call);
int run_stop(Invocation& call);
int run_stop_plugin(Invocation& call);
int run_stop_proxy(Invocation& call);
int run_version(Invocation& call);
/// Names of former versions that say what to do instead.
int run_removed(Invocation& call);
/// Hidden: what `weave launch` leaves behind to keep the daemon alive.
int run_stand_in(Invocation& call);
int run_supervise(Invocation& call);
/// Hidden: what weave.service starts; becomes the daemon.
int run_daemon(Invocation& call);
/// Hidden: what Docker's managed plugin starts; becomes the daemon.
int run_managed_plugin(Invocation& call);

} // namespace weave::tools
