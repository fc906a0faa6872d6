#include "tools/managed_plugin.hpp"

#include <map>

#include <gtest/gtest.h>

namespace weave::tools {
namespace {

using Words = std::vector<std::string>;

Words arguments(std::map<std::string, std::string, std::less<>> variables, Words const& peers = {}) {
  variables.emplace("WEAVE_RUN_DIR", "/host/run/weave");
  variables.emplace("WEAVE_STATE_DIR", "/host/var/lib/weave");
  return managed_arguments(Settings::from([variables](std::string_view name) -> std::optional<std::string> {
                             auto const found = variables.find(name);
                             return found != variables.end() ? std::optional{found->second} : std::nullopt;
                           }),
                           peers);
}

Words with_usual(Words words, std::string const& level = "info", std::string const& range = "") {
  Words all{"--plugin-v2",
            "--run-dir=/host/run/weave",
            "--state-dir=/host/var/lib/weave",
            "--host-root=/host",
            "--status-addr=127.0.0.1:6782",
            "--log-level=" + level,
            "--ipalloc-range=" + range};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

TEST(ManagedPlugin, UnsetVariablesAreEmptyOnes) {
  EXPECT_EQ(arguments({}), with_usual({}));
  EXPECT_EQ(arguments({{"LOG_LEVEL", ""}, {"EXTRA_ARGS", ""}, {"WEAVE_MTU", ""}, {"WEAVE_MULTICAST", ""}}),
            with_usual({}));
}

TEST(ManagedPlugin, VariablesBecomeOptionsAndThePeersComeLast) {
  EXPECT_EQ(arguments({{"LOG_LEVEL", "debug"},
                       {"EXTRA_ARGS", "  --no-fastdp --status-addr=0.0.0.0:6782  192.0.2.9 "},
                       {"WEAVE_MTU", "1300"},
                       {"WEAVE_MULTICAST", "1"},
                       {"IPALLOC_RANGE", "10.48.0.0/16"},
                       {"WEAVE_PASSWORD", "secret"}},
                      {"192.0.2.1", "192.0.2.2"}),
            with_usual({"--mtu=1300", "--plugin-v2-multicast", "--no-fastdp", "--status-addr=0.0.0.0:6782", "192.0.2.9",
                        "192.0.2.1", "192.0.2.2"},
                       "debug", "10.48.0.0/16"));
  EXPECT_EQ(arguments({{"WEAVE_MULTICAST", "false"}}), with_usual({}));
}

TEST(ManagedPlugin, NobodyThereIsNoPlugin) {
  EXPECT_EQ(managed_by_docker(Settings::from([](std::string_view name) -> std::optional<std::string> {
                                if (name == "WEAVE_RUN_DIR") return "/nonexistent";
                                return std::nullopt;
                              }),
                              "stop"),
            std::nullopt);
}

} // namespace
} // namespace weave::tools
