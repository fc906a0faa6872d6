#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "controller/api/health.hpp"
#include "controller/api/status_text.hpp"
#include "tools/diagnosis.hpp"

namespace weave::tools {
namespace {

namespace api = controller::api;

constexpr auto kPeers = "peers";

std::string mtu_of(std::map<std::string, api::AttributeValue> const& attributes) {
  auto const mtu = attributes.find("mtu");
  if (mtu == attributes.end()) return {};
  auto const* const number = std::get_if<std::int64_t>(&mtu->second);
  return number == nullptr ? std::string{} : fmt::format(", MTU {}", *number);
}

std::string quality_of(std::map<std::string, api::AttributeValue> const& attributes) {
  std::string text;
  for (auto const* const key : {"rtt", "loss"}) {
    auto const found = attributes.find(key);
    auto const* const value = found == attributes.end() ? nullptr : std::get_if<std::string>(&found->second);
    if (value != nullptr) text += fmt::format(", {} {}", key, *value);
  }
  return text;
}

/// One that is not in use.
void add_other_path(std::vector<Finding>& to, std::string const& who, api::ConnectionStatus const& connection,
                    api::PathStatus const& path) {
  if (path.name == connection.overlay) return;
  if (path.works) {
    to.push_back({Severity::fine, kPeers,
                  fmt::format("{} is reached by {} too{}{}", who, path.name, mtu_of(path.attributes),
                              quality_of(path.attributes))});
  } else {
    to.push_back({Severity::note, kPeers, fmt::format("{} is not reached by {}", who, path.name), path.problem,
                  "'weave status --check' says what to do if that is not wanted"});
  }
}

PeerProbe const* probe_of(HostFacts const& facts, std::string const& address) {
  auto const found = std::ranges::find(facts.probes, address, &PeerProbe::target);
  return found == facts.probes.end() ? nullptr : &*found;
}

/// What the network carries, as this host's kernel knows.
std::string carried_by(PeerProbe const* probe) {
  if (probe == nullptr || probe->path_mtu == 0) return {};
  return fmt::format("; packets of {} bytes get there", probe->path_mtu);
}

void add_narrow_path(std::vector<Finding>& to, HostFacts const& facts, PeerProbe const& probe) {
  if (probe.path_mtu == 0 || facts.needed_packet == 0 || probe.path_mtu >= facts.needed_packet) return;
  to.push_back({Severity::warning, kPeers,
                fmt::format("the way to {} is too narrow for the kernel fast path", probe.target),
                fmt::format("packets of {} bytes get there, {} are needed: {} too many", probe.path_mtu,
                            facts.needed_packet, facts.needed_packet - probe.path_mtu),
                "let larger packets pass between the hosts, or 'weave launch --mtu' on all hosts with an MTU that is "
                "smaller by that much"});
}

std::string name_of(PeerProbe const& probe) {
  auto const place = probe.place ? probe.place->to_string() : std::string{};
  return place.empty() || place == probe.target ? probe.target : fmt::format("{} at {}", probe.target, place);
}

/// With the daemon down.
void add_probe(std::vector<Finding>& to, HostFacts const& facts, PeerProbe const& probe) {
  auto const who = fmt::format("{} ({})", name_of(probe), probe.source);
  if (!probe.place) {
    to.push_back({Severity::error, kPeers, fmt::format("{} cannot be looked for", who), probe.obstacle,
                  "correct the name, or the name service of this host"});
    return;
  }
  if (!probe.obstacle.empty()) {
    to.push_back({Severity::error, kPeers, fmt::format("{} is not reached by TCP", who), probe.obstacle,
                  probe.refused
                      ? fmt::format("'weave status' there shows whether weave runs, on TCP port {}", probe.place->port)
                      : fmt::format("let TCP and UDP port {} and UDP port {} pass between the hosts, and see that the "
                                    "other one is up",
                                    probe.place->port, probe.place->port + 1)});
    return;
  }
  if (probe.udp_refused) {
    to.push_back({Severity::error, kPeers, fmt::format("{} is not reached by UDP", who),
                  fmt::format("that host refuses UDP port {}, and takes TCP", probe.place->port),
                  fmt::format("let UDP ports {} and {} pass there", probe.place->port, probe.place->port + 1)});
    return;
  }
  to.push_back({Severity::fine, kPeers,
                fmt::format("{} answers by TCP in {} ms{}", who, probe.delay.count(), carried_by(&probe))});
  add_narrow_path(to, facts, probe);
}

void add_connection(std::vector<Finding>& to, HostFacts const& facts, api::ConnectionStatus const& connection,
                    api::RouterStatus const& router) {
  auto const* const probe = probe_of(facts, connection.address);
  auto const who = fmt::format("{} at {}", api::full_name(connection.peer, connection.nickname), connection.address);
  if (connection.state == api::ConnectionState::established) {
    to.push_back({Severity::fine, kPeers,
                  fmt::format("{} is reached by {}{}{}", who, connection.overlay, mtu_of(connection.attributes),
                              carried_by(probe))});
    for (auto const& path : connection.paths) add_other_path(to, who, connection, path);
    // What the two daemons have measured is the better word.
    if (probe != nullptr && !api::trouble_of(connection, router)) add_narrow_path(to, facts, *probe);
  } else if (probe != nullptr && probe->obstacle.empty() && connection.outbound) {
    to.push_back({Severity::note, kPeers,
                  fmt::format("{} answers by TCP, and the connection is not made", connection.address),
                  "ports are not all that is wrong", "see its line 'status'"});
  }
}

/// Found by the daemon, which sees what only root and its kernel can tell.
void add_firewall(std::vector<Finding>& to, api::FirewallPlaces const& places) {
  if (!places.rules.empty()) {
    to.push_back({Severity::fine,
                  "firewall",
                  fmt::format("weave's own rules are in {}", fmt::join(places.rules, " and ")),
                  {},
                  {}});
  }
  if (!places.nftables_refusal.empty()) {
    to.push_back({Severity::note, "firewall",
                  "weave has no table of its own in nftables, so a flush of iptables opens ports for a moment",
                  places.nftables_refusal,
                  "nothing; a kernel with CONFIG_NF_TABLES_INET and CONFIG_NFT_MASQ has no gap"});
  }
  if (places.docker_in_nftables) {
    to.push_back(
        {Severity::fine, "firewall", "Docker filters by its own tables in nftables, which let weave pass", {}, {}});
  }
}

} // namespace

std::vector<Finding> diagnose_daemon(HostFacts const& facts) {
  std::vector<Finding> findings;
  if (facts.report) {
    findings.push_back({Severity::fine, "daemon", fmt::format("weave {} runs", facts.report->version)});
    add_firewall(findings, facts.report->host.firewall_places);
    if (facts.report->router) {
      for (auto const& connection : facts.report->router->connections) {
        add_connection(findings, facts, connection, *facts.report->router);
      }
    }
    for (auto const& each : api::find_troubles(*facts.report)) {
      findings.push_back(
          {each.degraded ? Severity::warning : Severity::error, "status", each.what, each.cause, each.next});
    }
    return findings;
  }
  findings.push_back(facts.absence);
  if (!facts.targets_obstacle.empty()) {
    findings.push_back({Severity::warning, kPeers, "the stored list of peers cannot be read", facts.targets_obstacle,
                        "a state file that is damaged: 'weave reset', or bring it back from a backup"});
  }
  for (auto const& probe : facts.probes) add_probe(findings, facts, probe);
  return findings;
}

} // namespace weave::tools
