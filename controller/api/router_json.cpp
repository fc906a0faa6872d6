#include "controller/api/router_json.hpp"

#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "controller/api/flows_text.hpp"
#include "controller/api/json_fields.hpp"
#include "controller/api/status_text.hpp"
#include "controller/api/time_text.hpp"

namespace weave::controller::api {
namespace {

namespace json = boost::json;

json::value to_value(PeerConnectionStatus const& connection) {
  return {{"Name", connection.name.to_string()},
          {"NickName", connection.nickname},
          {"Address", connection.address},
          {"Outbound", connection.outbound},
          {"Established", connection.established}};
}

PeerConnectionStatus peer_connection(json::value const& value) {
  return {.name = read_parsed(value, "Name", PeerName::parse),
          .nickname = read<std::string>(value, "NickName"),
          .address = read<std::string>(value, "Address"),
          .outbound = read<bool>(value, "Outbound"),
          .established = read<bool>(value, "Established")};
}

json::value to_value(PeerStatus const& peer) {
  return {{"Name", peer.name.to_string()},
          {"NickName", peer.nickname},
          {"UID", static_cast<std::uint64_t>(peer.uid)},
          {"ShortID", static_cast<std::uint64_t>(peer.short_id)},
          {"Version", peer.version},
          {"Connections", list_or_null(peer.connections, [](auto const& item) { return to_value(item); })}};
}

PeerStatus peer(json::value const& value) {
  return {.name = read_parsed(value, "Name", PeerName::parse),
          .nickname = read<std::string>(value, "NickName"),
          .uid = PeerUid{read<std::uint64_t>(value, "UID")},
          .short_id = ShortId{read<std::uint16_t>(value, "ShortID")},
          .version = read<std::uint64_t>(value, "Version"),
          .connections = read_list(value, "Connections", peer_connection)};
}

json::value to_value(UnicastRouteStatus const& route) {
  return {{"Dest", route.destination.to_string()}, {"Via", route.via.to_string()}};
}

UnicastRouteStatus unicast_route(json::value const& value) {
  return {.destination = read_parsed(value, "Dest", PeerName::parse),
          .via = read_parsed(value, "Via", PeerName::parse)};
}

json::value to_value(BroadcastRouteStatus const& route) {
  return {{"Source", route.source.to_string()},
          {"Via", list_or_null(route.via, [](PeerName name) { return json::value(name.to_string()); })}};
}

PeerName peer_name(json::value const& value) {
  auto const name = PeerName::parse(value.as_string());
  if (!name) throw std::invalid_argument{name.error().text()};
  return *name;
}

BroadcastRouteStatus broadcast_route(json::value const& value) {
  return {.source = read_parsed(value, "Source", PeerName::parse), .via = read_list(value, "Via", peer_name)};
}

/// `Attrs`: null when the overlay has nothing to say, else its attributes and its name, in key order.
json::value attributes(std::string const& overlay, std::map<std::string, AttributeValue> all) {
  if (overlay.empty()) return nullptr;
  all.insert_or_assign("name", overlay);
  json::object object;
  for (auto const& [key, value] : all) {
    object[key] = std::visit([](auto const& item) { return json::value(item); }, value);
  }
  return object;
}

std::map<std::string, AttributeValue> attributes_of(json::value const& value) {
  std::map<std::string, AttributeValue> attributes;
  if (value.is_null()) return attributes;
  for (auto const& [key, item] : value.as_object()) {
    if (item.is_bool()) {
      attributes[key] = item.as_bool();
    } else if (item.is_string()) {
      attributes[key] = std::string{item.as_string()};
    } else {
      attributes[key] = json::value_to<std::int64_t>(item);
    }
  }
  attributes.erase("name");
  return attributes;
}

json::value time_or_null(std::optional<WallTime> time) {
  return time ? json::value(to_rfc3339(*time)) : json::value(nullptr);
}

std::optional<WallTime> optional_time(json::value const& value, std::string_view key) {
  if (field(value, key).is_null()) return std::nullopt;
  return read_parsed(value, key, parse_rfc3339);
}

json::value to_value(PathStatus const& path) {
  return {{"Name", path.name},
          {"Works", path.works},
          {"Problem", path.problem},
          {"Attrs", attributes(path.name, path.attributes)}};
}

PathStatus path_status(json::value const& value) {
  return {.name = read<std::string>(value, "Name"),
          .works = read<bool>(value, "Works"),
          .problem = read<std::string>(value, "Problem"),
          .attributes = attributes_of(field(value, "Attrs"))};
}

json::value to_value(ConnectionStatus const& connection) {
  return {{"Address", connection.address},
          {"Outbound", connection.outbound},
          {"State", to_string(connection.state)},
          {"Info", connection_info(connection)},
          {"Attrs", attributes(connection.overlay, connection.attributes)},
          {"Peer", connection.peer.is_unknown() ? json::value(nullptr) : json::value(connection.peer.to_string())},
          {"NickName", connection.nickname},
          {"Overlay", connection.overlay},
          {"Encrypted", connection.encrypted ? json::value(*connection.encrypted) : json::value(nullptr)},
          {"Error", connection.error},
          {"RetryAt", time_or_null(connection.retry_at)},
          {"Explanation", connection.explanation},
          {"Paths", list_or_null(connection.paths, [](PathStatus const& path) { return to_value(path); })}};
}

ConnectionState connection_state(std::string_view text) {
  for (auto const state : {ConnectionState::established, ConnectionState::pending, ConnectionState::retrying,
                           ConnectionState::failed, ConnectionState::connecting, ConnectionState::waiting}) {
    if (to_string(state) == text) return state;
  }
  throw std::invalid_argument{"unknown connection state"};
}

ConnectionStatus connection(json::value const& value) {
  auto const& encrypted = field(value, "Encrypted");
  return {.outbound = read<bool>(value, "Outbound"),
          .address = read<std::string>(value, "Address"),
          .state = connection_state(read<std::string>(value, "State")),
          .peer = read_parsed(value, "Peer", PeerName::parse),
          .nickname = read<std::string>(value, "NickName"),
          .overlay = read<std::string>(value, "Overlay"),
          .encrypted = encrypted.is_null() ? std::nullopt : std::optional{encrypted.as_bool()},
          .attributes = attributes_of(field(value, "Attrs")),
          .error = read<std::string>(value, "Error"),
          .retry_at = optional_time(value, "RetryAt"),
          .explanation = read<std::string>(value, "Explanation"),
          .paths = read_list(value, "Paths", path_status)};
}

json::value to_value(MacStatus const& mac) {
  return {{"Mac", mac.mac.to_string()},
          {"Name", mac.name.to_string()},
          {"NickName", mac.nickname},
          {"LastSeen", to_rfc3339(mac.last_seen)}};
}

MacStatus mac(json::value const& value) {
  return {.mac = read_parsed(value, "Mac", MacAddress::parse),
          .name = read_parsed(value, "Name", PeerName::parse),
          .nickname = read<std::string>(value, "NickName"),
          .last_seen = read_parsed(value, "LastSeen", parse_rfc3339)};
}

json::value to_value(VportStatus const& vport) {
  return {{"ID", vport.number}, {"Name", vport.name}, {"TypeName", vport.type}};
}

VportStatus vport(json::value const& value) {
  return {.number = read<std::uint32_t>(value, "ID"),
          .name = read<std::string>(value, "Name"),
          .type = read<std::string>(value, "TypeName")};
}

json::value to_value(TunnelPeers const& tunnel) {
  return {{"ID", fmt::format("{:#x}", tunnel.id)}, {"Source", tunnel.source}, {"Destination", tunnel.destination}};
}

json::value to_value(FlowStatus const& flow, std::vector<PeerStatus> const& peers) {
  return {{"FlowKeys", list_or_null(split_list(flow.match))},
          {"Actions", list_or_null(split_list(flow.actions))},
          {"Packets", flow.packets},
          {"Bytes", flow.bytes},
          {"Used", flow.used.value_or(std::chrono::milliseconds{}).count()},
          {"Tunnels", list_or_null(tunnels_of(flow, peers), [](auto const& tunnel) { return to_value(tunnel); })}};
}

FlowStatus flow(json::value const& value) {
  auto const used = read<std::int64_t>(value, "Used");
  return {.match = fmt::format("{}", fmt::join(read_texts(value, "FlowKeys"), ",")),
          .actions = fmt::format("{}", fmt::join(read_texts(value, "Actions"), ",")),
          .packets = read<std::uint64_t>(value, "Packets"),
          .bytes = read<std::uint64_t>(value, "Bytes"),
          .used = used == 0 ? std::nullopt : std::optional{std::chrono::milliseconds{used}}};
}

json::value to_value(FastPathStatus const& status, std::vector<PeerStatus> const& peers) {
  return {{"Vports", list_or_null(status.vports, [](auto const& item) { return to_value(item); })},
          {"Flows", list_or_null(status.flows, [&](auto const& item) { return to_value(item, peers); })},
          {"Now", status.now.count()}};
}

std::optional<FastPathStatus> fast_path(json::value const& value) {
  if (value.is_null()) return std::nullopt;
  return FastPathStatus{.vports = read_list(value, "Vports", vport),
                        .flows = read_list(value, "Flows", flow),
                        .now = std::chrono::milliseconds{read<std::int64_t>(value, "Now")}};
}

json::value diagnostics(RouterStatus const& router) {
  json::object object;
  for (auto const& name : router.overlays) object[name] = nullptr;
  if (router.fast_path) object["fastdp"] = to_value(*router.fast_path, router.peers);
  return object;
}

json::value trusted_subnets(RouterStatus const& router) {
  json::array array; // never null, unlike every other list
  for (auto const& subnet : router.trusted_subnets) array.emplace_back(subnet.to_string());
  return array;
}

json::value capture_stats(RouterStatus const& router) {
  if (router.capture_stats.empty()) return nullptr;
  json::object object;
  for (auto const& [key, count] : router.capture_stats) object[key] = count;
  return object;
}

constexpr auto kToValue = [](auto const& item) { return to_value(item); };

} // namespace

json::value router_to_value(RouterStatus const& router) {
  return {{"Protocol", "weave"},
          {"ProtocolMinVersion", router.protocol_min},
          {"ProtocolMaxVersion", router.protocol_max},
          {"Encryption", router.encryption},
          {"PeerDiscovery", router.peer_discovery},
          {"Name", router.name.to_string()},
          {"NickName", router.nickname},
          {"Port", router.port},
          {"Peers", list_or_null(router.peers, kToValue)},
          {"UnicastRoutes", list_or_null(router.unicast_routes, kToValue)},
          {"BroadcastRoutes", list_or_null(router.broadcast_routes, kToValue)},
          {"Connections", list_or_null(router.connections, kToValue)},
          {"TerminationCount", router.termination_count},
          {"Targets", list_or_null(router.targets)},
          {"OverlayDiagnostics", diagnostics(router)},
          {"TrustedSubnets", trusted_subnets(router)},
          {"Interface", router.interface},
          {"CaptureStats", capture_stats(router)},
          {"MACs", list_or_null(router.macs, kToValue)},
          {"FastPathObstacle", router.fast_path_obstacle},
          {"MTU", router.mtu}};
}

RouterStatus router_from_value(json::value const& value) {
  RouterStatus router{.protocol_min = read<int>(value, "ProtocolMinVersion"),
                      .protocol_max = read<int>(value, "ProtocolMaxVersion"),
                      .encryption = read<bool>(value, "Encryption"),
                      .peer_discovery = read<bool>(value, "PeerDiscovery"),
                      .name = read_parsed(value, "Name", PeerName::parse),
                      .nickname = read<std::string>(value, "NickName"),
                      .port = read<std::uint16_t>(value, "Port"),
                      .peers = read_list(value, "Peers", peer),
                      .unicast_routes = read_list(value, "UnicastRoutes", unicast_route),
                      .broadcast_routes = read_list(value, "BroadcastRoutes", broadcast_route),
                      .connections = read_list(value, "Connections", connection),
                      .termination_count = read<std::uint64_t>(value, "TerminationCount"),
                      .targets = read_texts(value, "Targets"),
                      .overlays = {},
                      .trusted_subnets = {},
                      .interface = read<std::string>(value, "Interface"),
                      .capture_stats = read<std::map<std::string, std::uint64_t>>(value, "CaptureStats"),
                      .macs = read_list(value, "MACs", mac),
                      .fast_path = {},
                      .fast_path_obstacle = read<std::string>(value, "FastPathObstacle"),
                      .mtu = read<std::uint32_t>(value, "MTU")};
  if (auto const* overlays = field(value, "OverlayDiagnostics").if_object()) {
    for (auto const& overlay : *overlays) router.overlays.emplace_back(overlay.key());
    router.fast_path = fast_path(field(field(value, "OverlayDiagnostics"), "fastdp"));
  }
  for (auto const& text : read_texts(value, "TrustedSubnets")) {
    auto const cidr = Ipv4Cidr::parse(text);
    if (!cidr) throw std::invalid_argument{cidr.error().text()};
    router.trusted_subnets.push_back(*cidr);
  }
  return router;
}

} // namespace weave::controller::api
