#include "tools/launch_plan.hpp"

#include <filesystem>
#include <map>

#include <gtest/gtest.h>

#include "test/fixtures/temporary_directory.hpp"
#include "tools/former_options.hpp"
#include "tools/log_tail.hpp"

namespace weave::tools {
namespace {

using Words = std::vector<std::string>;

using Variables = std::map<std::string, std::string, std::less<>>;

Settings settings_of(Variables const& variables) {
  return Settings::from([variables](std::string_view name) -> std::optional<std::string> {
    auto const found = variables.find(name);
    return found != variables.end() ? std::optional{found->second} : std::nullopt;
  });
}

LaunchPlan plan(Words const& words, Variables const& variables = {}) {
  return plan_launch(words, settings_of(variables));
}

Words const kDefault{"--status-addr=127.0.0.1:6782"};

Words with_default(Words words) {
  words.insert(words.begin(), kDefault.begin(), kDefault.end());
  return words;
}

TEST(LaunchPlan, PassesWordsOnInOrder) {
  EXPECT_EQ(plan({}).daemon_arguments, kDefault);
  EXPECT_EQ(plan({"host1", "--no-dns", "--port", "9000", "host2"}).daemon_arguments,
            with_default({"host1", "--no-dns", "--port", "9000", "host2"}));
}

TEST(LaunchPlan, ConsumesItsOwnOptionsAnywhere) {
  auto const result = plan({"host1", "--no-restart", "--password", "p q", "--no-detect-tls"});
  EXPECT_EQ(result.daemon_arguments, with_default({"host1"}));
  EXPECT_EQ(result.password, "p q");
  EXPECT_FALSE(result.restart);
  EXPECT_TRUE(plan({"--no-restart=false"}).restart);
  EXPECT_EQ(plan({"--password=x"}).password, "x");
  EXPECT_EQ(plan({"--password="}).password, "");
  EXPECT_EQ(plan({"--", "--password", "x"}).daemon_arguments, with_default({"--", "--password", "x"}));
}

TEST(LaunchPlan, AMissingValueIsTheDaemonsToComplainOf) {
  auto const result = plan({"host1", "--password"}, {{"WEAVE_PASSWORD", "s"}});
  EXPECT_EQ(result.daemon_arguments, with_default({"host1", "--password"}));
  EXPECT_EQ(result.password, "s");
  EXPECT_EQ(plan({"--import"}).daemon_arguments, with_default({"--import"}));
}

TEST(LaunchPlan, WhatTheOtherCommandsWouldNotFindIsMisplaced) {
  auto const settings = settings_of({{"WEAVE_RUN_DIR", "/r"}});
  auto const misplaced = [&](Words const& words) {
    return misplaced_option(plan_launch(words, settings), settings).value_or("");
  };
  EXPECT_EQ(misplaced({"host1", "--run-dir=/r", "--state-dir", "/var/lib/weave", "--cleanup=false"}), "");
  EXPECT_EQ(misplaced({"--run-dir=/x"}),
            "--run-dir is not for 'weave launch': every command has to know the directory, by WEAVE_RUN_DIR=/x");
  EXPECT_EQ(misplaced({"--state-dir", "/s"}),
            "--state-dir is not for 'weave launch': every command has to know the directory, by WEAVE_STATE_DIR=/s");
  for (std::string const option : {"--version", "--print-peer-name", "--cleanup"}) {
    EXPECT_EQ(misplaced({"host1", option}),
              option + " is not for 'weave launch', which starts the daemon: 'weaver " + option + "'");
  }
  EXPECT_EQ(misplaced({"--", "--version"}), "");
}

TEST(LaunchPlan, TellsTheOthersWhatTheBridgeIsCalled) {
  test::TemporaryDirectory const directory;
  auto const settings = settings_of({{"WEAVE_STATE_DIR", directory.path()}});
  EXPECT_EQ(overlay_bridge(settings), "weave");
  ASSERT_TRUE(save_plan(settings.launch_file(), {.daemon_arguments = {"--weave-bridge", "br7"}, .password = {}}));
  EXPECT_EQ(overlay_bridge(settings), "br7");
}

TEST(FormerOptions, APasswordIsWhatItIs) {
  for (std::string const option : {"--password", "-password"}) {
    auto const today = without_former_options({option, "-secret", "-port", "9000"});
    EXPECT_EQ(today.words, (Words{"--password", "-secret", "--port", "9000"}));
    for (auto const& warning : today.warnings) EXPECT_FALSE(warning.contains("secret")) << warning;
  }
}

TEST(FormerOptions, VariablesOfContainersAreToldToMeanNothing) {
  EXPECT_EQ(variables_without_effect(settings_of({{"WEAVE_CONTAINER_NAME", "w"}, {"WEAVE_DOCKER_ARGS", ""}})),
            Words{"WEAVE_CONTAINER_NAME has no effect: weave runs in no container"});
  EXPECT_EQ(variables_without_effect(settings_of({})), Words{});
  EXPECT_EQ(plan({}, {{"WEAVE_NO_PLUGIN", "1"}}).daemon_arguments, with_default({"--plugin=false"}));
}

TEST(FormerOptions, AreTodaysWithAWarning) {
  EXPECT_EQ(without_former_options({"host1", "--port", "9000", "-H", "x"}),
            (TodaysWords{.words = {"host1", "--port", "9000", "-H", "x"}, .warnings = {}}));
  auto const today = without_former_options(
      {"-iprange", "10.2.0.0/16", "--iprange=10.3.0.0/16", "-ipsubnet", "10.2.1.0/24", "--init-peer-count", "3",
       "-init-peer-count=2", "--with-dns", "-nickname=a", "--no-default-ipam", "host1", "--", "-iprange"});
  EXPECT_EQ(today.words,
            (Words{"--ipalloc-range", "10.2.0.0/16", "--ipalloc-range=10.3.0.0/16", "--ipalloc-default-subnet",
                   "10.2.1.0/24", "--ipalloc-init=consensus=3", "--ipalloc-init=consensus=2", "--nickname=a",
                   "--no-default-ipalloc", "host1", "--", "-iprange"}));
  EXPECT_EQ(
      today.warnings,
      (Words{"-iprange is deprecated: use --ipalloc-range", "--iprange is deprecated: use --ipalloc-range",
             "-ipsubnet is deprecated: use --ipalloc-default-subnet",
             "--init-peer-count is deprecated: use --ipalloc-init consensus=<n>",
             "-init-peer-count is deprecated: use --ipalloc-init consensus=<n>",
             "--with-dns is deprecated: leave it out, it is so without it", "-nickname is deprecated: use --nickname",
             "--no-default-ipam is deprecated: use --no-default-ipalloc"}));
}

TEST(LaunchPlan, VariablesComeFirstSoThatOptionsWin) {
  auto const result = plan({"--port", "7000"}, {{"WEAVE_PORT", "9000"},
                                                {"WEAVE_MTU", "1400"},
                                                {"WEAVE_HTTP_ADDR", "127.0.0.1:6784"},
                                                {"WEAVE_STATUS_ADDR", ""},
                                                {"WEAVE_NO_FASTDP", "1"},
                                                {"WEAVE_DEBUG", "1"},
                                                {"WEAVE_PASSWORD", "s"}});
  EXPECT_EQ(result.daemon_arguments, (Words{"--port=9000", "--mtu=1400", "--http-addr=127.0.0.1:6784",
                                            "--status-addr=", "--no-fastdp", "--log-level=debug", "--port", "7000"}));
  EXPECT_EQ(result.password, "s");
  EXPECT_EQ(plan({"--password=t"}, {{"WEAVE_PASSWORD", "s"}}).password, "t");
}

TEST(LaunchPlan, NamesAnImportedFileFromTheRoot) {
  auto const here = std::filesystem::current_path().string();
  EXPECT_EQ(plan({"--import", "../x.db", "host1"}).daemon_arguments,
            with_default({"--import=" + std::filesystem::path{here}.parent_path().string() + "/x.db", "host1"}));
  EXPECT_EQ(plan({"--import=/a/./x.db"}).daemon_arguments, with_default({"--import=/a/x.db"}));
  EXPECT_EQ(plan({"--import=none"}).daemon_arguments, with_default({"--import=none"}));
  EXPECT_EQ(plan({}, {{"WEAVE_IMPORT", "x.db"}}).daemon_arguments, with_default({"--import=" + here + "/x.db"}));
}

TEST(LaunchPlan, SurvivesItsFile) {
  LaunchPlan const odd{
      .daemon_arguments = {"a b", "", "line\nbreak\\n", "--x=é"}, .password = "p\n\\", .restart = false};
  EXPECT_EQ(parse_plan(format_plan(odd)).value(), odd);
  EXPECT_EQ(parse_plan(format_plan(LaunchPlan{})).value(), LaunchPlan{});
  EXPECT_FALSE(parse_plan("bogus 1\n"));
}

TEST(LaunchPlan, TheLastLaunchCountsMoreThanTheDefaults) {
  test::TemporaryDirectory const directory;
  auto const settings =
      settings_of({{"WEAVE_STATE_DIR", directory.path()}, {"PEERS", "host8 host9"}, {"WEAVE_PASSWORD", "default"}});
  auto const never = last_plan(settings);
  EXPECT_EQ(Words(never.daemon_arguments.end() - 2, never.daemon_arguments.end()), (Words{"host8", "host9"}));
  EXPECT_EQ(never.password, "default");
  ASSERT_TRUE(save_plan(settings.launch_file(), {.daemon_arguments = {"host1"}, .password = {}, .restart = false}));
  EXPECT_EQ(last_plan(settings), (LaunchPlan{.daemon_arguments = {"host1"}, .password = "default", .restart = false}));
  ASSERT_TRUE(save_plan(settings.launch_file(), {.daemon_arguments = {"host1"}, .password = "launched"}));
  EXPECT_EQ(last_plan(settings).password, "launched");
}

TEST(LaunchPlan, FindsWhereThePluginSocketsAre) {
  EXPECT_EQ(plugin_sockets({}), (Words{"/run/docker/plugins/weave.sock", "/run/docker/plugins/weavemesh.sock"}));
  EXPECT_EQ(plugin_sockets({"--plugin-socket=/a", "--plugin-mesh-socket", "/m", "--plugin-socket", "/b"}),
            (Words{"/b", "/m"}));
  EXPECT_EQ(plugin_sockets({"--plugin-socket=", "--plugin-mesh-socket="}), Words{});
}

TEST(LaunchPlan, SystemdHoldsTheUsualSocketsOnly) {
  EXPECT_TRUE(has_usual_plugin_sockets({"host1", "--plugin"}));
  EXPECT_FALSE(has_usual_plugin_sockets({"--plugin=false"}));
  EXPECT_TRUE(has_usual_plugin_sockets({"--plugin=false", "--plugin=true"}));
  EXPECT_FALSE(has_usual_plugin_sockets({"--plugin-socket="}));
}

TEST(LogTail, QuotesWhatEndedTheDaemon) {
  std::string const info = "INFO: 2026/11/24 03:56:47.414853 starting\n";
  std::string const error = "ERRO: 2026/11/24 03:56:47.414853 first\n";
  std::string const fatal = "FATA: 2026/11/24 03:56:47.414853 the end\n";
  EXPECT_EQ(last_errors(info + error + fatal + info), Words{"the end"});
  EXPECT_EQ(last_errors(error + info), Words{"first"});
  EXPECT_EQ(last_errors(info + "bare one\nbare two\n"), (Words{"bare one", "bare two"}));
  EXPECT_EQ(last_errors("FATA: no time in this line, which is long\n"), Words{"no time in this line, which is long"});
  EXPECT_EQ(last_errors(info), Words{"starting"});
  EXPECT_EQ(last_errors(""), Words{});
}

} // namespace
} // namespace weave::tools
