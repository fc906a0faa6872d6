#include "tools/start_remarks.hpp"

#include <chrono>

#include <fmt/format.h>

#include "controller/api/health.hpp"

namespace weave::tools {

namespace api = controller::api;

int tell_start_remarks(api::StatusReport const& report, std::ostream& err) {
  auto alone = report;
  alone.router.reset();
  alone.ipam.reset();
  alone.not_ready_reasons.clear(); // that was waited for
  for (auto const& trouble : api::find_troubles(alone)) {
    err << fmt::format("{}: {}\n", trouble.degraded ? "WARNING" : "ERROR", trouble.line());
  }
  bool const no_network = report.plugin && !report.plugin->network_obstacle.empty() && !report.plugin->network_differs;
  return no_network ? kNoDockerNetwork : 0;
}

int ask_start_remarks(ApiClient const& daemon, std::ostream& err) {
  auto const answer = daemon.report(std::chrono::seconds{3});
  if (!answer || !answer->ok()) return 0;
  auto const report = api::parse_status_report(answer->body);
  return report ? tell_start_remarks(*report, err) : 0;
}

} // namespace weave::tools
