#include "controller/docker/container_naming.hpp"

#include <gtest/gtest.h>

namespace weave::controller::docker {
namespace {

constexpr std::string_view kId = "105f1f389ba454f73a2e9ae3abde2c23f8975262e4fa60172223a82a45fcad7d";

ContainerInfo container(std::string name, std::string hostname, std::vector<std::string> aliases = {}) {
  return ContainerInfo{.id = std::string{kId},
                       .name = std::move(name),
                       .hostname = std::move(hostname),
                       .domainname = {},
                       .running = true,
                       .pid = 1,
                       .endpoints = {ContainerEndpoint{.network_id = "n1",
                                                       .network_name = "weave",
                                                       .address = Ipv4Address{0x0a200001},
                                                       .aliases = std::move(aliases)}}};
}

std::vector<std::string> names(ContainerInfo const& info, std::string const& domain = "weave.local.") {
  std::vector<std::string> found;
  for (auto const& name : ContainerNaming{domain}.names_of(info, [](auto const&) { return true; })) {
    found.push_back(name.fqdn);
  }
  return found;
}

using Names = std::vector<std::string>;

TEST(ContainerNaming, TakesHostNamesInsideTheDomain) {
  EXPECT_EQ(names(container("c", "foo.weave.local")), (Names{"c.weave.local.", "foo.weave.local."}));
  auto split = container("c", "foo");
  split.domainname = "weave.local";
  EXPECT_EQ(names(split), (Names{"c.weave.local.", "foo.weave.local."}));
  split.domainname = "a.weave.local.";
  EXPECT_EQ(names(split), (Names{"c.weave.local.", "foo.a.weave.local."}));
  EXPECT_EQ(names(container("c", "foo.example.com")), (Names{"c.weave.local."}));
  EXPECT_EQ(names(container("c", "foo.notweave.local")), (Names{"c.weave.local."}));
  EXPECT_EQ(names(container("c", "foo")), (Names{"c.weave.local."}));
  EXPECT_EQ(names(container("c", "weave.local")), (Names{"c.weave.local.", "weave.local."}));
}

TEST(ContainerNaming, CompletesNamesAndBareAliases) {
  EXPECT_EQ(names(container("web.1.x_y", "105f1f389ba4",
                            {"db", "105f1f389ba4", std::string{kId}, "in.weave.local", "out.example.com",
                             "WEB.1.X_Y.Weave.Local."})),
            (Names{"db.weave.local.", "in.weave.local.", "web.1.x_y.weave.local."}));
  EXPECT_EQ(names(container("foo.weave.local", "")), (Names{"foo.weave.local."}));
  EXPECT_EQ(names(container("c", ""), "example.com"), (Names{"c.example.com."}));
}

TEST(ContainerNaming, LeavesOutWhatNobodyCouldAskFor) {
  EXPECT_EQ(names(container("", ".weave.local", {"", ".", "a b", "a\nb", "..", std::string(64, 'x'), "ok"})),
            (Names{"ok.weave.local."}));
  EXPECT_EQ(names(container(std::string(63, 'x') + "." + std::string(63, 'x') + "." + std::string(63, 'x') + "." +
                                std::string(63, 'x'),
                            "")),
            Names{});
}

TEST(ContainerNaming, NamesEachAddressOfOurs) {
  auto info = container("c", "");
  info.endpoints.push_back(
      ContainerEndpoint{.network_id = "n2", .network_name = "b", .address = Ipv4Address{0x0a200002}, .aliases = {"x"}});
  info.endpoints.push_back(ContainerEndpoint{.network_id = "n1", .network_name = "d", .address = {}, .aliases = {"y"}});
  ContainerNaming const naming{"weave.local"};
  EXPECT_EQ(naming.names_of(info, [](auto const&) { return true; }).size(), 3U);
  auto const ours = naming.names_of(info, [](auto const& endpoint) { return endpoint.network_id == "n1"; });
  EXPECT_EQ(ours, (std::set{ContainerName{.fqdn = "C.weave.LOCAL.", .address = Ipv4Address{0x0a200001}}}));
}

} // namespace
} // namespace weave::controller::docker
