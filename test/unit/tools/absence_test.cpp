#include "tools/absence.hpp"

#include <sstream>

#include <gtest/gtest.h>

#include "tools/start_remarks.hpp"

namespace weave::tools {
namespace {

TEST(Absence, SaysWhyAndWhatToDo) {
  struct Case {
    AbsenceFacts facts;
    std::string line;
  };
  std::string const at = "/run/weave/control.sock";
  std::vector<Case> const cases{
      {{.address = at}, "weave is not running: nobody answers on /run/weave/control.sock: 'weave launch'"},
      {{.address = at, .supervised = true, .last_words = {"state file x is damaged"}},
       "weave ends again and again: its supervisor runs, the daemon does not answer: state file x is damaged: "
       "/run/weave/weaver.log has more; 'weave stop' ends this"},
      {{.address = at, .service = ServiceState::starting, .restarts = 4, .last_words = {"port 6783 is taken"}},
       "weave ends again and again: systemd has started it 4 times: port 6783 is taken: 'journalctl -u weave' has "
       "more; "
       "'weave stop' ends this"},
      {{.address = at, .service = ServiceState::failed},
       "weave is not running: weave.service has failed: 'journalctl -u weave' has more; 'weave launch' tries again"},
      {{.address = at, .service = ServiceState::inactive},
       "weave is not running: weave.service is not active: 'weave launch'"},
      {{.address = at, .service = ServiceState::starting},
       "weave does not answer yet: it is starting: 'journalctl -u weave' says how far it is"},
      {{.kind = ErrorKind::refused, .error = "permission denied", .address = at},
       "no permission to use /run/weave/control.sock: permission denied: the same command with sudo"},
      {{.kind = ErrorKind::timed_out, .address = at},
       "the daemon hangs: no answer on /run/weave/control.sock in time: keep the log, then 'weave stop' and 'weave "
       "launch'"},
      {{.kind = ErrorKind::malformed, .error = "no such address", .address = "x"},
       "cannot ask x: no such address: WEAVE_HTTP_ADDR names where it answers"}};
  for (auto const& [facts, line] : cases) {
    auto const finding = explain_absence(facts);
    EXPECT_EQ(finding.severity, Severity::error);
    EXPECT_EQ(finding.text + ": " + finding.cause + ": " + finding.next, line);
  }
}

TEST(StartRemarks, ANetworkThatDockerHasNotGotIsAnExitStatus) {
  controller::api::StatusReport report;
  report.router.emplace();
  report.router->fast_path_obstacle = "no module"; // not a matter of this launch
  report.plugin.emplace();
  std::ostringstream quiet;
  EXPECT_EQ(tell_start_remarks(report, quiet), 0);
  EXPECT_EQ(quiet.str(), "");

  report.plugin->engine_obstacle = "nobody at /run/docker.sock";
  std::ostringstream warned;
  EXPECT_EQ(tell_start_remarks(report, warned), 0) << "Docker may come later";
  EXPECT_EQ(warned.str(),
            "WARNING: containers of Docker are not followed: nobody at /run/docker.sock. Next: 'systemctl "
            "start docker', or 'weave launch --docker-api' with its socket\n");

  report.plugin->engine_obstacle.clear();
  report.plugin->network_obstacle = "a network named weave exists with driver bridge";
  std::ostringstream refused;
  EXPECT_EQ(tell_start_remarks(report, refused), kNoDockerNetwork);
  EXPECT_TRUE(
      refused.str().starts_with("ERROR: 'docker run --net=weave' does not work: a network named weave exists "
                                "with driver bridge. Next: 'docker network rm weave'"));
  report.plugin->network_differs = true;
  EXPECT_EQ(tell_start_remarks(report, refused), 0);
}

} // namespace
} // namespace weave::tools
