#include "datapath/link/firewall.hpp"

#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <spawn.h>
#include <sys/wait.h>
#include <utility>

#include <fmt/format.h>

extern char** environ;

namespace weave::datapath {
namespace {

constexpr auto kFilterSysctl = "/proc/sys/net/bridge/bridge-nf-call-iptables";
// One rule is ours; more can only be left-overs, and a bound ends the loop if iptables misbehaves.
constexpr int kMostCopies = 16;

} // namespace

Result<int> run_command(std::vector<std::string> const& command) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (auto const& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  pid_t pid = 0;
  int const error = posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error == ENOENT) return failure(ErrorKind::not_found, fmt::format("{}: not found", command[0]));
  if (error != 0) return std::unexpected{system_error(command[0], error)};
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return std::unexpected{system_error(command[0], errno)};
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

ForwardRules::ForwardRules(std::string bridge, Run run)
    : bridge_{std::move(bridge)}, run_{run ? std::move(run) : Run{run_command}} {}

std::vector<std::string> ForwardRules::rule(std::string const& action) const {
  return {"iptables", "-w", "5", action, "FORWARD", "-i", bridge_, "-o", bridge_, "-j", "ACCEPT"};
}

Result<void> ForwardRules::ensure() const {
  auto const present = run_(rule("-C"));
  if (!present) {
    if (present.error().kind() == ErrorKind::not_found) return {};
    return failure_of(present);
  }
  if (*present == 0) return {};
  auto const inserted = run_(rule("-I"));
  if (!inserted) return failure_of(inserted);
  if (*inserted != 0) {
    return failure(ErrorKind::system,
                   fmt::format("iptables refuses a rule for bridge {} (exit status {})", bridge_, *inserted));
  }
  return {};
}

Result<void> ForwardRules::remove() const {
  for (int i = 0; i < kMostCopies; ++i) {
    auto const deleted = run_(rule("-D"));
    if (!deleted) {
      if (deleted.error().kind() == ErrorKind::not_found) return {};
      return failure_of(deleted);
    }
    if (*deleted != 0) return {};
  }
  return {};
}

bool ForwardRules::bridged_frames_are_filtered() {
  std::ifstream in{kFilterSysctl};
  int value = 0;
  return in >> value && value != 0;
}

} // namespace weave::datapath
