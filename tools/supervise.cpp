#include <charconv>
#include <chrono>
#include <cstdlib>
#include <sys/time.h>
#include <unistd.h>

#include "tools/command.hpp"
#include "tools/life_signs.hpp"
#include "tools/process.hpp"
#include "tools/stand_in.hpp"
#include "tools/supervisor.hpp"

namespace weave::tools {
namespace {

/// `--channel=N`, `--no-restart`, `--`, then the daemon's arguments.
Supervisor::Plan plan_of(Invocation const& call) {
  Supervisor::Plan plan{.weaver = {}, .launch = {}, .settings = call.settings, .channel = -1, .stand_in = {}};
  auto word = call.words.begin();
  for (; word != call.words.end() && *word != "--"; ++word) {
    constexpr std::string_view kChannel = "--channel=";
    if (word->starts_with(kChannel)) {
      std::from_chars(word->data() + kChannel.size(), word->data() + word->size(), plan.channel);
    } else if (*word == "--no-restart") {
      plan.launch.restart = false;
    }
  }
  if (word != call.words.end()) plan.launch.daemon_arguments.assign(word + 1, call.words.end());
  return plan;
}

/// Ends the program that takes our place unless it says in time that it is ready (controller/app/service_manager.hpp):
/// the alarm outlives exec. The service manager itself waits for ever, and Docker with it.
void limit_start(Invocation& call) {
  using namespace std::chrono_literals;
  std::chrono::milliseconds limit = 30s;
  if (auto const wanted = call.settings.non_empty("WEAVE_START_LIMIT")) {
    if (auto const given = watchdog_limit(*wanted)) {
      limit = *given;
    } else {
      call.err << "WEAVE_START_LIMIT is no number of seconds: " << *wanted << "\n";
    }
  }
  auto const seconds = std::chrono::duration_cast<std::chrono::seconds>(limit);
  itimerval const timer{
      .it_interval = {},
      .it_value = {.tv_sec = seconds.count(), .tv_usec = std::chrono::microseconds{limit - seconds}.count()}};
  ::setitimer(ITIMER_REAL, &timer, nullptr);
}

} // namespace

int run_supervise(Invocation& call) {
  Logger const log{make_stream_sink(STDERR_FILENO, LogLevel::info), "supervisor: "};
  auto plan = plan_of(call);
  auto weaver = find_weaver(call.settings);
  if (!weaver) {
    log.error("cannot find the program weaver");
    return 1;
  }
  plan.weaver = *std::move(weaver);
  tell_released_later(call.settings);
  plan.stand_in = start_stand_in_waiting(call.settings); // before there is a lock that it could inherit
  auto pid_file = PidFile::claim(call.settings.pid_file());
  if (!pid_file) {
    log.error("{}", pid_file.error().text());
    end_stand_in_waiting(plan.stand_in);
    return 3;
  }
  return Supervisor{std::move(plan), *std::move(pid_file), log}.run();
}

int run_daemon(Invocation& call) {
  auto const weaver = find_weaver(call.settings);
  if (!weaver) {
    call.err << "cannot find the program weaver\n";
    return 1;
  }
  tell_released_later(call.settings);
  auto const plan = last_plan(call.settings);
  if (plan.password) ::setenv("WEAVE_PASSWORD", plan.password->c_str(), 1);
  std::vector<std::string> words{*weaver};
  words.insert(words.end(), plan.daemon_arguments.begin(), plan.daemon_arguments.end());
  limit_start(call);
  call.err << become_program(words).text() << "\n";
  return 1;
}

} // namespace weave::tools
