#include "tools/readiness.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "controller/api/messages.hpp"

namespace weave::tools {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kQuietTime = 3s;

std::string reasons(ApiClient const& daemon) {
  auto const answer = daemon.report(3s);
  if (!answer || !answer->ok()) return "its control socket does not answer";
  auto const report = controller::api::parse_status_report(answer->body);
  if (!report || report->not_ready_reasons.empty()) return "it is still starting";
  return fmt::format("{}", fmt::join(report->not_ready_reasons, "; "));
}

} // namespace

Start wait_until_ready(ApiClient const& daemon, std::function<bool(std::chrono::milliseconds)> const& ended_within,
                       std::chrono::milliseconds limit, std::ostream& err) {
  auto const started = Clock::now();
  auto pause = 5ms;
  std::string told;
  while (true) {
    if (ended_within(pause)) return Start::ended;
    auto const answer = daemon.get("/status", 3s);
    if (answer && answer->ok()) return Start::ready;
    auto const elapsed = Clock::now() - started;
    if (elapsed >= limit) return Start::not_in_time;
    if (elapsed >= kQuietTime) {
      if (auto why = reasons(daemon); why != told) {
        err << fmt::format("Waiting for weave: {}\n", why) << std::flush;
        told = std::move(why);
      }
    }
    pause = std::min(pause * 2, 100ms);
  }
}

} // namespace weave::tools
