// The real command and supervisor against a fake daemon, in a directory of their own.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/unique_fd.hpp"
#include "test/fixtures/temporary_directory.hpp"
#include "tools/process.hpp"
#include "tools/run_files.hpp"

namespace weave::tools {
namespace {

using namespace std::chrono_literals;

struct Outcome {
  int code = 0;
  std::string out;
  std::string err;
};

std::string contents(std::string const& path) {
  std::ifstream file{path};
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

bool eventually(std::function<bool()> const& condition,
                std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::now() + 10s) {
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

void kill_hard(pid_t pid) {
  ASSERT_GT(pid, 0);
  ::kill(pid, SIGKILL);
}

/// A file as a killed process leaves it.
bool leave_dead_socket(std::string const& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  UniqueFd const fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  return ::bind(fd.get(), static_cast<sockaddr const*>(static_cast<void const*>(&address)), sizeof address) == 0;
}

class Lifecycle : public ::testing::Test {
 protected:
  Lifecycle() {
    set("WEAVE_RUN_DIR", root + "/run");
    set("WEAVE_STATE_DIR", root + "/state");
    set("WEAVE_WEAVER", FAKE_WEAVER_PATH);
    set("DOCKER_HOST", "unix://" + root + "/docker.sock"); // not the one of the machine that tests
    for (auto const* name_unset : {"WEAVE_PASSWORD", "WEAVE_PORT", "WEAVE_HTTP_ADDR", "FAKE_WEAVER", "WEAVE_DEBUG",
                                   "WEAVE_STATUS_ADDR", "WEAVE_MTU", "WEAVE_NO_FASTDP"}) {
      ::unsetenv(name_unset);
    }
  }
  ~Lifecycle() override {
    auto const left = PidFile::holders(pid_file());
    if (left.supervisor > 0) ::kill(left.supervisor, SIGKILL);
    if (left.daemon > 0) ::kill(left.daemon, SIGKILL);
  }

  static void set(char const* name, std::string const& value) { ::setenv(name, value.c_str(), 1); }

  Outcome weave(std::string const& words) {
    auto const line = fmt::format("'{}' {} >'{}/out' 2>'{}/err'", WEAVE_COMMAND_PATH, words, root, root);
    auto const result = run_program({"sh", "-c", line});
    return {.code = result->status, .out = contents(root + "/out"), .err = contents(root + "/err")};
  }
  Outcome launch(std::string const& words = {}) {
    return weave(
        fmt::format("launch --plugin-socket={0}/weave.sock --plugin-mesh-socket={0}/weavemesh.sock {1}", root, words));
  }
  [[nodiscard]] std::string pid_file() const { return root + "/run/supervisor.pid"; }
  /// Both, once the supervisor has noted them.
  [[nodiscard]] RunningProcesses running() const {
    RunningProcesses found;
    EXPECT_TRUE(eventually([&] {
      found = PidFile::holders(pid_file());
      return found.supervisor > 0 && found.daemon > 0;
    }));
    return found;
  }
  [[nodiscard]] std::string fake(std::string const& name) const { return contents(root + "/state/fake." + name); }
  [[nodiscard]] bool exists(std::string const& name) const { return std::filesystem::exists(root + "/" + name); }

  test::TemporaryDirectory own;
  std::string root = own.path();
};

TEST_F(Lifecycle, LaunchReturnsWhenReadyAndStopLeavesNothingRunning) {
  auto const started = std::chrono::steady_clock::now();
  auto const launched = launch("host1 --nickname two");
  EXPECT_EQ(launched.code, 0) << launched.err;
  EXPECT_EQ(launched.out + launched.err, "");
  EXPECT_LT(std::chrono::steady_clock::now() - started, 3s);
  EXPECT_NE(fake("arguments").find("host1\n--nickname\ntwo\n"), std::string::npos);
  auto const both = running();

  auto const stopped = weave("stop");
  EXPECT_EQ(stopped.code, 0);
  EXPECT_EQ(stopped.out + stopped.err, "");
  EXPECT_EQ(fake("ends"), fmt::format("{}\n", both.daemon));
  EXPECT_TRUE(eventually([&] { return ::kill(both.supervisor, 0) != 0; })) << "until init has reaped it";
  EXPECT_FALSE(exists("run/control.sock"));
  EXPECT_FALSE(exists("run/supervisor.pid"));
  EXPECT_TRUE(exists("run/weaver.log"));
  EXPECT_TRUE(exists("state/state.db"));
  EXPECT_NE(fake("requests").find("DELETE /plugin/network\n"), std::string::npos);
}

TEST_F(Lifecycle, TheDaemonHoldsNothingOfItsLauncher) {
  // A caller that waits for the end of its pipe would wait for the end of the daemon.
  auto const line = fmt::format("('{}' launch --plugin=false 5>&1) | cat", WEAVE_COMMAND_PATH);
  auto const launched = run_program({"timeout", "10", "sh", "-c", line});
  EXPECT_EQ(launched->status, 0);
  EXPECT_EQ(weave("stop").code, 0);
}

TEST_F(Lifecycle, ASecondLaunchIsRefused) {
  ASSERT_EQ(launch().code, 0);
  auto const again = launch();
  EXPECT_EQ(again.code, 3);
  EXPECT_EQ(again.err, "weave is already running; you can stop it with 'weave stop'.\n");
  EXPECT_EQ(weave("stop").code, 0);
  EXPECT_EQ(launch().code, 0);
  EXPECT_EQ(weave("stop").code, 0);
}

TEST_F(Lifecycle, OfTwoLaunchesAtOnceOneWins) {
  auto const line = fmt::format("'{0}' launch & a=$!; '{0}' launch; echo $?; wait $a; echo $?", WEAVE_COMMAND_PATH);
  auto const result = run_program({"sh", "-c", line});
  auto codes = result->output;
  EXPECT_NE(codes.find("0\n"), std::string::npos) << codes;
  EXPECT_NE(codes.find("3\n"), std::string::npos) << codes;
  EXPECT_EQ(weave("stop").code, 0);
}

TEST_F(Lifecycle, AFailingDaemonIsQuotedAndNotStartedAgain) {
  set("FAKE_WEAVER", "fail");
  auto const launched = launch("--name x");
  EXPECT_EQ(launched.code, 1);
  EXPECT_EQ(launched.out, "");
  EXPECT_EQ(launched.err,
            fmt::format("weave did not start: weaver ended with exit status 1\n  invalid peer name format: \"x\"\n"
                        "(the whole log: {}/run/weaver.log)\n",
                        root));
  EXPECT_FALSE(PidFile::is_held(pid_file()));
  EXPECT_FALSE(exists("run/supervisor.pid"));
  auto const starts = fake("starts");
  EXPECT_EQ(std::ranges::count(starts, '\n'), 1);
}

TEST_F(Lifecycle, MisuseIsQuotedToo) {
  set("FAKE_WEAVER", "misuse");
  auto const launched = launch("--bogus");
  EXPECT_EQ(launched.code, 1);
  EXPECT_NE(launched.err.find("125\n  flag provided but not defined: --bogus\n"), std::string::npos) << launched.err;
}

TEST_F(Lifecycle, AMissingProgramIsTold) {
  set("WEAVE_WEAVER", root + "/nowhere");
  auto const launched = launch();
  EXPECT_EQ(launched.code, 1);
  EXPECT_NE(launched.err.find("nowhere: No such file or directory"), std::string::npos) << launched.err;
}

TEST_F(Lifecycle, ACrashedDaemonIsStartedAgainWithTheSameArguments) {
  ASSERT_EQ(launch("host1").code, 0);
  auto const first = running();
  kill_hard(first.daemon);
  ASSERT_TRUE(eventually([&] {
    auto const now = PidFile::holders(pid_file());
    return now.daemon > 0 && now.daemon != first.daemon && answers(root + "/run/control.sock");
  }));
  auto const arguments = fake("arguments");
  EXPECT_NE(arguments.find("host1\n"), arguments.rfind("host1\n"));
  EXPECT_NE(contents(root + "/run/weaver.log").find("weaver was killed by signal 9; starting it again"),
            std::string::npos);
  EXPECT_EQ(weave("stop").code, 0);
}

TEST_F(Lifecycle, ADaemonThatHangsIsKilledAndStartedAgain) {
  set("WEAVE_WATCHDOG", "0.5");
  set("FAKE_WEAVER", "alive");
  ASSERT_EQ(launch().code, 0);
  auto const first = running();
  ::kill(first.daemon, SIGSTOP);
  EXPECT_TRUE(eventually([&] {
    auto const now = PidFile::holders(pid_file());
    return now.daemon > 0 && now.daemon != first.daemon && answers(root + "/run/control.sock");
  }));
  EXPECT_NE(contents(root + "/run/weaver.log").find("weaver has given no sign of life for 0.5 s"), std::string::npos);
  EXPECT_EQ(weave("stop").code, 0);
  EXPECT_FALSE(exists("run/notify.sock"));
  ::unsetenv("WEAVE_WATCHDOG");
}

TEST_F(Lifecycle, ADaemonThatNeverGaveSignsOfLifeIsLeftAlone) {
  set("WEAVE_WATCHDOG", "0.2");
  ASSERT_EQ(launch().code, 0);
  auto const first = running();
  auto const until = std::chrono::steady_clock::now() + 600ms;
  EXPECT_FALSE(eventually([&] { return PidFile::holders(pid_file()).daemon != first.daemon; }, until));
  EXPECT_EQ(weave("stop").code, 0);
  ::unsetenv("WEAVE_WATCHDOG");
}

TEST_F(Lifecycle, WithoutRestartADeadDaemonStaysDownAndLeavesNoSocket) {
  ASSERT_EQ(launch("--no-restart").code, 0);
  kill_hard(running().daemon);
  EXPECT_TRUE(eventually([&] { return !exists("run/supervisor.pid"); }));
  EXPECT_FALSE(exists("run/control.sock"));
  EXPECT_EQ(weave("status").code, 1);
  EXPECT_EQ(launch().code, 0);
  EXPECT_EQ(weave("stop").code, 0);
}

TEST_F(Lifecycle, ADaemonWhoseSupervisorWasKilledStillCountsAndStops) {
  ASSERT_EQ(launch().code, 0);
  auto const both = running();
  kill_hard(both.supervisor);
  ASSERT_TRUE(eventually([&] { return PidFile::holders(pid_file()).supervisor == 0; }));
  EXPECT_EQ(launch().code, 3);
  EXPECT_EQ(weave("stop").code, 0);
  EXPECT_TRUE(eventually([&] { return ::kill(both.daemon, 0) != 0; }));
  EXPECT_FALSE(exists("run/supervisor.pid"));
}

TEST_F(Lifecycle, ADaemonStartedByHandIsSeenAndStopped) {
  std::filesystem::create_directories(root + "/run");
  std::filesystem::create_directories(root + "/state");
  auto const child = ::fork();
  if (child == 0) {
    ::execl(FAKE_WEAVER_PATH, "weaver", nullptr);
    ::_exit(1);
  }
  ASSERT_TRUE(eventually([&] { return answers(root + "/run/control.sock"); }));
  auto const launched = launch();
  EXPECT_EQ(launched.code, 1);
  EXPECT_EQ(launched.err, "Weave Net is already running\n");
  std::thread reaper{[child] { ::waitpid(child, nullptr, 0); }};
  auto const stopped = weave("stop").code;
  EXPECT_EQ(stopped, 0);
  if (stopped != 0) ::kill(child, SIGKILL);
  reaper.join();
  EXPECT_FALSE(exists("run/control.sock"));
}

TEST_F(Lifecycle, ThePasswordTravelsInTheEnvironment) {
  ASSERT_EQ(launch("--password s3cret host1").code, 0);
  EXPECT_EQ(fake("password"), "s3cret");
  EXPECT_EQ(fake("arguments").find("s3cret"), std::string::npos);
  EXPECT_EQ(contents(root + "/state/launch.conf").find("s3cret"), std::string::npos);
  EXPECT_EQ(weave("stop").code, 0);
}

TEST_F(Lifecycle, StopWithNothingRunningSaysSoAndSucceeds) {
  auto const stopped = weave("stop");
  EXPECT_EQ(stopped.code, 0);
  EXPECT_EQ(stopped.err, "Weave is not running (ignore on Kubernetes).\n");
  EXPECT_FALSE(exists("run"));
}

TEST_F(Lifecycle, StopWarnsOfAttachedContainers) {
  set("FAKE_WEAVER", "attached");
  ASSERT_EQ(launch().code, 0);
  auto const stopped = weave("stop");
  EXPECT_EQ(stopped.code, 0);
  EXPECT_EQ(stopped.err,
            "WARNING: the following containers are still attached to network \"weave\":\n"
            "  0123456789ab   fedcba98765 \n"
            "Docker operations involving those containers may pause or fail\n"
            "while Weave is not running\n");
  EXPECT_TRUE(answers(root + "/weave.sock")) << "nobody answers Docker for them";
  EXPECT_TRUE(answers(root + "/weavemesh.sock"));
  EXPECT_EQ(launch().code, 0);
  EXPECT_EQ(weave("reset").code, 0);
  EXPECT_TRUE(answers(root + "/weave.sock")) << "nobody answers Docker for them after a reset";
  EXPECT_FALSE(exists("state/launch.conf"));
  set("FAKE_WEAVER", "");
  ASSERT_EQ(launch().code, 0);
  EXPECT_EQ(weave("reset").code, 0);
  EXPECT_FALSE(exists("weave.sock"));
  EXPECT_FALSE(exists("weavemesh.sock"));
}

TEST_F(Lifecycle, WhenSupervisorAndDaemonAreKilledTheStandInAnswers) {
  ASSERT_EQ(launch().code, 0);
  auto const both = running();
  std::filesystem::remove(root + "/weave.sock");
  ASSERT_TRUE(leave_dead_socket(root + "/weave.sock"));
  kill_hard(both.supervisor);
  EXPECT_FALSE(eventually([&] { return answers(root + "/weave.sock"); }, std::chrono::steady_clock::now() + 300ms))
      << "not while the daemon lives";
  kill_hard(both.daemon);
  EXPECT_TRUE(eventually([&] { return answers(root + "/weave.sock") && answers(root + "/weavemesh.sock"); }));
  EXPECT_EQ(launch().code, 0);
  EXPECT_EQ(weave("stop").code, 0);
  EXPECT_FALSE(exists("weavemesh.sock"));
}

TEST_F(Lifecycle, WhatWaitsForTheSupervisorsDeathGoesWithAnOrderlyEnd) {
  ASSERT_EQ(launch().code, 0);
  auto const waiting = [&] { return run_program({"pgrep", "-P", std::to_string(running().supervisor)})->output; };
  auto const children = waiting();
  ASSERT_EQ(std::ranges::count(children, '\n'), 2) << children;
  EXPECT_EQ(weave("stop").code, 0);
  std::istringstream numbers{children};
  for (pid_t child = 0; numbers >> child;) {
    EXPECT_TRUE(eventually([&] { return ::kill(child, 0) != 0; })) << "until init has reaped it";
  }
}

TEST_F(Lifecycle, WhatWaitsForTheSupervisorsDeathIsReplacedWhenItIsKilled) {
  ASSERT_EQ(launch().code, 0);
  auto const both = running();
  auto const waiting = [&]() -> pid_t {
    auto const found = run_program({"pgrep", "-P", std::to_string(both.supervisor), "-x", "plugin-stand-in"});
    return found->output.empty() ? 0 : std::stoi(found->output);
  };
  ASSERT_TRUE(eventually([&] { return waiting() > 0; })) << "by another name than weave";
  auto const killed = waiting();
  kill_hard(killed);
  ASSERT_TRUE(eventually([&] { return waiting() > 0 && waiting() != killed; }));
  ASSERT_TRUE(leave_dead_socket(root + "/weavemesh.sock"));
  kill_hard(both.supervisor);
  kill_hard(both.daemon);
  EXPECT_TRUE(eventually([&] { return answers(root + "/weavemesh.sock"); }));
  EXPECT_EQ(launch().code, 0);
  EXPECT_EQ(weave("stop").code, 0);
}

TEST_F(Lifecycle, AStandInOnOtherSocketsEndsAtTheNextLaunch) {
  set("FAKE_WEAVER", "attached");
  ASSERT_EQ(launch().code, 0);
  EXPECT_EQ(weave("reset").code, 0);
  ASSERT_TRUE(answers(root + "/weave.sock"));
  EXPECT_EQ(weave("launch --plugin=false").code, 0);
  EXPECT_FALSE(answers(root + "/weave.sock"));
  set("FAKE_WEAVER", "");
  EXPECT_EQ(weave("reset").code, 0);
}

TEST_F(Lifecycle, LaunchAndStopRemoveTheRestartMark) {
  std::filesystem::create_directories(root + "/state");
  auto const mark = [&] { std::ofstream{root + "/state/restart.mark"} << "x"; };
  mark();
  ASSERT_EQ(launch().code, 0);
  EXPECT_FALSE(exists("state/restart.mark"));
  mark();
  EXPECT_EQ(weave("stop").code, 0);
  EXPECT_FALSE(exists("state/restart.mark"));
}

TEST_F(Lifecycle, ResetHandsOverStopsCleansUpAndLeavesNothing) {
  ASSERT_EQ(launch("--weave-bridge=br7").code, 0);
  auto const both = running();
  // The fake's notes are no files of ours; they have to be out of the way for the directory to go.
  auto const reset = weave(fmt::format("reset; code=$?; cp '{0}'/state/fake.* '{0}'; exit $code", root));
  EXPECT_EQ(reset.code, 0) << reset.err;
  auto const requests = contents(root + "/fake.requests");
  auto const handed_over = requests.find("DELETE /peer\n");
  EXPECT_LT(handed_over, requests.find("DELETE /plugin/network\n"));
  EXPECT_TRUE(contents(root + "/fake.arguments").ends_with("--cleanup\n"));
  EXPECT_FALSE(exists("state/state.db"));
  EXPECT_FALSE(exists("state/launch.conf"));
  EXPECT_FALSE(exists("run"));
  EXPECT_TRUE(eventually([&] { return ::kill(both.daemon, 0) != 0; }));
}

TEST_F(Lifecycle, ResetCleansUpWhatTheLaunchNamed) {
  ASSERT_EQ(launch("--port 7000 --docker-bridge=br0").code, 0);
  auto const reset = weave(fmt::format("reset; code=$?; cp '{0}'/state/fake.* '{0}'; exit $code", root));
  EXPECT_EQ(reset.code, 0) << reset.err;
  auto const arguments = contents(root + "/fake.arguments");
  EXPECT_TRUE(arguments.ends_with("\n--docker-bridge=br0\n--port=7000\n--cleanup\n")) << arguments;
}

TEST_F(Lifecycle, ResetOfAStoppedPeerNeedsForce) {
  ASSERT_EQ(launch().code, 0);
  ASSERT_EQ(weave("stop").code, 0);
  auto const refused = weave("reset");
  EXPECT_EQ(refused.code, 1);
  EXPECT_EQ(refused.err,
            "ERROR: weave is not running; unable to remove from cluster.\n"
            "Re-launch weave before reset or use --force to override.\n");
  EXPECT_TRUE(exists("state/state.db"));
  EXPECT_EQ(weave("reset --force").code, 0);
  EXPECT_FALSE(exists("state/state.db"));
  EXPECT_EQ(weave("reset").code, 0) << "nothing there is nothing to refuse";
}

TEST_F(Lifecycle, ResetTouchesNothingBesideARunningOriginal) {
  std::filesystem::create_directories(root + "/state");
  auto const file = root + "/state/weave-netdata.db";
  std::ofstream{file} << "x";
  {
    UniqueFd const original{::open(file.c_str(), O_RDWR | O_CLOEXEC)};
    ASSERT_EQ(::flock(original.get(), LOCK_EX | LOCK_NB), 0);
    auto const refused = weave("reset --force");
    EXPECT_EQ(refused.code, 1);
    EXPECT_EQ(refused.err, "Weave Net is running: it has " + file + " open; stop it, then reset again\n");
    EXPECT_TRUE(exists("state/weave-netdata.db"));
    EXPECT_FALSE(exists("state/fake.arguments")) << "nothing was cleaned up";
  }
  EXPECT_EQ(weave("reset --force").code, 0);
  EXPECT_FALSE(exists("state/weave-netdata.db"));
}

TEST_F(Lifecycle, VersionWithoutDaemonAsksTheProgram) {
  auto const version = weave("version");
  EXPECT_EQ(version.code, 0);
  EXPECT_TRUE(version.out.starts_with("weave script "));
  EXPECT_TRUE(version.out.ends_with("\nweave fake\n"));
  EXPECT_TRUE(weave("version --json").out.ends_with("\"daemon\":\"fake\",\"running\":false}\n"));
}

} // namespace
} // namespace weave::tools
