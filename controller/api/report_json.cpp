#include <stdexcept>

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "controller/api/health.hpp"
#include "controller/api/json_fields.hpp"
#include "controller/api/json_text.hpp"
#include "controller/api/messages.hpp"
#include "controller/api/report_value.hpp"
#include "controller/api/router_json.hpp"
#include "controller/api/status_text.hpp"
#include "controller/api/time_text.hpp"

namespace weave::controller::api {
namespace {

namespace json = boost::json;

/// What the original prints for a moment that was never set.
constexpr std::string_view kZeroTime = "0001-01-01T00:00:00Z";

json::value to_value(VersionCheckStatus const& check) {
  return {{"Enabled", check.enabled},
          {"Success", check.success},
          {"NewVersion", check.new_version},
          {"NextCheckAt", check.next_check_at ? to_rfc3339(*check.next_check_at) : std::string{kZeroTime}}};
}

VersionCheckStatus version_check(json::value const& value) {
  if (value.is_null()) return {};
  VersionCheckStatus check{.enabled = read<bool>(value, "Enabled"),
                           .success = read<bool>(value, "Success"),
                           .new_version = read<std::string>(value, "NewVersion"),
                           .next_check_at = std::nullopt};
  auto const next = read<std::string>(value, "NextCheckAt");
  if (!next.empty() && next != kZeroTime) check.next_check_at = read_parsed(value, "NextCheckAt", parse_rfc3339);
  return check;
}

json::value to_value(RingEntryStatus const& entry) {
  return {{"Token", entry.token.to_string()},   {"Size", entry.size},
          {"Peer", entry.peer.to_string()},     {"Nickname", entry.nickname},
          {"IsKnownPeer", entry.is_known_peer}, {"Version", entry.version}};
}

RingEntryStatus ring_entry(json::value const& value) {
  return {.token = read_parsed(value, "Token", Ipv4Address::parse),
          .size = read<std::uint32_t>(value, "Size"),
          .peer = read_parsed(value, "Peer", PeerName::parse),
          .nickname = read<std::string>(value, "Nickname"),
          .is_known_peer = read<bool>(value, "IsKnownPeer"),
          .version = read<std::uint32_t>(value, "Version")};
}

json::value to_value(PendingClaimStatus const& claim) {
  return {{"Ident", claim.ident},
          {"CIDR", {{"Addr", claim.cidr.address.to_string()}, {"PrefixLen", claim.cidr.prefix}}}};
}

PendingClaimStatus pending_claim(json::value const& value) {
  auto const& cidr = field(value, "CIDR");
  return {.ident = read<std::string>(value, "Ident"),
          .cidr = {.address = read_parsed(cidr, "Addr", Ipv4Address::parse), .prefix = read<int>(cidr, "PrefixLen")}};
}

json::value to_value(std::optional<PaxosStatus> const& paxos) {
  if (!paxos) return nullptr;
  return {{"Elector", paxos->elector}, {"KnownNodes", paxos->known_nodes}, {"Quorum", paxos->quorum}};
}

json::value to_value(DnsEntryStatus const& entry) {
  return {{"Hostname", entry.hostname},        {"Origin", entry.origin.to_string()},
          {"ContainerID", entry.container_id}, {"Address", entry.address.to_string()},
          {"Version", entry.version},          {"Tombstone", entry.tombstone}};
}

json::value to_value(HostWarning const& warning) {
  return {{"What", warning.what}, {"Cause", warning.cause}, {"Next", warning.next}};
}

constexpr auto kToValue = [](auto const& item) { return to_value(item); };

json::value to_value(IpamStatus const& ipam) {
  return {{"Paxos", to_value(ipam.paxos)},
          {"Range", ipam.range.to_string()},
          {"RangeNumIPs", ipam.range_addresses},
          {"ActiveIPs", ipam.active_addresses},
          {"DefaultSubnet", ipam.default_subnet.to_string()},
          {"Entries", list_or_null(ipam.entries, kToValue)},
          {"PendingClaims", list_or_null(ipam.pending_claims, kToValue)},
          {"PendingAllocates", list_or_null(ipam.pending_allocates)},
          {"Status", ipam_state_text(ipam)},
          {"Tracker", ipam.tracker},
          {"WaitingFor", ipam.waiting_for},
          {"Conflict", ipam.conflict}};
}

IpamStatus ipam_status(json::value const& value) {
  IpamStatus ipam{.paxos = std::nullopt,
                  .range = read_parsed(value, "Range", Ipv4Cidr::parse),
                  .range_addresses = read<std::uint64_t>(value, "RangeNumIPs"),
                  .active_addresses = read<std::uint64_t>(value, "ActiveIPs"),
                  .default_subnet = read_parsed(value, "DefaultSubnet", Ipv4Cidr::parse),
                  .tracker = read<std::string>(value, "Tracker"),
                  .entries = read_list(value, "Entries", ring_entry),
                  .pending_claims = read_list(value, "PendingClaims", pending_claim),
                  .pending_allocates = read_texts(value, "PendingAllocates"),
                  .waiting_for = read<std::string>(value, "WaitingFor"),
                  .conflict = read<std::string>(value, "Conflict")};
  if (auto const& paxos = field(value, "Paxos"); !paxos.is_null()) {
    ipam.paxos = PaxosStatus{.elector = read<bool>(paxos, "Elector"),
                             .known_nodes = read<std::uint32_t>(paxos, "KnownNodes"),
                             .quorum = read<std::uint32_t>(paxos, "Quorum")};
  }
  return ipam;
}

DnsEntryStatus dns_entry(json::value const& value) {
  return {.hostname = read<std::string>(value, "Hostname"),
          .origin = read_parsed(value, "Origin", PeerName::parse),
          .container_id = read<std::string>(value, "ContainerID"),
          .address = read_parsed(value, "Address", Ipv4Address::parse),
          .version = read<std::int64_t>(value, "Version"),
          .tombstone = read<std::int64_t>(value, "Tombstone")};
}

json::value to_value(DnsStatus const& dns) {
  return {{"Domain", dns.domain}, {"Upstream", list_or_null(dns.upstream)},         {"Address", dns.address},
          {"TTL", dns.ttl},       {"Entries", list_or_null(dns.entries, kToValue)}, {"Obstacle", dns.obstacle}};
}

DnsStatus dns_status(json::value const& value) {
  return {.domain = read<std::string>(value, "Domain"),
          .upstream = read_texts(value, "Upstream"),
          .address = read<std::string>(value, "Address"),
          .ttl = read<std::uint32_t>(value, "TTL"),
          .entries = read_list(value, "Entries", dns_entry),
          .obstacle = read<std::string>(value, "Obstacle")};
}

json::value to_value(PluginStatus const& plugin) {
  return {{"Config",
           {{"Socket", plugin.socket},
            {"MeshSocket", plugin.mesh_socket},
            {"Enable", plugin.enable},
            {"EnableV2", plugin.v2},
            {"EnableV2Multicast", plugin.v2_multicast},
            {"DNS", plugin.dns},
            {"DefaultSubnet", plugin.default_subnet},
            {"ProcPath", "/proc"}}},
          {"DriverName", plugin.driver_name},
          {"MeshDriverName", plugin.mesh_driver_name},
          {"EngineObstacle", plugin.engine_obstacle},
          {"NetworkObstacle", plugin.network_obstacle},
          {"NetworkDiffers", plugin.network_differs}};
}

PluginStatus plugin_status(json::value const& value) {
  auto const& config = field(value, "Config");
  return {.socket = read<std::string>(config, "Socket"),
          .mesh_socket = read<std::string>(config, "MeshSocket"),
          .enable = read<bool>(config, "Enable"),
          .dns = read<bool>(config, "DNS"),
          .default_subnet = read<std::string>(config, "DefaultSubnet"),
          .driver_name = read<std::string>(value, "DriverName"),
          .mesh_driver_name = read<std::string>(value, "MeshDriverName"),
          .engine_obstacle = read<std::string>(value, "EngineObstacle"),
          .network_obstacle = read<std::string>(value, "NetworkObstacle"),
          .network_differs = read<bool>(value, "NetworkDiffers"),
          .v2 = read<bool>(config, "EnableV2"),
          .v2_multicast = read<bool>(config, "EnableV2Multicast")};
}

HostWarning host_warning(json::value const& value) {
  return {.what = read<std::string>(value, "What"),
          .cause = read<std::string>(value, "Cause"),
          .next = read<std::string>(value, "Next")};
}

json::value to_value(HostStatus const& host) {
  return {{"StateObstacle", host.state_obstacle},
          {"FirewallObstacle", host.firewall_obstacle},
          {"HairpinPorts", list_or_null(host.hairpin_ports)},
          {"ClockObstacle", host.clock_obstacle},
          {"FirewallRules", list_or_null(host.firewall_places.rules)},
          {"NftablesRefusal", host.firewall_places.nftables_refusal},
          {"DockerInNftables", host.firewall_places.docker_in_nftables}};
}

HostStatus host_status(json::value const& value) {
  return {.state_obstacle = read<std::string>(value, "StateObstacle"),
          .firewall_obstacle = read<std::string>(value, "FirewallObstacle"),
          .hairpin_ports = read_texts(value, "HairpinPorts"),
          .clock_obstacle = read<std::string>(value, "ClockObstacle"),
          .firewall_places = {.rules = read_texts(value, "FirewallRules"),
                              .nftables_refusal = read<std::string>(value, "NftablesRefusal"),
                              .docker_in_nftables = read<bool>(value, "DockerInNftables")}};
}

json::value to_value(Trouble const& trouble) {
  return {{"Subject", trouble.subject},
          {"Severity", trouble.severity()},
          {"What", trouble.what},
          {"Cause", trouble.cause},
          {"Next", trouble.next}};
}

/// Those of one connection beside it.
void add_to_connections(json::object& router, RouterStatus const& status) {
  auto* const connections = router["Connections"].if_array();
  if (connections == nullptr) return;
  for (std::size_t i = 0; i < status.connections.size(); ++i) {
    if (auto const trouble = trouble_of(status.connections[i], status)) {
      connections->at(i).as_object()["Trouble"] = to_value(*trouble);
    }
  }
}

/// Where people look for them: all in the report, and those of IPAM and DNS there as well.
void add_troubles(json::object& object, StatusReport const& report) {
  auto const troubles = find_troubles(report);
  if (troubles.empty()) return;
  auto const listed = [&](std::string_view subject) {
    json::array list;
    for (auto const& trouble : troubles) {
      if (subject.empty() || trouble.subject == subject) list.push_back(to_value(trouble));
    }
    return list;
  };
  object["Troubles"] = listed({});
  if (report.router) add_to_connections(object["Router"].as_object(), *report.router);
  for (auto const& [key, subject] : {std::pair{"IPAM", "ipam"}, std::pair{"DNS", "dns"}}) {
    auto list = listed(subject);
    auto* const section = object.if_contains(key);
    if (section != nullptr && !list.empty()) section->as_object()["Troubles"] = std::move(list);
  }
}

StatusReport report_from_value(json::value const& value) {
  StatusReport report;
  report.ready = read<bool>(value, "Ready");
  report.not_ready_reasons = read_texts(value, "NotReadyReasons");
  report.version = read<std::string>(value, "Version");
  report.version_check = version_check(field(value, "VersionCheck"));
  auto const section = [&](std::string_view key, auto& target, auto from_value) {
    if (auto const& found = field(value, key); !found.is_null()) target = from_value(found);
  };
  section("Router", report.router, router_from_value);
  section("IPAM", report.ipam, ipam_status);
  section("DNS", report.dns, dns_status);
  section("Proxy", report.proxy, [](auto const& proxy) { return ProxyStatus{read_texts(proxy, "Addresses")}; });
  section("Plugin", report.plugin, plugin_status);
  report.firewall = read_list(value, "FirewallWarnings", host_warning);
  if (auto const& host = field(value, "Host"); !host.is_null()) report.host = host_status(host);
  return report;
}

} // namespace

json::value to_value(StatusReport const& report) {
  json::object object{
      {"Ready", report.ready}, {"Version", report.version}, {"VersionCheck", to_value(report.version_check)}};
  if (report.router) object["Router"] = router_to_value(*report.router);
  if (report.ipam) object["IPAM"] = to_value(*report.ipam);
  if (report.dns) object["DNS"] = to_value(*report.dns);
  if (report.proxy) object["Proxy"] = json::object{{"Addresses", list_or_null(report.proxy->addresses)}};
  if (report.plugin) object["Plugin"] = to_value(*report.plugin);
  if (!report.ready) object["NotReadyReasons"] = list_or_null(report.not_ready_reasons);
  if (!report.firewall.empty()) object["FirewallWarnings"] = list_or_null(report.firewall, kToValue);
  if (report.host != HostStatus{}) object["Host"] = to_value(report.host);
  add_troubles(object, report);
  return object;
}

std::string to_json(StatusReport const& report) { return indented_json(to_value(report)); }

Result<StatusReport> parse_status_report(std::string_view text) {
  try {
    return report_from_value(json::parse(text));
  } catch (std::exception const& error) {
    return failure(ErrorKind::malformed, fmt::format("invalid report: {}", error.what()));
  }
}

Result<std::string> report_section(std::string_view report_json, std::string_view section) {
  try {
    auto const report = json::parse(report_json);
    auto const& router = field(report, "Router");
    auto const part_of_router = [&](std::string_view key) {
      return router.is_null() ? json::value(nullptr) : field(router, key);
    };
    if (section == "connections") return indented_json(part_of_router("Connections"));
    if (section == "peers") return indented_json(part_of_router("Peers"));
    if (section == "targets") return indented_json(part_of_router("Targets"));
    if (section == "flows") {
      auto const diagnostics = part_of_router("OverlayDiagnostics");
      return indented_json(diagnostics.is_null() ? diagnostics : field(diagnostics, "fastdp"));
    }
    if (section == "dns") return indented_json(field(report, "DNS"));
    if (section == "ipam") return indented_json(field(report, "IPAM"));
    return failure(ErrorKind::not_found, fmt::format("no such section: {}", section));
  } catch (std::exception const& error) {
    return failure(ErrorKind::malformed, fmt::format("invalid report: {}", error.what()));
  }
}

std::string to_json(std::vector<OwnedAddresses> const& owned) {
  auto const entry = [](OwnedAddresses const& item) -> json::value {
    auto const text = [](Ipv4Cidr const& cidr) { return json::value(cidr.to_string()); };
    return {{"containerid", item.container_id}, {"addrs", list_or_null(item.addresses, text)}};
  };
  return compact_json(json::object{{"owned", list_or_null(owned, entry)}}) + "\n";
}

Result<std::vector<OwnedAddresses>> parse_owned_addresses(std::string_view text) {
  try {
    return read_list(json::parse(text), "owned", [](json::value const& item) {
      OwnedAddresses row{.container_id = read<std::string>(item, "containerid"), .addresses = {}};
      for (auto const& cidr : read_texts(item, "addrs")) row.addresses.push_back(Ipv4Cidr::parse(cidr).value());
      return row;
    });
  } catch (std::exception const& error) {
    return failure(ErrorKind::malformed, fmt::format("invalid list of addresses: {}", error.what()));
  }
}

} // namespace weave::controller::api
