#include "tools/host_probes.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <system_error>
#include <thread>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "base/process/subprocess.hpp"
#include "controller/docker/engine_json.hpp"
#include "controller/store/stored_targets.hpp"
#include "datapath/link/addresses.hpp"
#include "datapath/link/links.hpp"
#include "datapath/link/overlay_bridge.hpp"
#include "datapath/link/route_socket.hpp"
#include "tools/absence.hpp"
#include "tools/daemon_answer.hpp"
#include "tools/docker_answer.hpp"
#include "tools/launch_plan.hpp"
#include "tools/listening_sockets.hpp"
#include "tools/peer_probes.hpp"

namespace weave::tools {
namespace {

namespace docker = controller::docker;

constexpr std::string_view kDefaultRange = "10.32.0.0/12";
constexpr std::uint16_t kDnsPort = 53;
/// For Docker, and for the daemon: whoever takes longer hangs, which is a finding.
constexpr std::chrono::milliseconds kPatience{5'000};
constexpr std::chrono::milliseconds kPatienceWithPeers{3'000};
constexpr std::chrono::milliseconds kSettling{1'000};
constexpr std::uint32_t kDefaultMtu = 1376;

/// Bytes of the IP packet that carries a container's packet of `mtu` by VXLAN (protocol/datapath.md §7.5 for ESP).
std::uint32_t needed_packet(std::uint32_t mtu, bool encrypted) {
  constexpr std::uint32_t kEthernet = 14;
  constexpr std::uint32_t kIpUdpVxlan = 20 + 8 + 8;
  constexpr std::uint32_t kEsp = 8 + 8 + 2 + 16;
  constexpr std::uint32_t kAlignment = 4;
  auto const clear = mtu + kEthernet + kIpUdpVxlan;
  return encrypted ? (clear + kEsp + kAlignment - 1) / kAlignment * kAlignment : clear;
}

std::optional<std::string> contents(std::string const& path) {
  std::ifstream file{path};
  if (!file) return std::nullopt;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

bool exists(std::string const& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

KernelFacts kernel_facts() {
  KernelFacts facts;
  utsname name{};
  if (::uname(&name) == 0) facts.release = name.release;
  auto const loadable = contents(fmt::format("/lib/modules/{}/modules.dep", facts.release));
  auto const builtin = contents(fmt::format("/lib/modules/{}/modules.builtin", facts.release));
  auto const module = [&](std::string_view wanted) {
    if (exists(fmt::format("/sys/module/{}", wanted))) return Presence::present;
    if (builtin && names_module(*builtin, wanted)) return Presence::present;
    if (loadable && names_module(*loadable, wanted)) return Presence::loadable;
    return loadable ? Presence::absent : Presence::unknown;
  };
  facts.openvswitch = module("openvswitch");
  facts.vxlan = module("vxlan");
  facts.esp = module("esp4");
  facts.bridge = module("bridge");
  facts.bpf = exists("/proc/sys/net/core/bpf_jit_enable") ? Presence::present : Presence::absent;
  facts.tun = exists("/dev/net/tun") ? Presence::present : module("tun");
  if (facts.tun == Presence::unknown) facts.tun = Presence::absent; // without its device file it is of no use
  if (auto const filters = contents("/proc/sys/net/bridge/bridge-nf-call-iptables")) {
    facts.filters_bridged_frames = filters->starts_with('1');
  }
  return facts;
}

FirewallFacts firewall_facts() {
  FirewallFacts facts;
  auto const version = converse_within(kPatience, {"iptables", "--version"}, {});
  facts.installed = version ? version->status == 0 : version.error().kind() == ErrorKind::timed_out;
  if (!version) facts.obstacle = facts.installed ? version.error().text() : std::string{};
  if (!version || !facts.installed) return facts;
  facts.backend = version->output.find("nf_tables") != std::string::npos ? "nf_tables" : "legacy";
  auto const saved = [&facts](char const* program) {
    auto const result = converse_within(kPatience, {program}, {});
    if (!result && result.error().kind() == ErrorKind::timed_out) facts.obstacle = result.error().text();
    return result && result->status == 0 ? result->output : std::string{};
  };
  auto const nft = saved("iptables-nft-save");
  // Asking makes the kernel load the legacy tables: only if they are there already.
  auto const tables = contents("/proc/net/ip_tables_names");
  auto const legacy = tables && !tables->empty() ? saved("iptables-legacy-save") : std::string{};
  facts.nft_rules = count_rules(nft);
  facts.legacy_rules = count_rules(legacy);
  constexpr std::string_view kChainOfDocker = "\n:DOCKER ";
  facts.docker_in_nft = nft.find(kChainOfDocker) != std::string::npos;
  facts.docker_in_legacy = legacy.find(kChainOfDocker) != std::string::npos;
  constexpr std::string_view kRejection = "-A FORWARD -j REJECT --reject-with icmp-host-prohibited";
  facts.rejects_forwarded = nft.find(kRejection) != std::string::npos || legacy.find(kRejection) != std::string::npos;
  return facts;
}

void look_at_network(HostFacts& facts, std::string const& docker_bridge) {
  auto socket = datapath::RouteSocket::open();
  if (!socket) return;
  datapath::Links links{*socket};
  datapath::Addresses addresses{*socket};
  std::map<datapath::LinkIndex, std::string> names;
  if (auto const all = links.list()) {
    for (auto const& link : *all) names.emplace(link.index, link.name);
  }
  if (auto const routes = addresses.routes()) {
    for (auto const& route : *routes) {
      if (route.destination.prefix == 0) continue;
      facts.routes.push_back({route.destination, route.link ? names[*route.link] : std::string{"several"}});
    }
  }
  auto const bridge = links.find(docker_bridge);
  if (!bridge) return;
  auto const own = addresses.list(bridge->index);
  if (own && !own->empty()) facts.docker_bridge = own->front().address.address;
}

/// What the last launch said about ports and addresses.
void look_at_launch(HostFacts& facts, Settings const& settings) {
  auto const plan = load_plan(settings.launch_file());
  auto const arguments = plan ? plan->daemon_arguments : plan_launch({}, settings).daemon_arguments;
  if (auto const port = std::atoi(argument_value(arguments, "--port", "6783").c_str()); port > 0 && port < 65535) {
    facts.port = static_cast<std::uint16_t>(port);
  }
  facts.bridge = argument_value(arguments, "--weave-bridge", facts.bridge);
  auto const range = argument_value(arguments, "--ipalloc-range", kDefaultRange);
  facts.range_is_default = range == kDefaultRange;
  if (auto const parsed = Ipv4Cidr::parse(range)) facts.range = *parsed;
  facts.dns_wanted = std::ranges::find(arguments, "--no-dns") == arguments.end() &&
                     argument_value(arguments, "--dns-listen-address", "").empty();
  auto const status = http::Endpoint::parse(argument_value(arguments, "--status-addr", ""));
  facts.status_port = status && !status->is_unix() ? std::optional{status->port} : std::nullopt;
  facts.encrypted = (plan && plan->password) || settings.non_empty("WEAVE_PASSWORD") ||
                    !argument_value(arguments, "--password-file", "").empty();
  auto const mtu = std::atoi(argument_value(arguments, "--mtu", "0").c_str());
  facts.needed_packet = needed_packet(mtu > 0 ? static_cast<std::uint32_t>(mtu) : kDefaultMtu, facts.encrypted);
}

/// What a daemon that does not run would go for.
std::vector<PeerToProbe> peers_of_next_start(HostFacts& facts, Settings const& settings) {
  std::vector<PeerToProbe> peers;
  auto const stored = controller::store::stored_targets(settings.state_dir + "/state.db");
  if (stored) {
    for (auto const& target : *stored) peers.push_back({target, "stored here"});
  } else if (stored.error().kind() != ErrorKind::not_found) {
    facts.targets_obstacle = stored.error().text();
  }
  if (exists(settings.launch_file())) return peers; // from the first launch on these are not asked for
  for (auto const& file : {"/etc/default/weave", "/etc/sysconfig/weave"}) {
    for (auto const& word : words_of_variable(contents(file).value_or(""), "PEERS")) peers.push_back({word, file});
  }
  return peers;
}

void look_for_peers(HostFacts& facts, Settings const& settings) {
  std::vector<PeerToProbe> peers;
  if (!facts.report) {
    peers = peers_of_next_start(facts, settings);
  } else if (facts.report->router) {
    // Whoever dialled us did so from a port where nobody listens.
    for (auto const& connection : facts.report->router->connections) {
      bool const is_made = connection.state == controller::api::ConnectionState::established;
      if (connection.outbound) peers.push_back({connection.address, {}, !is_made});
    }
  }
  facts.probes = probe_peers(peers, facts.port, facts.needed_packet, kPatienceWithPeers);
}

bool is_endpoint_of(std::vector<std::string> const& endpoints, std::string_view start) {
  return std::ranges::any_of(endpoints, [start](auto const& id) { return id.starts_with(start); });
}

/// Host ends of containers' interfaces, by what they lack now.
std::vector<LeftoverFact> ends_without_container(HostFacts const& facts) {
  std::vector<LeftoverFact> found;
  auto socket = datapath::RouteSocket::open();
  if (!socket) return found;
  datapath::Links links{*socket};
  for (std::string_view const prefix : {datapath::kEndpointHostPrefix, std::string_view{"vethwepl"}}) {
    auto const ends = links.list(prefix);
    if (!ends) continue;
    for (auto const& end : *ends) {
      auto const id = std::string_view{end.name}.substr(prefix.size());
      bool const is_of_docker = prefix == datapath::kEndpointHostPrefix;
      if (end.kind == "veth" && end.peer_here) {
        found.push_back({end.name, "its other end is in no container"});
      } else if (is_of_docker && facts.docker.endpoints && !is_endpoint_of(*facts.docker.endpoints, id)) {
        found.push_back({end.name, fmt::format("no running container has a Docker endpoint {}...", id)});
      }
    }
  }
  return found;
}

/// Those that are being made or given up just now are none.
std::vector<LeftoverFact> leftovers(HostFacts const& facts) {
  auto const first = ends_without_container(facts);
  if (first.empty()) return first;
  std::this_thread::sleep_for(kSettling);
  auto found = ends_without_container(facts);
  std::erase_if(found, [&](LeftoverFact const& each) {
    return std::ranges::find(first, each.name, &LeftoverFact::name) == first.end();
  });
  return found;
}

std::optional<std::vector<std::string>> endpoints_of(http::Endpoint const& engine, std::chrono::milliseconds limit) {
  auto const list = ask_docker(engine, "/containers/json?all=1", limit);
  if (!list) return std::nullopt;
  auto const containers = docker::decode_containers(*list);
  if (!containers) return std::nullopt;
  std::vector<std::string> endpoints;
  for (auto const& container : *containers) {
    for (auto const& place : container.places) {
      if (!place.endpoint_id.empty()) endpoints.push_back(place.endpoint_id);
    }
  }
  return endpoints;
}

DockerFacts docker_facts(Settings const& settings) {
  DockerFacts facts;
  auto const engine = docker_endpoint(settings);
  if (!engine) {
    facts.obstacle = engine.error().text();
    return facts;
  }
  facts.endpoint = engine->to_string();
  auto const began = std::chrono::steady_clock::now();
  auto const version = ask_docker(*engine, "/version", kPatience);
  if (!version) {
    facts.hangs = version.error().kind() == ErrorKind::timed_out;
    facts.obstacle = version.error().text();
    return facts;
  }
  boost::system::error_code error;
  auto const value = boost::json::parse(*version, error);
  auto const* text = !error && value.is_object() ? value.as_object().if_contains("Version") : nullptr;
  facts.version = text != nullptr && text->is_string() ? std::string{text->as_string()} : "of unknown version";
  auto const versions = docker::decode_versions(*version);
  facts.too_old = versions && !docker::choose_version(*versions);
  auto const spent = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
  auto const list = ask_docker(*engine, "/networks", std::max(kPatience - spent, std::chrono::milliseconds{1}));
  if (!list) {
    facts.hangs = list.error().kind() == ErrorKind::timed_out;
    facts.obstacle = list.error().text();
    return facts;
  }
  auto const networks = docker::decode_networks(*list);
  if (!networks) return facts;
  for (auto const& network : *networks) facts.networks.push_back({network.name, network.driver});
  facts.endpoints = endpoints_of(*engine, std::max(kPatience - spent, std::chrono::milliseconds{1}));
  return facts;
}

void ask_for_report(HostFacts& facts, Settings const& settings) {
  auto const answer = ask_daemon(settings, [](ApiClient const& client) { return client.report(kPatience); });
  auto const report =
      answer && answer->ok()
          ? controller::api::parse_status_report(answer->body)
          : Result<controller::api::StatusReport>{failure(ErrorKind::unavailable, "the daemon gives no report")};
  if (report) {
    facts.report = *report;
    if (report->ipam) facts.range = report->ipam->range;
    if (report->router) {
      facts.port = report->router->port;
      facts.encrypted = report->router->encryption;
      facts.needed_packet = needed_packet(report->router->mtu, facts.encrypted);
    }
    facts.dns_wanted = facts.dns_wanted && report->dns.has_value();
  } else if (!answer) {
    auto const absence = look_for_daemon(answer.error(), settings);
    facts.absence = explain_absence(absence);
    // Before the first launch, and after a stop, that is as it should be.
    if (absence.is_down()) facts.absence.severity = Severity::note;
  } else {
    facts.absence = {Severity::error, "daemon", "the daemon gives no report", report.error().text(),
                     "'weave version' shows whether command and daemon are of one version"};
  }
}

} // namespace

bool names_module(std::string_view list, std::string_view module) {
  auto const name = fmt::format("/{}.ko", module);
  for (auto at = list.find(name); at != std::string_view::npos; at = list.find(name, at + 1)) {
    auto const after = at + name.size() < list.size() ? list[at + name.size()] : '\n';
    auto const line = list.rfind('\n', at) + 1; // 0 if there is none
    // Of modules.dep the part before the colon; modules may be packed (.ko.xz).
    if ((after == ':' || after == '\n' || after == '.') &&
        list.substr(line, at - line).find(':') == std::string_view::npos)
      return true;
  }
  return false;
}

std::size_t count_rules(std::string_view saved) {
  std::size_t count = saved.starts_with("-A ") ? 1 : 0;
  for (auto at = saved.find("\n-A "); at != std::string_view::npos; at = saved.find("\n-A ", at + 1)) ++count;
  return count;
}

std::vector<std::string> words_of_variable(std::string_view file, std::string_view name) {
  std::vector<std::string> words;
  std::istringstream lines{std::string{file}};
  for (std::string line; std::getline(lines, line);) {
    auto const start = line.find_first_not_of(" \t");
    auto const prefix = fmt::format("{}=", name);
    if (start == std::string::npos || line.compare(start, prefix.size(), prefix) != 0) continue;
    auto value = line.substr(start + prefix.size());
    std::erase_if(value, [](char c) { return c == '"' || c == '\''; });
    std::istringstream values{value};
    words.assign(std::istream_iterator<std::string>{values}, {}); // the last one counts
  }
  return words;
}

HostFacts look_around(Settings const& settings) {
  HostFacts facts;
  facts.root = ::geteuid() == 0;
  facts.kernel = kernel_facts();
  facts.firewall = firewall_facts();
  look_at_launch(facts, settings);
  ask_for_report(facts, settings);
  look_at_network(facts, settings.non_empty("DOCKER_BRIDGE").value_or("docker0"));
  facts.sockets = listening_sockets([&](std::uint16_t port) {
    return port == facts.port || port == facts.port + 1 || port == kDnsPort || port == facts.status_port;
  });
  timex clock{};
  if (auto const state = ::adjtimex(&clock); state >= 0) facts.clock_synchronised = state != TIME_ERROR;
  std::chrono::year_month_day const today{std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now())};
  facts.year = static_cast<int>(today.year());
  facts.docker = docker_facts(settings);
  facts.leftovers = leftovers(facts);
  look_for_peers(facts, settings);
  return facts;
}

} // namespace weave::tools
