#include "tools/service_manager.hpp"

#include <charconv>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "tools/process.hpp"
#include "tools/run_files.hpp"

namespace weave::tools {
namespace {

constexpr auto kService = "weave.service";
constexpr auto kOurStart = "run-daemon";
constexpr auto kSocket = "weave-plugin.socket";
constexpr auto kInitScript = "/etc/init.d/weave";
constexpr auto kDropInDirectory = "/run/systemd/system/weave.service.d";

bool systemctl(std::vector<std::string> words) {
  words.insert(words.begin(), "systemctl");
  auto const result = run_program(words);
  return result && result->status == 0;
}

std::string property(std::string const& name) {
  auto const result = run_program({"systemctl", "show", "--value", "--property=" + name, kService});
  if (!result || result->status != 0) return {};
  return result->output.substr(0, result->output.find('\n'));
}

bool has_usual_directories(Settings const& settings) {
  return settings.run_dir == Settings{}.run_dir && settings.state_dir == Settings{}.state_dir;
}

bool is_systemd_init() {
  std::error_code error;
  return std::filesystem::is_directory("/run/systemd/system", error);
}

bool uses_systemd(Settings const& settings) {
  return has_usual_directories(settings) && settings.variable("WEAVE_SUPERVISOR") != "own" && is_systemd_init();
}

/// `Restart=no` for this run of the machine, or the unit's own setting again.
void set_restart(bool restart) {
  std::error_code error;
  auto const file = std::string{kDropInDirectory} + "/no-restart.conf";
  bool const changed = restart == std::filesystem::exists(file, error);
  if (!changed) return;
  if (restart) {
    std::filesystem::remove(file, error);
    std::filesystem::remove(kDropInDirectory, error); // unless somebody else has a file in it
  } else if (make_directory(kDropInDirectory)) {
    std::ofstream{file} << "[Service]\nRestart=no\n";
  }
  (void)systemctl({"daemon-reload"});
}

} // namespace

bool has_service(Settings const& settings) {
  return uses_systemd(settings) && property("ExecStart").find(kOurStart) != std::string::npos;
}

std::optional<std::string> foreign_service(Settings const& settings) {
  if (!uses_systemd(settings)) return std::nullopt;
  auto const start = property("ExecStart");
  if (start.empty() || start.find(kOurStart) != std::string::npos) return std::nullopt;
  return property("FragmentPath");
}

ServiceState service_state() {
  auto const state = property("ActiveState");
  if (state == "active" || state == "reloading") return ServiceState::running;
  if (state == "activating" || state == "deactivating") return ServiceState::starting;
  return state == "failed" ? ServiceState::failed : ServiceState::inactive;
}

int service_restarts() {
  auto const text = property("NRestarts");
  int count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  return property("SubState") == "auto-restart" ? count + 1 : count; // counted only when its pause is over
}

bool start_service(bool restart, bool plugin_sockets) {
  set_restart(restart);
  (void)systemctl({"enable", "--quiet", kService});
  (void)systemctl({plugin_sockets ? "enable" : "disable", "--quiet", "--now", kSocket});
  (void)systemctl({"reset-failed", kService});
  return systemctl({"start", "--no-block", kService});
}

bool stop_service() {
  (void)systemctl({"disable", "--quiet", kService, kSocket});
  bool const stopped = systemctl({"stop", kSocket, kService});
  set_restart(true);
  return stopped;
}

std::string service_log(std::chrono::system_clock::time_point since) {
  auto const microseconds = std::chrono::duration_cast<std::chrono::microseconds>(since.time_since_epoch()).count();
  (void)run_program({"journalctl", "--sync"});
  // By field and not by --unit, which adds what systemd itself says about the unit.
  auto const result = run_program({"journalctl", "--no-pager", "--quiet", "--output=cat", "--lines=50",
                                   fmt::format("--since=@{}.{:06}", microseconds / 1'000'000, microseconds % 1'000'000),
                                   std::string{"_SYSTEMD_UNIT="} + kService});
  return result ? result->output : std::string{};
}

bool has_init_script(Settings const& settings) {
  std::error_code error;
  return has_usual_directories(settings) && !is_systemd_init() && std::filesystem::exists(kInitScript, error);
}

void run_init_script_at_boot(bool run) {
  if (run) (void)run_program({"update-rc.d", "weave", "defaults"}); // in case its links were removed
  (void)run_program({"update-rc.d", "weave", run ? "enable" : "disable"});
}

} // namespace weave::tools
