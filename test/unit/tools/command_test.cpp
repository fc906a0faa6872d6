#include "tools/command.hpp"

#include <map>
#include <sstream>

#include <gtest/gtest.h>

#include "test/unit/tools/printed.hpp"

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

TEST(CommandLine, CommandsOfPartsNotThereYetSaySo) {
  for (auto const* name : {"attach-bridge", "config", "setup"}) {
    auto const printed = weave({name, "x"});
    EXPECT_EQ(printed.code, 1);
    EXPECT_EQ(printed.err, std::string{"weave "} + name + ": not available in this version\n");
  }
  auto const printed = weave({"env"});
  EXPECT_EQ(printed.code, 0) << "used inside $(…)";
  EXPECT_EQ(printed.out, "");
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
