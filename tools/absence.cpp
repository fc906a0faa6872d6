#include "tools/absence.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tools/log_tail.hpp"
#include "tools/run_files.hpp"

namespace weave::tools {
namespace {

constexpr auto kServiceLog = "journalctl -u weave";
constexpr std::chrono::minutes kRecent{5};
constexpr std::uint64_t kTail = 65'536;

bool nobody_there(ErrorKind kind) { return kind == ErrorKind::not_found || kind == ErrorKind::unavailable; }

std::string words_of(AbsenceFacts const& facts) {
  if (facts.last_words.empty()) return {};
  return fmt::format(": {}", fmt::join(facts.last_words, "; "));
}

Finding found(std::string text, std::string cause, std::string next) {
  return {Severity::error, "daemon", std::move(text), std::move(cause), std::move(next)};
}

Finding of_service(AbsenceFacts const& facts) {
  switch (*facts.service) {
    case ServiceState::failed:
      return found("weave is not running", "weave.service has failed" + words_of(facts),
                   fmt::format("'{}' has more; 'weave launch' tries again", kServiceLog));
    case ServiceState::starting:
    case ServiceState::running:
      if (facts.restarts == 0) break;
      return found("weave ends again and again",
                   fmt::format("systemd has started it {} times{}", facts.restarts, words_of(facts)),
                   fmt::format("'{}' has more; 'weave stop' ends this", kServiceLog));
    case ServiceState::inactive: return found("weave is not running", "weave.service is not active", "'weave launch'");
  }
  return found("weave does not answer yet", "it is starting", fmt::format("'{}' says how far it is", kServiceLog));
}

} // namespace

bool AbsenceFacts::is_down() const {
  return nobody_there(kind) && !supervised && service.value_or(ServiceState::inactive) == ServiceState::inactive;
}

AbsenceFacts look_for_daemon(Error const& error, Settings const& settings) {
  AbsenceFacts facts;
  facts.kind = error.kind();
  facts.error = error.text();
  facts.address = settings.api_address;
  if (!nobody_there(facts.kind)) return facts;
  facts.supervised = PidFile::is_held(settings.pid_file());
  std::string log;
  if (has_service(settings)) {
    facts.service = service_state();
    facts.restarts = service_restarts();
    if (*facts.service != ServiceState::inactive) log = service_log(std::chrono::system_clock::now() - kRecent);
  } else if (facts.supervised) {
    auto const size = file_size(settings.log_file());
    log = read_since(settings.log_file(), size - std::min(size, kTail));
  }
  facts.last_words = last_errors(log);
  return facts;
}

Finding explain_absence(AbsenceFacts const& facts) {
  if (facts.kind == ErrorKind::refused) {
    return found(fmt::format("no permission to use {}", facts.address), facts.error, "the same command with sudo");
  }
  if (facts.kind == ErrorKind::timed_out) {
    return found("the daemon hangs", fmt::format("no answer on {} in time", facts.address),
                 "keep the log, then 'weave stop' and 'weave launch'");
  }
  if (!nobody_there(facts.kind)) {
    return found(fmt::format("cannot ask {}", facts.address), facts.error, "WEAVE_HTTP_ADDR names where it answers");
  }
  if (facts.service) return of_service(facts);
  if (facts.supervised) {
    return found("weave ends again and again", "its supervisor runs, the daemon does not answer" + words_of(facts),
                 "/run/weave/weaver.log has more; 'weave stop' ends this");
  }
  return found("weave is not running", fmt::format("nobody answers on {}", facts.address), "'weave launch'");
}

} // namespace weave::tools
