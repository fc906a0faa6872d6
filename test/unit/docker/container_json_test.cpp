#include "controller/docker/container_json.hpp"

#include <gtest/gtest.h>

#include "base/http/message.hpp"

namespace weave::controller::docker {
namespace {

using namespace std::chrono_literals;

// Recorded from an engine 20.10; shortened, and the second network added.
constexpr std::string_view kContainer =
    R"({"Id":"105f1f389ba454f73a2e9ae3abde2c23f8975262e4fa60172223a82a45fcad7d","Created":"2026-11-25T04:45:31.070576346Z",)"
    R"("State":{"Status":"running","Running":true,"Paused":false,"Restarting":false,"OOMKilled":false,"Dead":false,"Pid":238},)"
    R"("Name":"/web","ExecIDs":null,"Config":{"Hostname":"foo.weave.local","Domainname":"","Env":null},)"
    R"("NetworkSettings":{"Bridge":"","IPAddress":"","Networks":{)"
    R"("weave":{"IPAMConfig":null,"Links":null,"Aliases":["db","105f1f389ba4","foo.weave.local"],)"
    R"("NetworkID":"793fa703771f","EndpointID":"69465ae8759e","Gateway":"","IPAddress":"10.99.0.1","IPPrefixLen":16},)"
    R"("other":{"Aliases":null,"NetworkID":"357376384af4","EndpointID":"","IPAddress":""}}}})";

// By the documentation of API 1.44 to 1.52; not recorded.
constexpr std::string_view kNewContainer =
    R"({"Id":"c1","State":{"Status":"running","Running":true,"Restarting":false,"Pid":7},"Name":"/web",)"
    R"("Config":{"Hostname":"c1"},"NetworkSettings":{"SandboxID":"s","Networks":{"weave":{"Aliases":["db"],)"
    R"("DNSNames":["web","db","c1"],"GwPriority":0,"NetworkID":"n1","EndpointID":"e1","IPAddress":"10.32.0.1"}}}})";

TEST(ContainerJson, ReadsAContainer) {
  auto const container = decode_container(kContainer);
  ASSERT_TRUE(container);
  EXPECT_EQ(container->name, "web");
  EXPECT_EQ(container->hostname, "foo.weave.local");
  EXPECT_EQ(container->domainname, "");
  EXPECT_TRUE(container->up());
  ASSERT_EQ(container->endpoints.size(), 2U);
  EXPECT_EQ(container->endpoints[0],
            (ContainerEndpoint{.network_id = "357376384af4", .network_name = "other", .address = {}, .aliases = {}}));
  EXPECT_EQ(container->endpoints[1], (ContainerEndpoint{.network_id = "793fa703771f",
                                                        .network_name = "weave",
                                                        .address = *Ipv4Address::parse("10.99.0.1"),
                                                        .aliases = {"db", "105f1f389ba4", "foo.weave.local"}}));
}

TEST(ContainerJson, ReadsWhatNewEnginesSay) {
  auto const container = decode_container(kNewContainer);
  ASSERT_TRUE(container);
  EXPECT_EQ(container->endpoints.at(0).aliases, (std::vector<std::string>{"db", "web", "c1"}));
}

TEST(ContainerJson, TellsWhereItLives) {
  auto const container =
      decode_container(R"({"Id":"c","HostsPath":"/d/hosts","NetworkSettings":{"SandboxKey":"/run/docker/netns/1"},)"
                       R"("HostConfig":{"NetworkMode":"default","ExtraHosts":["db:192.0.2.7",7]}})");
  ASSERT_TRUE(container);
  EXPECT_EQ(container->hosts_file, "/d/hosts");
  EXPECT_EQ(container->sandbox, "/run/docker/netns/1");
  EXPECT_EQ(container->network_owner, "");
  EXPECT_EQ(container->extra_hosts, std::vector<std::string>{"db:192.0.2.7"});
  EXPECT_EQ(decode_container(R"({"Id":"c","HostConfig":{"NetworkMode":"container:abc"}})")->network_owner, "abc");
}

TEST(ContainerJson, TellsItsFullName) {
  auto const fqdn = [](std::string const& hostname, std::string const& domain) {
    return decode_container(R"({"Id":"c","Config":{"Hostname":")" + hostname + R"(","Domainname":")" + domain + "\"}}")
        ->fqdn();
  };
  EXPECT_EQ(fqdn("web", "weave.local"), "web.weave.local");
  EXPECT_EQ(fqdn("web.weave.local", ""), "web.weave.local");
  EXPECT_EQ(fqdn("web", ""), "");
}

TEST(ContainerJson, TellsWhetherItIsUp) {
  auto const up = [](std::string const& state) {
    return decode_container(R"({"Id":"c","State":)" + state + "}")->up();
  };
  EXPECT_TRUE(up(R"({"Running":true,"Pid":1})"));
  EXPECT_FALSE(up(R"({"Running":true,"Pid":0})"));
  EXPECT_FALSE(up(R"({"Running":true,"Restarting":true,"Pid":0})"));
  EXPECT_FALSE(up(R"({"Running":false,"Pid":0,"Status":"exited"})"));
  EXPECT_FALSE(up("null"));
  EXPECT_FALSE(up(R"({"Running":"yes","Pid":1e300})"));
}

TEST(ContainerJson, RefusesWhatIsNoContainer) {
  for (auto const* bad : {"", "{}", "[]", "null", "{\"Id\":7}", "{\"Id\":\"c\"", "<html>"}) {
    EXPECT_EQ(decode_container(bad).error().kind(), ErrorKind::malformed) << bad;
  }
  auto const odd = decode_container(
      R"({"Id":"c","Config":7,"NetworkSettings":{"Networks":{"a":null,"b":{"IPAddress":"nonsense","Aliases":[7,null]},"c":{"IPAddress":"0.0.0.0"}}}})");
  ASSERT_TRUE(odd);
  ASSERT_EQ(odd->endpoints.size(), 2U);
  EXPECT_FALSE(odd->endpoints[0].address);
  EXPECT_FALSE(odd->endpoints[1].address);
}

TEST(EventJson, ReadsEventsOfAllAges) {
  // 1.41, as an engine 20.10 sent it; 1.52, without the old fields; 1.21, with nothing but them.
  auto const modern = decode_event(
      R"({"status":"start","id":"c1","from":"busybox:lab","Type":"container","Action":"start","Actor":{"ID":"c1","Attributes":{"image":"busybox:lab","name":"web"}},"scope":"local","time":1795581831,"timeNano":1795581831839536239})");
  ASSERT_TRUE(modern);
  EXPECT_EQ(*modern,
            (EngineEvent{.kind = EventKind::container_started, .container = "c1", .time = 1795581831839536239ns}));
  auto const newest = decode_event(
      R"({"Type":"container","Action":"start","Actor":{"ID":"c1","Attributes":{}},"scope":"local","time":1795581831,"timeNano":1795581831839536239})");
  EXPECT_EQ(*newest, *modern);
  auto const oldest = decode_event(R"({"status":"die","id":"c1","from":"busybox:lab","time":1795581831})");
  EXPECT_EQ(*oldest, (EngineEvent{.kind = EventKind::container_died, .container = "c1", .time = 1795581831s}));
  auto const network = decode_event(
      R"({"Type":"network","Action":"connect","Actor":{"ID":"743cb1593f49","Attributes":{"container":"457d2252576d","name":"weave","type":"weavemesh"}},"scope":"local","time":1795581831,"timeNano":1795581831240271308})");
  EXPECT_EQ(network->kind, EventKind::network_connected);
  EXPECT_EQ(network->container, "457d2252576d");
}

TEST(EventJson, KnowsItsKinds) {
  auto const kind = [](std::string const& type, std::string const& action) {
    auto const event = decode_event(R"({"Type":")" + type + R"(","Action":")" + action +
                                    R"(","Actor":{"ID":"i","Attributes":{"container":"c"}}})");
    return event ? event->kind : EventKind::other;
  };
  EXPECT_EQ(kind("container", "rename"), EventKind::container_renamed);
  EXPECT_EQ(kind("container", "destroy"), EventKind::container_destroyed);
  EXPECT_EQ(kind("network", "disconnect"), EventKind::network_disconnected);
  EXPECT_EQ(kind("network", "destroy"), EventKind::other);
  EXPECT_EQ(kind("volume", "destroy"), EventKind::other);
  EXPECT_EQ(kind("container", "exec_create: sh"), EventKind::other);
  EXPECT_EQ(decode_event(R"({"Type":"network","Action":"connect","Actor":{"ID":"n"}})")->kind, EventKind::other);
}

