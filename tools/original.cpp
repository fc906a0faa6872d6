#include "tools/original.hpp"

#include <chrono>
#include <vector>

#include <fmt/format.h>

#include "controller/docker/original_container.hpp"
#include "tools/docker_answer.hpp"

namespace weave::tools {
namespace {

namespace docker = controller::docker;

constexpr std::chrono::milliseconds kDaemonTime{1'000};
constexpr std::chrono::milliseconds kDatabaseTime{2'000};

} // namespace

std::optional<std::string> original_database(Settings const& settings) {
  auto const engine = docker_endpoint(settings);
  if (!engine) return std::nullopt;
  if (settings.state_dir == Settings{}.state_dir) return docker::locate_original_database(*engine, "/", kDatabaseTime);
  // One of several on this host: only what its own engine says is its business.
  return docker::find_original_database(*engine, kDatabaseTime).value_or(std::nullopt);
}

std::optional<std::string> running_original(Invocation& call, std::string_view command) {
  auto const engine = docker_endpoint(call.settings);
  if (!engine) return std::nullopt;
  auto const found = docker::find_original_daemon(*engine, kDaemonTime);
  if (!found || !*found) return std::nullopt;
  if ((*found)->running) {
    return fmt::format("Weave Net is running in container weave; stop it with 'docker stop weave', then {} again\n",
                       command);
  }
  if (!(*found)->restarts) return std::nullopt;
  if (docker::end_restarts(*engine, kDaemonTime)) {
    call.err << "Docker will not start the container weave of Weave Net again when it starts itself: its restart "
                "policy is 'no' now\n";
  } else {
    call.err << "WARNING: Docker starts the container weave of Weave Net again when it starts itself; remove it with "
                "'docker rm weave'\n";
  }
  return std::nullopt;
}

std::optional<std::string> working_original(Settings const& settings, std::optional<std::string> const& database,
                                            std::string_view command) {
  std::vector<std::string> files{settings.state_dir + "/weavedata.db", settings.state_dir + "/weave-netdata.db"};
  if (database) files.push_back(*database);
  for (auto const& file : files) {
    if (!docker::is_database_in_use(file)) continue;
    return fmt::format("Weave Net is running: it has {} open; stop it, then {} again\n", file, command);
  }
  return std::nullopt;
}

} // namespace weave::tools
