#include "tools/host_probes.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <system_error>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "controller/docker/engine_json.hpp"
#include "datapath/link/addresses.hpp"
#include "datapath/link/links.hpp"
#include "datapath/link/route_socket.hpp"
#include "tools/daemon_answer.hpp"
#include "tools/docker_answer.hpp"
#include "tools/launch_plan.hpp"
#include "tools/listening_sockets.hpp"
#include "tools/process.hpp"

namespace weave::tools {
namespace {

namespace docker = controller::docker;

constexpr std::string_view kDefaultRange = "10.32.0.0/12";
constexpr std::uint16_t kDnsPort = 53;
/// For Docker, and for the daemon: whoever takes longer hangs, which is a finding.
constexpr std::chrono::milliseconds kPatience{5'000};

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
  auto const version = run_program({"iptables", "--version"});
  facts.installed = version && version->status == 0;
  if (!facts.installed) return facts;
  facts.backend = version->output.find("nf_tables") != std::string::npos ? "nf_tables" : "legacy";
  auto const saved = [](char const* program) {
    auto const result = run_program({program});
    return result && result->status == 0 ? result->output : std::string{};
  };
  auto const nft = saved("iptables-nft-save");
  // Asking makes the kernel load the legacy tables: only if they are there already.
  auto const tables = contents("/proc/net/ip_tables_names");
  auto const legacy = tables && !tables->empty() ? saved("iptables-legacy-save") : std::string{};
  facts.nft_rules = count_rules(nft);
  facts.legacy_rules = count_rules(legacy);
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
  auto const range = argument_value(arguments, "--ipalloc-range", kDefaultRange);
  facts.range_is_default = range == kDefaultRange;
  if (auto const parsed = Ipv4Cidr::parse(range)) facts.range = *parsed;
  facts.dns_wanted = std::ranges::find(arguments, "--no-dns") == arguments.end() &&
                     argument_value(arguments, "--dns-listen-address", "").empty();
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
    if (report->router) facts.port = report->router->port;
    facts.dns_wanted = facts.dns_wanted && report->dns.has_value();
  } else if (!answer) {
    facts.daemon_hangs = answer.error().kind() == ErrorKind::timed_out;
    facts.daemon_obstacle =
        fmt::format("the daemon does not answer at {}: {}", settings.api_address, answer.error().text());
  } else {
    facts.daemon_obstacle = report.error().text();
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

HostFacts look_around(Settings const& settings) {
  HostFacts facts;
  facts.root = ::geteuid() == 0;
  facts.kernel = kernel_facts();
  facts.firewall = firewall_facts();
  look_at_launch(facts, settings);
  ask_for_report(facts, settings);
  look_at_network(facts, settings.non_empty("DOCKER_BRIDGE").value_or("docker0"));
  facts.sockets = listening_sockets(
      [&](std::uint16_t port) { return port == facts.port || port == facts.port + 1 || port == kDnsPort; });
  timex clock{};
  if (auto const state = ::adjtimex(&clock); state >= 0) facts.clock_synchronised = state != TIME_ERROR;
  std::chrono::year_month_day const today{std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now())};
  facts.year = static_cast<int>(today.year());
  facts.docker = docker_facts(settings);
  return facts;
}

} // namespace weave::tools
