#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "tools/settings.hpp"

namespace weave::tools {

/// How the daemon is to be started. Value type.
struct LaunchPlan {
  std::vector<std::string> daemon_arguments;
  std::optional<std::string> password; ///< goes into the daemon's environment, never on its command line
  bool restart = true;

  friend bool operator==(LaunchPlan const&, LaunchPlan const&) = default;
};

/// From the words after `weave launch` and the WEAVE_… variables (protocol/surfaces.md §2.3, §3.1). What launch
/// consumes itself may stand anywhere; the rest is the daemon's to judge and keeps its order, after what the variables
/// say.
[[nodiscard]] LaunchPlan plan_launch(std::vector<std::string> const& words, Settings const& settings);

/// As kept in the state directory, one `key value` line each.
[[nodiscard]] std::string format_plan(LaunchPlan const& plan);
[[nodiscard]] Result<LaunchPlan> parse_plan(std::string_view text);
/// The file is readable by its owner only.
[[nodiscard]] Result<void> save_plan(std::string const& path, LaunchPlan const& plan);
[[nodiscard]] Result<LaunchPlan> load_plan(std::string const& path);

/// What starts the daemon again without anybody naming peers: as launched last, else for the peers of
/// /etc/default/weave (PEERS). A password that is not kept with it is that of the environment.
[[nodiscard]] LaunchPlan last_plan(Settings const& settings);

/// Why these are no arguments of a daemon that the other commands find, and what to do instead; nothing if they are.
[[nodiscard]] std::optional<std::string> misplaced_option(LaunchPlan const& plan, Settings const& settings);

/// The name that the bridge was launched with.
[[nodiscard]] std::string overlay_bridge(Settings const& settings);

/// The value of the last `name=value` or `name value`, or the fallback.
[[nodiscard]] std::string argument_value(std::vector<std::string> const& arguments, std::string_view name,
                                         std::string_view fallback);
/// Where this daemon puts its plugin sockets.
[[nodiscard]] std::vector<std::string> plugin_sockets(std::vector<std::string> const& arguments);
/// Whether the plugin is on, with the sockets that weave-plugin.socket holds.
[[nodiscard]] bool has_usual_plugin_sockets(std::vector<std::string> const& arguments);

} // namespace weave::tools
