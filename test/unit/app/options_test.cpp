#include "controller/app/options.hpp"

#include <set>

#include <gtest/gtest.h>

#include "controller/app/flags.hpp"

namespace weave::controller {
namespace {

using Words = std::vector<std::string>;
using Variables = std::map<std::string, std::string>;

std::expected<Options, EarlyExit> parse(Words const& words, Variables variables = {}) {
  Environment const environment{.variable = [variables](std::string const& name) -> std::optional<std::string> {
                                  auto const found = variables.find(name);
                                  return found != variables.end() ? std::optional{found->second} : std::nullopt;
                                },
                                .hostname = "host-a"};
  return parse_options(words, environment);
}

Options parsed(Words const& words, Variables variables = {}) {
  auto result = parse(words, std::move(variables));
  if (!result) ADD_FAILURE() << result.error().text;
  return result.value_or(Options{});
}

TEST(Options, DefaultsOfTheOriginalAndOurs) {
  auto const options = parsed({});
  EXPECT_TRUE(options.peers.empty());
  EXPECT_EQ(options.port, 6783);
  EXPECT_EQ(options.min_protocol_version, 1);
  EXPECT_EQ(options.weave_bridge, "weave");
  EXPECT_EQ(options.nickname, "host-a");
  EXPECT_EQ(options.conn_limit, 200U);
  EXPECT_EQ(options.ipalloc_range->to_string(), "10.32.0.0/12");
  EXPECT_FALSE(options.ipalloc_range_given);
  EXPECT_FALSE(options.ipalloc_default_subnet);
  EXPECT_EQ(options.http_addr, "");
  EXPECT_EQ(options.docker_api, "unix:///var/run/docker.sock");
  EXPECT_TRUE(options.plugin);
  EXPECT_EQ(options.plugin_reach, PluginReach::local);
  EXPECT_EQ(options.control_socket(), "/run/weave/control.sock");
  EXPECT_EQ(options.database(), "/var/lib/weave/state.db");
  EXPECT_EQ(options.restart_mark(), "/var/lib/weave/restart.mark");
}

TEST(Options, FlagsAndPeersInAnyOrderInBothForms) {
  auto const options = parsed({"host1", "--port", "9000", "--no-discovery", "10.0.0.2:7000", "--nickname=two", "--name",
                               "::2", "--host=192.0.2.1", "--conn-limit", "0", "host3", "--mtu=1400", "--log-level",
                               "debug", "--http-addr", "127.0.0.1:6784", "--status-addr=127.0.0.1:6782"});
  EXPECT_EQ(options.peers, (Words{"host1", "10.0.0.2:7000", "host3"}));
  EXPECT_EQ(options.port, 9000);
  EXPECT_TRUE(options.no_discovery);
  EXPECT_EQ(options.nickname, "two");
  EXPECT_EQ(options.name, PeerName{2});
  EXPECT_EQ(options.host->to_string(), "192.0.2.1");
  EXPECT_EQ(options.conn_limit, 0U);
  EXPECT_EQ(options.mtu, 1400);
  EXPECT_EQ(options.log_level, LogLevel::debug);
  EXPECT_EQ(options.http_addr, "127.0.0.1:6784");
  EXPECT_EQ(options.status_addr, "127.0.0.1:6782");
}

TEST(Options, TheLaterOfTwoWins) {
  EXPECT_EQ(parsed({"--port", "1", "--port=2"}).port, 2);
  EXPECT_TRUE(parsed({"--plugin=false", "--plugin"}).plugin);
}

TEST(Options, BooleansTakeGoWordsAndNoSeparateValue) {
  for (auto const* word : {"--resume", "--resume=true", "--resume=1", "--resume=T"}) {
    EXPECT_TRUE(parsed({word}).resume) << word;
  }
  for (auto const* word : {"--resume=false", "--resume=0", "--resume=F"}) EXPECT_FALSE(parsed({word}).resume) << word;
  EXPECT_EQ(parsed({"--no-discovery", "false"}).peers, Words{"false"});
}

TEST(Options, AfterTwoDashesEverythingIsAPeer) { EXPECT_EQ(parsed({"--", "--port"}).peers, Words{"--port"}); }

TEST(Options, LocalTrafficKeepsItsSourceOnRequestAndRoutesOfAVpcAreRefused) {
  EXPECT_FALSE(parsed({}).no_masq_local);
  EXPECT_TRUE(parsed({"--no-masq-local"}).no_masq_local);
  EXPECT_TRUE(parse({"--awsvpc=false"}));
  auto const refused = parse({"--awsvpc"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, 1);
  EXPECT_TRUE(refused.error().text.starts_with("--awsvpc is not supported. Start without it: "))
      << refused.error().text;
}

TEST(Options, AnImportedFileIsNamedByFlagOrEnvironment) {
  EXPECT_EQ(parsed({}).import_file, "");
  EXPECT_EQ(parsed({}, {{"WEAVE_IMPORT", "/a.db"}}).import_file, "/a.db");
  EXPECT_EQ(parsed({"--import", "none"}, {{"WEAVE_IMPORT", "/a.db"}}).import_file, "none");
}

TEST(Options, EnvironmentFillsWhatIsNotGiven) {
  auto const options =
      parsed({"--run-dir=/r"}, {{"WEAVE_RUN_DIR", "/x"}, {"WEAVE_STATE_DIR", "/s"}, {"DOCKER_HOST", "tcp://h:1"}});
  EXPECT_EQ(options.control_socket(), "/r/control.sock");
  EXPECT_EQ(options.database(), "/s/state.db");
  EXPECT_EQ(options.docker_api, "tcp://h:1");
  EXPECT_EQ(parsed({"--docker-api="}).docker_api, "");
}

TEST(Options, AllocationRangeAndStart) {
  auto const options = parsed({"--ipalloc-range", "10.2.0.0/16", "--ipalloc-default-subnet", "10.2.1.0/24",
                               "--ipalloc-init", "seed=::1,::2,::1"});
  EXPECT_EQ(options.ipalloc_range->to_string(), "10.2.0.0/16");
  EXPECT_TRUE(options.ipalloc_range_given);
  EXPECT_EQ(options.ipalloc_default_subnet->to_string(), "10.2.1.0/24");
  EXPECT_EQ(options.ipalloc_init,
            (IpallocInit{.mode = IpallocInit::Mode::seed, .peers = 0, .seeds = {PeerName{1}, PeerName{2}}}));
  EXPECT_EQ(parsed({"--ipalloc-init", "consensus"}).ipalloc_init, IpallocInit{});
  EXPECT_EQ(parsed({"--ipalloc-init=consensus=3"}).ipalloc_init.peers, 3U);
  EXPECT_EQ(parsed({"--ipalloc-init", "observer"}).ipalloc_init.mode, IpallocInit::Mode::observer);
  EXPECT_FALSE(parsed({"--ipalloc-range", ""}).ipalloc_range);
}

TEST(Options, HarmlessFlagsOfPartsNotThereYetAreAccepted) {
  auto const options = parsed({"--no-dns", "--no-fastdp", "--no-bridged-fastdp", "--proxy=false", "--plugin",
                               "--without-dns", "--datapath", "datapath", "--dns-domain=weave.local.", "--bufsz", "8",
                               "--trusted-subnets=", "--awsvpc=false", "--plugin-weave-scope=global"});
  EXPECT_EQ(options.plugin_reach, PluginReach::global);
  EXPECT_TRUE(options.warnings.empty());
  EXPECT_EQ(parsed({"--token", "t"}).warnings.size(), 1U);
}

TEST(Options, TheManagedPluginServesTheSwarmAndNothingElse) {
  auto const options = parsed({"--plugin-v2", "--plugin=false", "--docker-api=unix:///d", "--plugin-v2=true"});
  EXPECT_EQ(options.plugin_reach, PluginReach::swarm);
  EXPECT_TRUE(options.plugin);
  EXPECT_EQ(options.plugin_socket, "/run/docker/plugins/weave.sock");
  EXPECT_EQ(options.plugin_mesh_socket, "");
  EXPECT_EQ(options.docker_api, "");
  EXPECT_FALSE(options.dns);
  EXPECT_TRUE(options.no_multicast_route);
  EXPECT_FALSE(parsed({"--plugin-v2", "--plugin-v2-multicast"}).no_multicast_route);
  EXPECT_EQ(parsed({"--plugin-v2=false"}).plugin_reach, PluginReach::local);
}

struct Rejection {
  Words words;
  std::string text;
  int code = 125;
};

TEST(Options, MisuseIsToldAndEndsWith125) {
  for (auto const& [words, text, code] : std::vector<Rejection>{
           {{"--bogus"}, "flag provided but not defined: --bogus"},
           {{"--bogus=3", "--port"}, "flag provided but not defined: --bogus"},
           {{"-port", "3"}, "flag provided but not defined: -port"},
           {{"host1", "--port"}, "flag needs an argument: --port"},
           {{"--port", "x"},
            "invalid value \"x\" for flag --port: a port from 1 to 65534 (VXLAN has the next one) is expected"},
           {{"--port=65536"},
            "invalid value \"65536\" for flag --port: a port from 1 to 65534 (VXLAN has the next one) is expected"},
           {{"--resume=maybe"}, "invalid value \"maybe\" for flag --resume: true or false is expected"},
           {{"--log-level=loud"},
            "invalid value \"loud\" for flag --log-level: one of debug, info, warning, error is expected"},
           {{"--plugin-weave-scope=x"},
            "invalid value \"x\" for flag --plugin-weave-scope: local or global is expected"},
           {{"--dns-domain", "weave..local"},
            "invalid value \"weave..local\" for flag --dns-domain: invalid domain name weave..local: empty label"},
           {{"--dns-domain=we ave"},
            "invalid value \"we ave\" for flag --dns-domain: a domain name such as weave.local is expected, of "
            "letters, "
            "digits and hyphens"},
           {{"--dns-domain="},
            "invalid value \"\" for flag --dns-domain: a domain name such as weave.local is expected"},
           {{"--dns-listen-address", "docker0:53"},
            "invalid value \"docker0:53\" for flag --dns-listen-address: an address and a port such as 172.17.0.1:53 "
            "are "
            "expected"},
           {{"--port=65535"},
            "invalid value \"65535\" for flag --port: a port from 1 to 65534 (VXLAN has the next one) is expected"},
           {{"--port=0"},
            "invalid value \"0\" for flag --port: a port from 1 to 65534 (VXLAN has the next one) is expected"},
           {{"--mtu=100"},
            "invalid value \"100\" for flag --mtu: a number of bytes from 576 to 65535, or 0, is expected"},
           {{"--weave-bridge="},
            "invalid value \"\" for flag --weave-bridge: the name of a network interface, of 15 characters at most, is "
            "expected"},
           {{"--datapath=a/b"},
            "invalid value \"a/b\" for flag --datapath: the name of a network interface, of 15 characters at most, is "
            "expected"},
           {{"--http-addr", "nowhere"},
            "invalid value \"nowhere\" for flag --http-addr: <address>:<port>, or the path of a Unix socket, is "
            "expected"},
           {{"--docker-api=x"},
            "invalid value \"x\" for flag --docker-api: unix:///<path> or tcp://<host>:<port> is expected"},
           {{"--plugin-socket=x"},
            "invalid value \"x\" for flag --plugin-socket: an absolute path, or nothing, is expected"},
           {{"--proxy"},
            "option --proxy is not supported: there is no Docker API proxy; containers join by 'docker run "
            "--net=weave' or 'weave attach'"},
           {{"-H", "tcp://0.0.0.0:12375"},
            "option -H is not supported: there is no Docker API proxy; containers join by 'docker run --net=weave' or "
            "'weave attach'"}}) {
    auto const result = parse(words);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().text, text + "\nSee 'weaver --help'.\n");
    EXPECT_EQ(result.error().code, code);
    EXPECT_EQ(result.error().stream, EarlyExit::Stream::error);
  }
}

/// Whatever takes a value says what it has to be, or takes any text.
TEST(Options, EveryFlagSaysWhatItExpects) {
  std::set<std::string_view> const any_text{"--nickname",
                                            "--password",
                                            "--password-file",
                                            "--token",
                                            "--peer-discovery-url",
                                            "--advertise-address",
                                            "--bufsz",
                                            "--resolv-conf",
                                            "--run-dir",
                                            "--state-dir",
                                            "--import",
                                            "--host-root"};
  for (auto const& flag : flags()) {
    if (flag.kind != Flag::Kind::value || any_text.contains(flag.name)) continue;
    auto const result = parse({std::string{flag.name}, "no value, at all"});
    ASSERT_FALSE(result) << flag.name;
    auto const& text = result.error().text;
    EXPECT_NE(text.find(flag.name), std::string::npos) << text;
    EXPECT_TRUE(text.contains("expected") || text.contains("not supported")) << text;
  }
}

TEST(Options, UnusableValuesAreFatalInTheWordsOfTheOriginal) {
  for (auto const& [words, text, code] : std::vector<Rejection>{
           {{"--name", "host"},
            "invalid peer name format: \"host\" (--name: a peer name such as ::1 or 00:00:00:00:00:01 is expected)",
            1},
           {{"bad_host:xx"},
            "unknown port in peer name \"bad_host:xx\" (a host to connect to is <host> or <host>:<port>)",
            1},
           {{"host1", ":99"},
            "invalid peer name \":99\", should be host[:port] (a host to connect to is <host> or <host>:<port>)",
            1},
           {{"--host=x"}, "invalid IP Address: x (--host: an IPv4 address of this host is expected)", 1},
           {{"--resume", "host1"}, "You must not specify an initial peer list in conjunction with --resume", 1},
           {{"--min-protocol-version=3"}, "--min-protocol-version must be in range [1,2], not 3", 1},
           {{"--ipalloc-range=", "--ipalloc-default-subnet=10.0.0.0/8"},
            "--ipalloc-default-subnet specified without --ipalloc-range.",
            1},
           {{"--ipalloc-range=", "--ipalloc-init=observer"}, "--ipalloc-init specified without --ipalloc-range.", 1},
           {{"--ipalloc-init", "x=1"},
            "Unable to parse --ipalloc-init: unknown mode: x (--ipalloc-init: consensus, consensus=<count>, seed=<peer "
            "name>,... or observer is expected)",
            1},
           {{"--ipalloc-init", "consensus=many"},
            "Unable to parse --ipalloc-init: bad consensus parameter: many (--ipalloc-init: consensus, "
            "consensus=<count>, seed=<peer name>,... or observer is expected)",
            1},
           {{"--ipalloc-init", "seed"},
            "Unable to parse --ipalloc-init: seed mode requires peer name list (--ipalloc-init: consensus, "
            "consensus=<count>, seed=<peer name>,... or observer is expected)",
            1},
           {{"--ipalloc-init", "seed=::1,y"},
            "Unable to parse --ipalloc-init: bad seed parameter: invalid peer name format: \"y\" (--ipalloc-init: "
            "consensus, consensus=<count>, seed=<peer name>,... or observer is expected)",
            1},
           {{"--ipalloc-init", "observer=1"},
            "Unable to parse --ipalloc-init: observer mode takes no parameter (--ipalloc-init: consensus, "
            "consensus=<count>, seed=<peer name>,... or observer is expected)",
            1},
           {{"--ipalloc-range=10.32.0.0/12", "--ipalloc-default-subnet=192.168.0.0/24"},
            "IP address allocation default subnet 192.168.0.0/24 does not overlap with allocation range 10.32.0.0/12",
            1},
           {{"--ipalloc-range", "garbage"},
            "invalid CIDR address: garbage (--ipalloc-range: a subnet such as 10.32.0.0/12 is expected)",
            1},
           {{"--ipalloc-range", "10.2.0.1/16"},
            "invalid subnet - bits after network prefix are not all zero: 10.2.0.1/16 (--ipalloc-range: all bits after "
            "the prefix must be zero, and 4 addresses or more be in it)",
            1},
           {{"--password", "s3cret", "--password-file=x"},
            "the password is given twice: by --password-file, and by --password or WEAVE_PASSWORD",
            1},
           {{"--require-encryption"},
            "--require-encryption needs a password: give it by --password-file or WEAVE_PASSWORD",
            1},
           {{"--trusted-subnets", "10.0.0.0/8,host"},
            "Unable to parse trusted subnets: invalid CIDR address: host (--trusted-subnets: a list of subnets such as "
            "10.0.0.0/8,192.0.2.0/24 is expected)",
            1}}) {
    auto const result = parse(words);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().text, text);
    EXPECT_EQ(result.error().code, code);
    EXPECT_EQ(result.error().stream, EarlyExit::Stream::log);
  }
}

TEST(Options, ThePasswordOfTheEnvironmentCountsWhereNoneIsGiven) {
  auto const password = [](std::vector<std::string> const& words) {
    auto const options = parse(words, {{"WEAVE_PASSWORD", "s3cret"}});
    return std::string{as_text((*options).password->octets())};
  };
  EXPECT_EQ(password({}), "s3cret");
  EXPECT_EQ(password({"--password="}), "s3cret");
  EXPECT_EQ(password({"--password", "other"}), "other");
  EXPECT_EQ(parse({}, {})->password, nullptr);
}

TEST(Options, TrustedSubnets) {
  EXPECT_TRUE(parse({}, {})->trusted_subnets.empty());
  auto const options = parse({"--trusted-subnets=10.0.0.0/8,192.0.2.0/24"}, {});
  ASSERT_EQ(options->trusted_subnets.size(), 2U);
  EXPECT_EQ(options->trusted_subnets[1].to_string(), "192.0.2.0/24");
}

TEST(Options, HelpAndVersionEndWellOnStdout) {
  auto const help = parse({"--port", "1", "--help", "--bogus"}).error();
  EXPECT_EQ(help.code, 0);
  EXPECT_EQ(help.stream, EarlyExit::Stream::output);
  EXPECT_TRUE(help.text.starts_with("Usage: weaver"));
  auto const version = parse({"--version"}).error();
  EXPECT_EQ(version.code, 0);
  EXPECT_TRUE(version.text.starts_with("weave "));
}

TEST(Options, CleanupAndPeerNameNeedNoValidConfiguration) {
  EXPECT_TRUE(parsed({"--cleanup"}, {{"WEAVE_PASSWORD", "x"}}).cleanup);
  EXPECT_TRUE(parsed({"--print-peer-name", "--password=x"}).print_peer_name);
}

TEST(Options, TheLogLineNamesWhatWasGivenWithoutSecrets) {
  auto const options = parsed({"--print-peer-name", "--password", "s3cret", "--port=9000"});
  EXPECT_EQ(options_line(options), "Command line options: map[password:<redacted> port:9000 print-peer-name:true]");
}

TEST(Options, ThePasswordLeavesTheProcessList) {
  std::string first = "--password=abc";
  std::string second = "--password";
  std::string third = "def";
  std::string fourth = "host1";
  std::vector<char*> arguments{first.data(), second.data(), third.data(), fourth.data()};
  hide_password(arguments);
  EXPECT_EQ(first, "--password=xxx");
  EXPECT_EQ(third, "xxx");
  EXPECT_EQ(fourth, "host1");
}

} // namespace
} // namespace weave::controller
