#include "datapath/link/firewall.hpp"

#include <deque>

#include <gtest/gtest.h>

namespace weave::datapath {
namespace {

using Words = std::vector<std::string>;

/// Answers commands with the given exit statuses in turn and remembers them.
struct Iptables {
  std::deque<Result<int>> answers;
  std::vector<std::string> actions;

  ForwardRules rules() {
    return ForwardRules{"weave", [this](Words const& command) -> Result<int> {
                          actions.push_back(command.at(3));
                          EXPECT_EQ(command, (Words{"iptables", "-w", "5", command.at(3), "FORWARD", "-i", "weave",
                                                    "-o", "weave", "-j", "ACCEPT"}));
                          if (answers.empty()) return 1;
                          auto answer = answers.front();
                          answers.pop_front();
                          return answer;
                        }};
  }
};

TEST(ForwardRules, leaves_a_rule_alone_that_is_there) {
  Iptables iptables{.answers = {0}, .actions = {}};
  EXPECT_TRUE(iptables.rules().ensure());
  EXPECT_EQ(iptables.actions, (Words{"-C"}));
}

TEST(ForwardRules, inserts_a_missing_one_and_says_when_that_fails) {
  Iptables iptables{.answers = {1, 0}, .actions = {}};
  EXPECT_TRUE(iptables.rules().ensure());
  EXPECT_EQ(iptables.actions, (Words{"-C", "-I"}));

  Iptables broken{.answers = {1, 4}, .actions = {}};
  auto const ensured = broken.rules().ensure();
  ASSERT_FALSE(ensured);
  EXPECT_EQ(ensured.error().text(), "iptables refuses a rule for bridge weave (exit status 4)");
}

TEST(ForwardRules, is_content_on_a_host_without_iptables) {
  Iptables iptables{.answers = {failure(ErrorKind::not_found, "iptables: not found"),
                                failure(ErrorKind::not_found, "iptables: not found")},
                    .actions = {}};
  EXPECT_TRUE(iptables.rules().ensure());
  EXPECT_TRUE(iptables.rules().remove());
}

TEST(ForwardRules, removes_every_copy) {
  Iptables iptables{.answers = {0, 0, 1}, .actions = {}};
  EXPECT_TRUE(iptables.rules().remove());
  EXPECT_EQ(iptables.actions, (Words{"-D", "-D", "-D"}));
}

TEST(RunCommand, gives_exit_status_signal_and_absence) {
  EXPECT_EQ(run_command({"sh", "-c", "exit 3"}).value(), 3);
  EXPECT_EQ(run_command({"sh", "-c", "kill -9 $$"}).value(), 128 + 9);
  EXPECT_EQ(run_command({"no-such-program-anywhere"}).error().kind(), ErrorKind::not_found);
}

} // namespace
} // namespace weave::datapath
