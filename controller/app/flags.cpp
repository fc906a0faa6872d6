#include "controller/app/flags.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ranges>
#include <utility>

#include <fmt/format.h>

#include "base/http/endpoint.hpp"
#include "controller/dns/domain_name.hpp"
#include "controller/dns/name_text.hpp"

namespace weave::controller {
namespace {

template <class Number>
Result<void> set_number(Number& target, std::string_view text) {
  Number number{};
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::result_out_of_range) return failure(ErrorKind::out_of_range, "value out of range");
  if (error != std::errc{} || end != text.data() + text.size()) return failure(ErrorKind::malformed, "not a number");
  target = number;
  return {};
}

template <class Value>
Result<void> set_parsed(std::optional<Value>& target, std::string_view text) {
  if (text.empty()) {
    target.reset();
    return {};
  }
  auto const parsed = Value::parse(text);
  if (!parsed) return failure(ErrorKind::refused, parsed.error().text());
  target = *parsed;
  return {};
}

Result<void> set_log_level(Options& options, std::string_view text) {
  auto const level = parse_log_level(text);
  if (!level) return failure(ErrorKind::malformed, "one of debug, info, warning, error is expected");
  options.log_level = *level;
  return {};
}

Result<void> set_weave_scope(Options& options, std::string_view text) {
  if (text != "local" && text != "global") return failure(ErrorKind::malformed, "local or global is expected");
  options.plugin_reach = text == "global" ? PluginReach::global : PluginReach::local;
  return {};
}

Result<void> set_managed_plugin(Options& options, std::string_view text) {
  options.plugin_reach = *parse_boolean(text) ? PluginReach::swarm : PluginReach::local;
  return {};
}

Result<void> set_ipalloc_init(Options& options, std::string_view text) {
  auto init = parse_ipalloc_init(text);
  if (!init) return failure_of(init);
  options.ipalloc_init = *std::move(init);
  return {};
}

Result<void> set_password(Options& options, std::string_view text) {
  options.password = text.empty() ? nullptr : std::make_shared<Secret const>(Secret::of(text));
  return {};
}

Result<void> set_trusted_subnets(Options& options, std::string_view text) {
  options.trusted_subnets.clear();
  while (!text.empty()) {
    auto const word = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    auto const subnet = Ipv4Cidr::parse(word);
    if (!subnet) {
      return failure(ErrorKind::refused, fmt::format("Unable to parse trusted subnets: {}", subnet.error().text()));
    }
    options.trusted_subnets.push_back(*subnet);
  }
  return {};
}

Result<void> set_range(Options& options, std::string_view text) {
  options.ipalloc_range_given = true;
  return set_parsed(options.ipalloc_range, text);
}

Result<void> no_awsvpc(Options&, std::string_view text) {
  if (!*parse_boolean(text)) return {};
  return failure(ErrorKind::refused,
                 "--awsvpc is not supported. Start without it: the overlay works between EC2 instances as well, if "
                 "their security group lets TCP and UDP port 6783 and UDP port 6784 pass");
}

/// The named service no longer exists anywhere.
Result<void> without_effect(Options& options, std::string_view) {
  options.warnings.emplace_back(
      "--token, --peer-discovery-url and --advertise-address have no effect: "
      "the discovery service they belong to is gone");
  return {};
}

Result<void> set_fast_path(Options& options, std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, FastPathChoice>, 4> kChoices{
      {{"auto", FastPathChoice::automatic},
       {"openvswitch", FastPathChoice::openvswitch},
       {"bpf", FastPathChoice::bpf},
       {"none", FastPathChoice::none}}};
  auto const* const found = std::ranges::find(kChoices, text, &std::pair<std::string_view, FastPathChoice>::first);
  if (found == kChoices.end()) {
    return failure(ErrorKind::malformed, "one of auto, openvswitch, bpf, none is expected");
  }
  options.fast_path = found->second;
  return {};
}

Result<void> no_fastdp(Options& options, std::string_view text) {
  if (*parse_boolean(text)) options.fast_path = FastPathChoice::none;
  return {};
}

Result<void> no_bridged_fastdp(Options& options, std::string_view text) {
  options.bridged_fastdp = !*parse_boolean(text);
  return {};
}

Result<void> no_dns(Options& options, std::string_view text) {
  options.dns = !*parse_boolean(text);
  return {};
}

Result<void> set_dns_domain(Options& options, std::string_view text) {
  if (text.empty() || text == ".")
    return failure(ErrorKind::malformed, "a domain name such as weave.local is expected");
  auto const domain = dns::DomainName::parse(text);
  if (!domain) return failure_of(domain);
  auto const qualified = dns::qualified(text);
  // What DNS must write with escapes nobody can type into a resolv.conf.
  if (domain->to_string() != qualified) {
    return failure(ErrorKind::malformed,
                   "a domain name such as weave.local is expected, of letters, digits and hyphens");
  }
  options.dns_domain = qualified;
  return {};
}

Result<void> set_dns_listen(Options& options, std::string_view text) {
  options.dns_listen.reset();
  if (text.empty()) return {};
  auto const colon = std::min(text.rfind(':'), text.size());
  auto const address = Ipv4Address::parse(text.substr(0, colon));
  if (!address) return failure(ErrorKind::malformed, "an address and a port such as 172.17.0.1:53 are expected");
  Ipv4Endpoint endpoint{.address = *address, .port = 53};
  if (colon < text.size()) {
    if (auto const port = set_number(endpoint.port, text.substr(colon + 1)); !port) return port;
  }
  options.dns_listen = endpoint;
  return {};
}

/// As the original's: a number with a unit, "5s", "500ms", "1m".
Result<void> set_dns_timeout(Options& options, std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, int>, 3> kUnits{{{"ms", 1}, {"s", 1000}, {"m", 60'000}}};
  for (auto const& [unit, milliseconds] : kUnits) {
    if (!text.ends_with(unit)) continue;
    std::uint32_t number = 0;
    if (auto const set = set_number(number, text.substr(0, text.size() - unit.size())); !set) continue;
    options.dns_fallback_timeout = std::chrono::milliseconds{std::int64_t{number} * milliseconds};
    return {};
  }
  return failure(ErrorKind::malformed, "a duration such as 5s is expected");
}

Result<void> nothing(Options&, std::string_view) { return {}; }

template <bool Options::*member>
Result<void> switch_to(Options& options, std::string_view text) {
  options.*member = *parse_boolean(text); // checked for every Boolean before
  return {};
}

template <std::string Options::*member>
Result<void> text_to(Options& options, std::string_view text) {
  options.*member = text;
  return {};
}

template <auto member, std::uint32_t least = 0, bool or_zero = false>
Result<void> number_to(Options& options, std::string_view text) {
  if (auto const set = set_number(options.*member, text); !set) return set;
  auto const number = options.*member;
  bool const fits = (or_zero && number == 0) || static_cast<std::int64_t>(number) >= least;
  return fits ? Result<void>{} : failure(ErrorKind::out_of_range, "value out of range");
}

Result<void> set_port(Options& options, std::string_view text) {
  constexpr std::uint16_t kLast = 65534; // the kernel fast path has the next one
  if (auto const set = set_number(options.port, text); !set) return set;
  if (options.port < 1 || options.port > kLast) return failure(ErrorKind::out_of_range, "value out of range");
  return {};
}

/// Of a network interface.
template <std::string Options::*member, bool may_be_empty>
Result<void> interface_to(Options& options, std::string_view text) {
  constexpr std::size_t kLongest = 15;
  bool const usable = text.size() <= kLongest && text.find_first_of("/: \t\n") == std::string_view::npos &&
                      text != "." && text != ".." && (may_be_empty || !text.empty());
  if (!usable) return failure(ErrorKind::malformed, "no name of a network interface");
  options.*member = text;
  return {};
}

/// Where a server listens or is.
template <std::string Options::*member>
Result<void> endpoint_to(Options& options, std::string_view text) {
  if (!text.empty()) {
    if (auto const endpoint = http::Endpoint::parse(text); !endpoint) return failure_of(endpoint);
  }
  options.*member = text;
  return {};
}

template <std::string Options::*member>
Result<void> path_to(Options& options, std::string_view text) {
  if (!text.empty() && !text.starts_with('/')) return failure(ErrorKind::malformed, "not an absolute path");
  options.*member = text;
  return {};
}

template <auto member>
Result<void> parsed_to(Options& options, std::string_view text) {
  return set_parsed(options.*member, text);
}

constexpr auto kNoProxy = "there is no Docker API proxy; containers join by 'docker run --net=weave' or 'weave attach'";
constexpr auto kListen = "<address>:<port>, or the path of a Unix socket,";
constexpr auto kInterface = "the name of a network interface, of 15 characters at most,";
constexpr auto kSubnet = "a subnet such as 10.32.0.0/12";
constexpr auto kSocket = "an absolute path, or nothing,";
constexpr auto kPort = "a port from 1 to 65534 (VXLAN has the next one)";

constexpr auto kBoolean = Flag::Kind::boolean;
constexpr auto kValue = Flag::Kind::value;

constexpr std::array kFlags{
    Flag{"--help", kBoolean, "", "print this list and exit", nothing},
    Flag{"--version", kBoolean, "", "print the version and exit", nothing},
    Flag{"--print-peer-name", kBoolean, "", "print the peer name and exit", switch_to<&Options::print_peer_name>},
    Flag{"--cleanup", kBoolean, "", "remove what a stopped daemon left on this host, and exit",
         switch_to<&Options::cleanup>},

    Flag{"--name", kValue, "", "peer name, such as ::1 (default: derived from this machine)", parsed_to<&Options::name>,
         "", "a peer name such as ::1 or 00:00:00:00:00:01"},
    Flag{"--nickname", kValue, "", "name for people (default: the host's name)", text_to<&Options::nickname>},
    Flag{"--host", kValue, "", "local address for everything towards peers", parsed_to<&Options::host>, "",
         "an IPv4 address of this host"},
    Flag{"--port", kValue, "6783", "TCP and UDP port towards peers", set_port, "", kPort},
    Flag{"--password", kValue, "", "encryption password; better given in WEAVE_PASSWORD", set_password},
    Flag{"--min-protocol-version", kValue, "1", "oldest protocol version accepted, 1 or 2",
         number_to<&Options::min_protocol_version>, "", "1 or 2"},
    Flag{"--conn-limit", kValue, "200", "soft limit of connections, 0 for none", number_to<&Options::conn_limit>, "",
         "a number of connections, 0 for no limit,"},
    Flag{"--no-discovery", kBoolean, "false", "connect only to the peers given", switch_to<&Options::no_discovery>},
    Flag{"--resume", kBoolean, "false", "connect to the peers known before; none may be given",
         switch_to<&Options::resume>},
    Flag{"--password-file", kValue, "", "file that holds the encryption password", text_to<&Options::password_file>},
    Flag{"--trusted-subnets", kValue, "", "where data may go unencrypted: subnets with commas between",
         set_trusted_subnets, "", "a list of subnets such as 10.0.0.0/8,192.0.2.0/24"},
    Flag{"--require-encryption", kBoolean, "false", "no connection without encryption; needs a password",
         switch_to<&Options::require_encryption>},
    Flag{"--token", kValue, "", "no effect", without_effect},
    Flag{"--peer-discovery-url", kValue, "", "no effect", without_effect},
    Flag{"--advertise-address", kValue, "", "no effect", without_effect},

    Flag{"--weave-bridge", kValue, "weave", "name of the bridge", interface_to<&Options::weave_bridge, false>, "",
         kInterface},
    Flag{"--docker-bridge", kValue, "docker0", "Docker's bridge, on whose address DNS listens",
         interface_to<&Options::docker_bridge, true>, "", kInterface},
    Flag{"--datapath", kValue, "", "name of the Open vSwitch datapath (default: datapath)",
         interface_to<&Options::datapath, true>, "", kInterface},
    Flag{"--mtu", kValue, "0", "MTU of the network, 0 to compute it", number_to<&Options::mtu, 576, true>, "",
         "a number of bytes from 576 to 65535, or 0,"},
    Flag{"--fast-path", kValue, "auto", "kernel datapath between hosts: auto, openvswitch, bpf or none", set_fast_path},
    Flag{"--no-fastdp", kBoolean, "false", "the same as --fast-path=none", no_fastdp},
    Flag{"--no-bridged-fastdp", kBoolean, "false", "containers on the Open vSwitch datapath itself, without a bridge",
         no_bridged_fastdp},
    Flag{"--bufsz", kValue, "8", "no effect", nothing},
    Flag{"--pkt-debug", kBoolean, "false", "log every packet", nullptr, "false",
         "tcpdump shows packets on the interface weave"},
    Flag{"--no-masq-local", kBoolean, "false", "no source NAT towards local containers",
         switch_to<&Options::no_masq_local>},
    Flag{"--expect-npc", kBoolean, "false", "a network policy controller is there", nullptr, "false",
         "Kubernetes is not served"},
    Flag{"--awsvpc", kBoolean, "false", "AWS route tables instead of an overlay: not supported", no_awsvpc},

    Flag{"--ipalloc-range", kValue, "10.32.0.0/12", "addresses to allocate, empty for none", set_range, "", kSubnet},
    Flag{"--ipalloc-default-subnet", kValue, "", "subnet for containers that name none (default: the range)",
         parsed_to<&Options::ipalloc_default_subnet>, "", kSubnet},
    Flag{"--ipalloc-init", kValue, "", "consensus[=N], seed=PEER,… or observer", set_ipalloc_init, "",
         "consensus, consensus=<count>, seed=<peer name>,... or observer"},

    Flag{"--http-addr", kValue, "", "control API besides the control socket", endpoint_to<&Options::http_addr>, "",
         kListen},
    Flag{"--status-addr", kValue, "", "read-only API", endpoint_to<&Options::status_addr>, "", kListen},
    Flag{"--metrics-addr", kValue, "", "metrics alone", endpoint_to<&Options::metrics_addr>, "", kListen},
    Flag{"--log-level", kValue, "info", "debug, info, warning or error", set_log_level},
    Flag{"--profile", kValue, "", "write a CPU profile", nullptr, "", "perf profiles the process weaver"},

    Flag{"--docker-api", kValue, "unix:///var/run/docker.sock", "Docker's socket, empty to leave Docker alone",
         endpoint_to<&Options::docker_api>, "", "unix:///<path> or tcp://<host>:<port>"},
    Flag{"--plugin", kBoolean, "true", "serve Docker's network and IPAM drivers", switch_to<&Options::plugin>},
    Flag{"--plugin-socket", kValue, "/run/docker/plugins/weave.sock", "driver `weave`, empty for none",
         path_to<&Options::plugin_socket>, "", kSocket},
    Flag{"--plugin-mesh-socket", kValue, "/run/docker/plugins/weavemesh.sock", "driver `weavemesh`, empty for none",
         path_to<&Options::plugin_mesh_socket>, "", kSocket},
    Flag{"--plugin-weave-scope", kValue, "local", "scope of driver `weave`: local or global", set_weave_scope},
    Flag{"--plugin-v2", kBoolean, "false", "be the managed plugin of a Docker swarm, and nothing else",
         set_managed_plugin},
    Flag{"--plugin-v2-multicast", kBoolean, "false", "with --plugin-v2: a multicast route on all its networks",
         switch_to<&Options::plugin_v2_multicast>},
    Flag{"--no-multicast-route", kBoolean, "false", "no multicast route on the default network",
         switch_to<&Options::no_multicast_route>},

    Flag{"--no-dns", kBoolean, "false", "without DNS", no_dns},
    Flag{"--dns-domain", kValue, "weave.local.", "DNS domain", set_dns_domain},
    Flag{"--dns-listen-address", kValue, "", "DNS address and port (default: port 53 of Docker's bridge)",
         set_dns_listen},
    Flag{"--dns-ttl", kValue, "1", "DNS time to live, seconds", number_to<&Options::dns_ttl>, "",
         "a number of seconds"},
    Flag{"--dns-fallback-timeout", kValue, "5s", "wait for upstream DNS servers", set_dns_timeout},
    Flag{"--resolv-conf", kValue, "/etc/resolv.conf", "where upstream DNS servers are named",
         text_to<&Options::resolv_conf>},

    Flag{"--proxy", kBoolean, "false", "Docker API proxy", nullptr, "false", kNoProxy},
    Flag{"-H", kValue, "", "address of the proxy", nullptr, "", kNoProxy},
    Flag{"--hostname-from-label", kValue, "", "proxy: host name from this label", nullptr, "", kNoProxy},
    Flag{"--hostname-match", kValue, "(.*)", "proxy: host name pattern", nullptr, "(.*)", kNoProxy},
    Flag{"--hostname-replacement", kValue, "$1", "proxy: host name replacement", nullptr, "$1", kNoProxy},
    Flag{"--rewrite-inspect", kBoolean, "false", "proxy: show weave addresses in docker inspect", nullptr, "false",
         kNoProxy},
    Flag{"--no-default-ipalloc", kBoolean, "false", "proxy: addresses only on request", nothing},
    Flag{"--no-rewrite-hosts", kBoolean, "false", "proxy: leave /etc/hosts alone", nothing},
    Flag{"--without-dns", kBoolean, "false", "proxy: containers without weave's DNS", nothing},
    Flag{"--tls", kBoolean, "false", "proxy: TLS", nullptr, "false", kNoProxy},
    Flag{"--tlsverify", kBoolean, "false", "proxy: TLS with client certificates", nullptr, "false", kNoProxy},
    Flag{"--tlscacert", kValue, "", "proxy: CA certificate", nullptr, "", kNoProxy},
    Flag{"--tlscert", kValue, "", "proxy: certificate", nullptr, "", kNoProxy},
    Flag{"--tlskey", kValue, "", "proxy: key", nullptr, "", kNoProxy},

    Flag{"--run-dir", kValue, "/run/weave", "sockets and pid files (or WEAVE_RUN_DIR)", text_to<&Options::run_dir>},
    Flag{"--state-dir", kValue, "/var/lib/weave", "what survives a reboot (or WEAVE_STATE_DIR)",
         text_to<&Options::state_dir>},
    Flag{"--import", kValue, "", "Bolt file of Weave Net to take over at the first start, or none (or WEAVE_IMPORT)",
         text_to<&Options::import_file>},
    Flag{"--host-root", kValue, "", "where this machine's identity is read", text_to<&Options::host_root>},
    Flag{"--proc-path", kValue, "/proc", "the host's procfs", nullptr, "/proc", "processes are those in /proc"},
    Flag{"--db-prefix", kValue, "", "replaced by --state-dir", nullptr, "", "--state-dir says where the state is"},
};

Result<std::vector<PeerName>> parse_seeds(std::string_view text) {
  std::vector<PeerName> seeds;
  for (auto const part : std::views::split(text, ',')) {
    auto const name = PeerName::parse(std::string_view{part.begin(), part.end()});
    if (!name) return failure(ErrorKind::refused, fmt::format("bad seed parameter: {}", name.error().text()));
    if (std::ranges::find(seeds, *name) == seeds.end()) seeds.push_back(*name);
  }
  return seeds;
}

} // namespace

std::span<Flag const> flags() { return kFlags; }

Result<bool> parse_boolean(std::string_view text) {
  for (auto const* word : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == word) return true;
  }
  for (auto const* word : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == word) return false;
  }
  return failure(ErrorKind::malformed, "true or false is expected");
}

Result<IpallocInit> parse_ipalloc_init(std::string_view text) {
  auto const fault = [](std::string_view why) {
    return failure(ErrorKind::refused, fmt::format("Unable to parse --ipalloc-init: {}", why));
  };
  if (text.empty()) return IpallocInit{};
  auto const mode = text.substr(0, text.find('='));
  bool const has_value = mode.size() < text.size();
  auto const value = has_value ? text.substr(mode.size() + 1) : std::string_view{};
  IpallocInit init;
  if (mode == "consensus") {
    if (has_value && (!set_number(init.peers, value) || init.peers == 0)) {
      return fault(fmt::format("bad consensus parameter: {}", value));
    }
  } else if (mode == "seed") {
    init.mode = IpallocInit::Mode::seed;
    if (value.empty()) return fault("seed mode requires peer name list");
    auto seeds = parse_seeds(value);
    if (!seeds) return fault(seeds.error().text());
    init.seeds = *std::move(seeds);
  } else if (mode == "observer") {
    init.mode = IpallocInit::Mode::observer;
    if (has_value) return fault("observer mode takes no parameter");
  } else {
    return fault(fmt::format("unknown mode: {}", mode));
  }
  return init;
}

} // namespace weave::controller
