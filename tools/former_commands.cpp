#include <algorithm>
#include <iterator>
#include <thread>

#include <fmt/format.h>

#include "tools/daemon_answer.hpp"
#include "tools/readiness.hpp"
#include "tools/start_remarks.hpp"
#include "tools/stop.hpp"

/// Commands of former versions of Weave Net: answered so that scripts go on where they can, and people learn what to
/// do.
namespace weave::tools {
namespace {

/// For Docker to make the default network.
constexpr std::chrono::milliseconds kNetworkTime{15'000};

constexpr std::string_view kNoProxy =
    "there is no Docker API proxy in weave: containers join by 'docker run --net=weave', with names by "
    "'docker run --net=weave $(weave dns-args)', and running ones by 'weave attach'\n";
constexpr std::string_view kRestart =
    "Instead: 'docker {0}'. A container with --net=weave has its addresses again; for others, 'weave attach' after "
    "it\n";

std::string instead_of(std::string_view name) {
  if (name == "run") {
    return "Instead: 'docker run --net=weave', with names by 'docker run --net=weave $(weave dns-args)'; for "
           "addresses of choice --ip, or 'docker run' and 'weave attach'\n";
  }
  if (name == "start" || name == "restart") return fmt::format(kRestart, name);
  if (name == "launch-dns" || name == "stop-dns") {
    return "Instead: DNS is part of the daemon; 'weave launch' starts it, 'weave launch --no-dns' leaves it out\n";
  }
  return fmt::format("weave {}: {}", name, kNoProxy);
}

/// `--log-level=debug`, `--log-level debug`.
bool take_log_level(Invocation& call) {
  constexpr std::string_view kOption = "--log-level";
  auto& words = call.words;
  auto const with_value = std::erase_if(words, [&](auto const& word) { return word.starts_with("--log-level="); });
  auto const at = std::ranges::find(words, kOption);
  if (at == words.end() || std::next(at) == words.end()) return with_value != 0;
  words.erase(at, std::next(at, 2));
  return true;
}

/// Whether the running daemon serves Docker.
Result<bool> serves_docker(Settings const& settings) {
  auto const answer = ask_daemon(settings, [](ApiClient const& client) { return client.get("/status", kAnswerTime); });
  if (!answer) return failure_of(answer);
  return answer->body.find("Service: plugin") != std::string::npos; // also while it is not ready
}

} // namespace

int run_removed(Invocation& call) {
  if (call.name == "setup-cni") {
    call.err << "weave setup-cni: Kubernetes and CNI are not part of weave, which serves Docker: "
                "'docker run --net=weave' needs no set-up\n";
    return 1;
  }
  call.err << fmt::format(
      "The 'weave {}' command has been removed as of Weave Net version 2.0\n"
      "Please see release notes for further information\n{}",
      call.name, instead_of(call.name));
  return 1;
}

int run_proxy_settings(Invocation& call) {
  bool const environment = call.name == "env" || call.name == "proxy-env";
  if (environment && call.take_flag("--restore")) {
    if (!call.words.empty()) return usage(call.err, 1);
    if (auto const former = call.settings.variable("ORIG_DOCKER_HOST")) {
      call.out << fmt::format("DOCKER_HOST={}\n", *former);
      return 0;
    }
    call.err << "Nothing to restore. This is most likely because there was no preceding invocation of "
                "'eval $(weave env)' in this shell.\n";
    return 1;
  }
  if (!call.words.empty()) return usage(call.err, 1);
  call.err << fmt::format("weave {}: {}", call.name, kNoProxy);
  return environment ? 0 : 1; // eval $(weave env) is harmless
}

int run_stop_proxy(Invocation& call) {
  if (!call.words.empty()) return usage(call.err, 1);
  call.err << "Proxy is not running.\n";
  return 0;
}

int run_launch_plugin(Invocation& call) {
  (void)call.take_flag("--no-restart"); // of 1.x, where the plugin was a container of its own
  if (call.take_flag("--no-multicast-route")) {
    call.err << "--no-multicast-route is an option of 'weave launch' now, and has no effect here\n";
  }
  if (take_log_level(call)) call.err << "--log-level is an option of 'weave launch' now, and has no effect here\n";
  if (!call.words.empty()) return usage(call.err, 1);
  auto const daemon = ApiClient::at(call.settings.api_address);
  auto const answer = daemon ? daemon->put("/plugin", {}, kAnswerTime) : Result<Answer>{failure_of(daemon)};
  if (auto const code = conclude(answer, call, "the plugin"); code != 0) return code;
  auto const pause = [](std::chrono::milliseconds time) {
    std::this_thread::sleep_for(time);
    return false;
  };
  if (wait_until_ready(*daemon, pause, kNetworkTime, call.err) == Start::ready) {
    return ask_start_remarks(*daemon, call.err);
  }
  call.err << "the plugin is on, but weave is not ready; 'weave status --check' says why\n";
  return 1;
}

int run_stop_plugin(Invocation& call) {
  if (!call.words.empty()) return usage(call.err, 1);
  if (!serves_docker(call.settings).value_or(false)) {
    call.err << "Plugin is not running.\n";
    return 0;
  }
  auto const answer =
      ask_daemon(call.settings, [](ApiClient const& client) { return client.remove("/plugin", kAnswerTime); });
  if (answer && answer->status == 409) {
    warn_of_attached(call, answer->body);
    call.err
        << "They go on, and can be stopped and removed; what is stopped starts again after 'weave launch-plugin'\n";
    return 0;
  }
  if (answer && answer->status == 503) {
    call.err << fmt::format("WARNING: Docker network \"weave\" was not removed: {}", answer->body);
    return 0;
  }
  return conclude(answer, call, "the plugin");
}

} // namespace weave::tools
