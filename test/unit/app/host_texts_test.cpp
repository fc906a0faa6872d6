#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "controller/app/expose_service.hpp"
#include "controller/app/hosts_file.hpp"
#include "test/fixtures/temporary_directory.hpp"

namespace weave::controller {
namespace {

std::string contents(std::string const& path) {
  std::ostringstream text;
  text << std::ifstream{path}.rdbuf();
  return text.str();
}

TEST(HostsFile, NamesTheContainerByItsAddresses) {
  auto const text = hosts_text({.hostname = "web",
                                .fqdn = "web.weave.local",
                                .addresses = {Ipv4Address{0x0a02'0101}, Ipv4Address{0x0a02'0201}},
                                .extra_hosts = {"db:192.0.2.7", "six:2001:db8::1"}});
  ASSERT_TRUE(text);
  EXPECT_TRUE(
      text->starts_with("# created by Weave - BEGIN\n# container hostname\n"
                        "10.2.1.1        web.weave.local web\n"
                        "10.2.2.1        web.weave.local web\n\n"
                        "# static names added with --add-host\n"
                        "192.0.2.7       db\n"
                        "2001:db8::1     six\n\n"
                        "# default localhost entries\n"
                        "127.0.0.1       localhost\n"))
      << *text;
  EXPECT_TRUE(text->ends_with("# created by Weave - END\n"));
  EXPECT_NE(hosts_text({.hostname = "web", .fqdn = {}, .addresses = {Ipv4Address{0x0a02'0101}}, .extra_hosts = {}})
                ->find("10.2.1.1        web\n"),
            std::string::npos);
}

TEST(HostsFile, RefusesWhatIsNoHost) {
  for (auto const* const bad : {"db", ":1.2.3.4", "db:", "d b:1.2.3.4", "db:1.2.3.4\n0.0.0.0 x"}) {
    EXPECT_FALSE(hosts_text({.hostname = "web", .fqdn = {}, .addresses = {}, .extra_hosts = {bad}})) << bad;
  }
}

TEST(HostsFile, OfTheEngineIsToldFromWhatIsMountedInItsPlace) {
  EXPECT_TRUE(is_engines_own("/var/lib/docker/containers/abc/hosts", {"abc", ""}));
  EXPECT_TRUE(is_engines_own("/srv/docker/containers/owner/hosts", {"abc", "owner"}));
  for (auto const* const other : {"/etc/hosts", "/hosts", "/containers//hosts", "/var/lib/docker/containers/abd/hosts",
                                  "/srv/containers/abc/hosts/hosts", ""}) {
    EXPECT_FALSE(is_engines_own(other, {"abc", ""})) << other;
  }
}

TEST(HostsFile, KeepsWhatTheEngineFoundOut) {
  auto const* const present = "127.0.0.1 localhost\n# 1.2.3.4 host.docker.internal\n172.17.0.1\thost.docker.internal\n";
  EXPECT_EQ(resolved_extra_host("host.docker.internal:host-gateway", present), "host.docker.internal:172.17.0.1");
  EXPECT_EQ(resolved_extra_host("other:host-gateway", present), std::nullopt);
  EXPECT_EQ(resolved_extra_host("db:192.0.2.7", present), "db:192.0.2.7");
}

TEST(HostsFile, IsSeenByWhoHasItOpenAndThenLetGo) {
  test::TemporaryDirectory const directory;
  auto const path = directory.file("hosts");
  auto const seen = directory.file("seen");
  std::ofstream{path} << "what the engine wrote, and that was longer\n";
  std::filesystem::create_hard_link(path, seen);
  ASSERT_TRUE(write_hosts(path, "ours\n", 4711));
  EXPECT_EQ(contents(seen), "ours\n");
  EXPECT_EQ(contents(path), "ours\n");
  std::ofstream{path} << "what the engine writes later\n";
  EXPECT_EQ(contents(seen), "ours\n");
  EXPECT_FALSE(write_hosts("", "ours\n", 4711));
}

TEST(HostsFile, IsSeenEachTimeItIsWritten) {
  test::TemporaryDirectory const directory;
  auto const path = directory.file("hosts");
  auto const first_life = directory.file("first");
  std::ofstream{path} << "what the engine wrote\n";
  std::filesystem::create_hard_link(path, first_life);
  ASSERT_TRUE(write_hosts(path, "once\n", 4711));
  ASSERT_TRUE(write_hosts(path, "twice\n", 4711));
  EXPECT_EQ(contents(first_life), "twice\n");
  EXPECT_EQ(contents(path), "twice\n");
  std::ofstream{path} << "what the engine wrote for the next start\n";
  auto const second_life = directory.file("second");
  std::filesystem::create_hard_link(path, second_life);
  ASSERT_TRUE(write_hosts(path, "again\n", 4712));
  ASSERT_TRUE(write_hosts(path, "and again\n", 4712));
  EXPECT_EQ(contents(second_life), "and again\n");
  EXPECT_EQ(contents(first_life), "twice\n");
  EXPECT_FALSE(std::filesystem::exists(path + ".weave-4711"));
}

TEST(Exposures, OutliveTheDaemonAsText) {
  std::vector<datapath::Exposure> const exposures{
      {.address = Ipv4Cidr::parse("10.2.1.254/24").value(), .masquerade = true},
      {.address = Ipv4Cidr::parse("10.2.2.254/16").value(), .masquerade = false}};
  EXPECT_EQ(to_text(exposures), "10.2.1.254/24 masquerade, 10.2.2.254/16 plain");
  EXPECT_EQ(parse_exposures(to_text(exposures)).value(), exposures);
  EXPECT_TRUE(parse_exposures("").value().empty());
  for (auto const* const bad : {"10.2.1.254/24", "10.2.1.254/24 perhaps", "x plain"}) {
    EXPECT_FALSE(parse_exposures(bad)) << bad;
  }
}

} // namespace
} // namespace weave::controller