TEST(EventJson, RefusesNonsense) {
  for (auto const* bad : {"", "{}", "[]", "null", "{\"Type\":\"container\"", R"({"Type":"container","Action":"die"})",
                          R"({"status":7,"id":"c"})"}) {
    EXPECT_EQ(decode_event(bad).error().kind(), ErrorKind::malformed) << bad;
  }
  EXPECT_EQ(decode_event(R"({"status":"die","id":"c","time":-5})")->time, 0s);
  EXPECT_GT(decode_event(R"({"status":"die","id":"c","time":9223372036854775807})")->time, 0s);
}

TEST(EventJson, AsksForWhatItReads) {
  auto const decoded = *http::percent_decode(events_target(1795581831000000042ns));
  EXPECT_EQ(
      decoded,
      R"(/events?filters={"type":["container","network"],"event":["start","die","destroy","rename","connect","disconnect"]}&since=1795581831.000000042)");
  EXPECT_EQ(events_target(std::nullopt).find("since"), std::string::npos);
}

TEST(LineSplitter, MakesLinesOfPieces) {
  std::vector<std::string> lines;
  auto const keep = [&](std::string_view line) { lines.emplace_back(line); };
  LineSplitter splitter{10};
  splitter.push("{\"a\"", keep);
  splitter.push(":1}\r\n\n \r\n\x1e{}\n{", keep);
  EXPECT_EQ(lines, (std::vector<std::string>{"{\"a\":1}\r", "{}"}));
  splitter.push(std::string(100, 'x'), keep);
  splitter.push("y\nz\n", keep);
  EXPECT_EQ(lines.at(2), "{xxxxxxxxx");
  EXPECT_EQ(lines.at(3), "z");
}

} // namespace
} // namespace weave::controller::docker
