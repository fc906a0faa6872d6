#include "tools/command.hpp"

#include <algorithm>
#include <map>
#include <sstream>

#include <gtest/gtest.h>

#include "test/unit/tools/printed.hpp"
#include "tools/command_table.hpp"

namespace weave::tools {
namespace {

/// With nobody listening, unless a test says where.
Printed weave(std::vector<std::string> words) {
  return run_weave(std::move(words), {{"WEAVE_RUN_DIR", "/nonexistent/run"}});
}

TEST(CommandLine, UsageGoesToStderr) {
  for (auto const& [words, code] : std::vector<std::pair<std::vector<std::string>, int>>{{{}, 1},
                                                                                         {{"help"}, 0},
                                                                                         {{"--help"}, 0},
                                                                                         {{"connect", "--help"}, 0},
                                                                                         {{"--local", "help"}, 0},
                                                                                         {{"connect"}, 1},
                                                                                         {{"forget"}, 1},
                                                                                         {{"rmpeer"}, 1},
                                                                                         {{"rmpeer", ""}, 1},
                                                                                         {{"report", "x"}, 1},
                                                                                         {{"stop", "x"}, 1},
                                                                                         {{"reset", "x"}, 1},
                                                                                         {{"version", "x"}, 1}}) {
    auto const printed = weave(words);
    EXPECT_EQ(printed.code, code) << (words.empty() ? "" : words[0]);
    EXPECT_EQ(printed.out, "");
    EXPECT_TRUE(printed.err.starts_with("Usage:\n")) << printed.err;
  }
}

TEST(CommandLine, UnknownCommand) {
  auto const printed = weave({"bogus"});
  EXPECT_EQ(printed.code, 1);
  EXPECT_TRUE(printed.err.starts_with("Unknown weave command 'bogus'\nUsage:\n"));
}

TEST(CommandLine, HelpOfOneCommand) {
  for (auto const& words : std::vector<std::vector<std::string>>{{"help", "expose"}, {"expose", "x", "--help"}}) {
    auto const printed = weave(words);
    EXPECT_EQ(printed.code, 0);
    EXPECT_EQ(printed.out, "");
    EXPECT_TRUE(printed.err.starts_with("Usage:\n\nweave expose [<addr>...] [-h <fqdn>]")) << printed.err;
    EXPECT_NE(printed.err.find("  -h <fqdn>"), std::string::npos) << printed.err;
    EXPECT_NE(printed.err.find("where <addr>    = [ip:]<cidr>"), std::string::npos) << printed.err;
    EXPECT_EQ(printed.err.find("weave stop"), std::string::npos);
  }
  EXPECT_EQ(weave({"help", "bogus"}).code, 1);
  EXPECT_EQ(weave({"help", "run-daemon"}).code, 1);
}

TEST(CommandLine, EveryCommandHasHelp) {
  for (auto const& command : commands()) {
    if (command.audience == Audience::ourselves) continue;
    EXPECT_FALSE(command.summary.empty()) << command.name;
    EXPECT_NE(command.run, nullptr) << command.name;
    EXPECT_EQ(weave({"help", std::string{command.name}}).code, 0) << command.name;
    auto const listed = weave({"help"}).err.find("\nweave " + std::string{command.name}) != std::string::npos;
    EXPECT_TRUE(listed || command.audience != Audience::everyone) << command.name;
    for (auto const& option : command.options) EXPECT_FALSE(option.help.empty()) << command.name << option.name;
  }
}

TEST(CommandLine, RemovedCommandsSayWhatToDo) {
  for (std::string const name : {"run", "start", "restart", "launch-proxy", "launch-dns", "stop-dns"}) {
    auto const printed = weave({name, "x"});
    EXPECT_EQ(printed.code, 1);
    EXPECT_EQ(printed.out, "");
    EXPECT_TRUE(printed.err.starts_with("The 'weave " + name +
                                        "' command has been removed as of Weave Net version 2.0\n"
                                        "Please see release notes for further information\n"));
    EXPECT_GT(std::ranges::count(printed.err, '\n'), 2) << "what to do instead";
  }
  EXPECT_EQ(weave({"setup-cni"}).code, 1);
  EXPECT_TRUE(weave({"setup-cni"}).err.starts_with("weave setup-cni: Kubernetes and CNI are not part of weave"));
}

TEST(CommandLine, NoProxy) {
  for (auto const& [name, code] :
       std::vector<std::pair<std::string, int>>{{"env", 0}, {"proxy-env", 0}, {"config", 1}, {"proxy-config", 1}}) {
    auto const printed = weave({name});
    EXPECT_EQ(printed.code, code) << name;
    EXPECT_EQ(printed.out, "") << "used inside $(...)";
    EXPECT_TRUE(printed.err.starts_with("weave " + name + ": there is no Docker API proxy"));
  }
  EXPECT_EQ(weave({"stop-proxy"}), (Printed{.code = 0, .out = "", .err = "Proxy is not running.\n"}));
}

TEST(CommandLine, EnvRestore) {
  EXPECT_EQ(run_weave({"env", "--restore"}, {{"ORIG_DOCKER_HOST", "tcp://h:1"}}),
            (Printed{.code = 0, .out = "DOCKER_HOST=tcp://h:1\n", .err = ""}));
  EXPECT_EQ(run_weave({"env", "--restore"}, {{"ORIG_DOCKER_HOST", ""}}).out, "DOCKER_HOST=\n");
  auto const nothing = weave({"env", "--restore"});
  EXPECT_EQ(nothing.code, 1);
  EXPECT_EQ(nothing.out, "");
  EXPECT_TRUE(
      nothing.err.starts_with("Nothing to restore. This is most likely because there was no preceding "
                              "invocation of 'eval $(weave env)' in this shell."));
}

TEST(CommandLine, PluginWithoutADaemon) {
  EXPECT_EQ(weave({"launch-plugin"}).code, 7);
  for (auto const& words : std::vector<std::vector<std::string>>{{"--log-level", "debug"}, {"--log-level=debug"}}) {
    auto all = words;
    all.insert(all.begin(), "launch-plugin");
    auto const printed = weave(all);
    EXPECT_EQ(printed.code, 7);
    EXPECT_TRUE(printed.err.starts_with("--log-level is an option of 'weave launch' now, and has no effect here\n"));
  }
  EXPECT_EQ(weave({"stop-plugin"}), (Printed{.code = 0, .out = "", .err = "Plugin is not running.\n"}));
}

TEST(CommandLine, ADaemonThatIsNotThere) {
  std::string const text =
      "weave is not running (nobody answers on /nonexistent/run/control.sock). Have you launched it?\n";
  for (auto const& [words, code] : std::vector<std::pair<std::vector<std::string>, int>>{{{"connect", "a"}, 7},
                                                                                         {{"forget", "a"}, 7},
                                                                                         {{"prime"}, 7},
                                                                                         {{"report"}, 7},
                                                                                         {{"rmpeer", "a"}, 1},
                                                                                         {{"status", "peers"}, 1},
                                                                                         {{"status", "--json"}, 1}}) {
    auto const printed = weave(words);
    EXPECT_EQ(printed.code, code) << words[0];
    EXPECT_EQ(printed.err, text);
    EXPECT_EQ(printed.out, "");
  }
  auto const status = weave({"status"});
  EXPECT_EQ(status.code, 1);
  EXPECT_EQ(status.out, "\n\n");
  EXPECT_EQ(status.err, text);
}

TEST(CommandLine, UnknownStatus) {
  auto const printed = weave({"status", "odd", "one"});
  EXPECT_EQ(printed.code, 1);
  EXPECT_TRUE(printed.err.starts_with("Invalid 'weave status' sub-command: odd one\nUsage:\n"));
}

} // namespace
} // namespace weave::tools
