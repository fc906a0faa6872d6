#include "controller/docker/engine_json.hpp"

#include <algorithm>
#include <charconv>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "controller/docker/json_reading.hpp"

namespace weave::controller::docker {

namespace json = boost::json;

namespace {

using namespace reading;

constexpr std::size_t kLongestError = 500;

std::optional<Ipv4Address> address_in(json::object const& object, json::string_view key) {
  auto const address = Ipv4Address::parse(text(object, key));
  if (!address || address->is_unspecified()) return std::nullopt;
  return *address;
}

ContainerPlace to_place(json::object const& settings) {
  ContainerPlace place{.network_id = text(settings, "NetworkID"),
                       .address = {},
                       .requested = address_in(object_in(settings, "IPAMConfig"), "IPv4Address"),
                       .endpoint_id = text(settings, "EndpointID"),
                       .mac_address = text(settings, "MacAddress")};
  auto const prefix = number(settings, "IPPrefixLen");
  if (auto const address = address_in(settings, "IPAddress"); address && prefix >= 0 && prefix <= 32) {
    place.address = Ipv4Cidr{*address, static_cast<int>(prefix)};
  }
  return place;
}

ContainerSummary to_container(json::object const& object) {
  ContainerSummary container{.id = text(object, "Id"), .name = {}, .state = text(object, "State"), .networks = {}};
  auto const& names = array_in(object, "Names");
  if (!names.empty() && names.front().is_string()) container.name = to_string(names.front().get_string());
  if (container.name.starts_with('/')) container.name.erase(0, 1);
  for (auto const& member : object_in(object_in(object, "NetworkSettings"), "Networks")) {
    auto const* settings = member.value().if_object();
    container.networks[to_string(member.key())] = settings != nullptr ? text(*settings, "IPAddress") : std::string{};
    if (settings != nullptr) container.places.push_back(to_place(*settings));
  }
  return container;
}

/// One entry of a network's address configuration. The engine writes a gateway with or without its prefix length.
void add_pool(NetworkInfo& network, json::object const& config) {
  auto const subnet_text = text(config, "Subnet");
  network.subnets.push_back(subnet_text);
  auto const subnet = Ipv4Cidr::parse(subnet_text);
  if (!subnet) return;
  auto const reserve = [&](std::string const& address_text) {
    auto const address = Ipv4Address::parse(address_text.substr(0, address_text.find('/')));
    if (address) network.reserved.push_back({*address, subnet->prefix});
  };
  reserve(text(config, "Gateway"));
  for (auto const& member : object_in(config, "AuxiliaryAddresses")) {
    if (member.value().is_string()) reserve(to_string(member.value().get_string()));
  }
}

Result<NetworkInfo> to_network(json::object const& object) {
  if (text(object, "Id").empty()) return std::unexpected{odd_answer()};
  NetworkInfo network{.id = text(object, "Id"),
                      .name = text(object, "Name"),
                      .driver = text(object, "Driver"),
                      .subnets = {},
                      .options = {},
                      .containers = {}};
  auto const& ipam = object_in(object, "IPAM");
  network.ipam_driver = text(ipam, "Driver");
  for (auto const& entry : array_in(ipam, "Config")) {
    if (entry.is_object()) add_pool(network, entry.get_object());
  }
  for (auto const& member : object_in(object, "Options")) {
    if (member.value().is_string()) {
      network.options[to_string(member.key())] = to_string(member.value().get_string());
    }
  }
  for (auto const& member : object_in(object, "Containers")) network.containers.push_back(to_string(member.key()));
  return network;
}

ErrorKind kind_of(int status) {
  switch (status) {
    case 400: return ErrorKind::malformed;
    case 403: return ErrorKind::refused;
    case 404: return ErrorKind::not_found;
    case 409: return ErrorKind::already_exists;
    default: return ErrorKind::system;
  }
}

} // namespace

Result<ApiVersion> ApiVersion::parse(std::string_view text) {
  ApiVersion version;
  auto const* const end = text.data() + text.size();
  auto const [dot, failed] = std::from_chars(text.data(), end, version.major);
  if (failed == std::errc{} && dot != end && *dot == '.') {
    auto const [rest, bad] = std::from_chars(dot + 1, end, version.minor);
    if (bad == std::errc{} && rest == end && version.major >= 0 && version.minor >= 0) return version;
  }
  return failure(ErrorKind::malformed, fmt::format("not a version of the Docker API: {}", text.substr(0, 20)));
}

std::string ApiVersion::to_string() const { return fmt::format("{}.{}", major, minor); }

Result<ApiVersion> choose_version(EngineVersions const& engine) {
  if (engine.newest < kOldestUseful) {
    return failure(ErrorKind::system, fmt::format("the Docker engine speaks API {}, and {} is needed",
                                                  engine.newest.to_string(), kOldestUseful.to_string()));
  }
  return std::max(std::min(kOurVersion, engine.newest), engine.oldest);
}

Result<EngineVersions> decode_versions(std::string_view body) {
  auto const value = parse(body);
  if (!value) return failure_of(value);
  if (!value->is_object()) return std::unexpected{odd_answer()};
  auto const newest = ApiVersion::parse(text(value->get_object(), "ApiVersion"));
  if (!newest) return failure_of(newest);
  auto const oldest = ApiVersion::parse(text(value->get_object(), "MinAPIVersion"));
  return EngineVersions{.newest = *newest, .oldest = oldest.value_or(ApiVersion{})};
}

Result<NetworkInfo> decode_network(std::string_view body) {
  auto const value = parse(body);
  if (!value) return failure_of(value);
  if (!value->is_object()) return std::unexpected{odd_answer()};
  return to_network(value->get_object());
}

Result<std::vector<NetworkInfo>> decode_networks(std::string_view body) {
  auto const value = parse(body);
  if (!value) return failure_of(value);
  if (!value->is_array()) return std::unexpected{odd_answer()};
  std::vector<NetworkInfo> networks;
  for (auto const& entry : value->get_array()) {
    if (!entry.is_object()) return std::unexpected{odd_answer()};
    auto network = to_network(entry.get_object());
    if (!network) return failure_of(network);
    networks.push_back(*std::move(network));
  }
  return networks;
}

Result<std::string> decode_created_id(std::string_view body) {
  auto const value = parse(body);
  if (!value) return failure_of(value);
  auto id = value->is_object() ? text(value->get_object(), "Id") : std::string{};
  if (id.empty()) return std::unexpected{odd_answer()};
  return id;
}

Result<std::vector<ContainerSummary>> decode_containers(std::string_view body) {
  auto const value = parse(body);
  if (!value) return failure_of(value);
  if (!value->is_array()) return std::unexpected{odd_answer()};
  std::vector<ContainerSummary> containers;
  for (auto const& entry : value->get_array()) {
    if (!entry.is_object()) return std::unexpected{odd_answer()};
    containers.push_back(to_container(entry.get_object()));
  }
  return containers;
}

Result<SwarmMembership> decode_swarm(std::string_view info) {
  auto const value = parse(info);
  if (!value) return failure_of(value);
  if (!value->is_object()) return std::unexpected{odd_answer()};
  auto const& swarm = object_in(value->get_object(), "Swarm");
  SwarmMembership membership{.member = text(swarm, "LocalNodeState") == "active", .other_managers = {}};
  auto const own = text(swarm, "NodeAddr");
  for (auto const& manager : array_in(swarm, "RemoteManagers")) {
    auto const address = manager.is_object() ? text(manager.get_object(), "Addr") : std::string{};
    auto const host = address.substr(0, address.find(':'));
    if (host == own || !Ipv4Address::parse(host) ||
        std::ranges::find(membership.other_managers, host) != membership.other_managers.end())
      continue;
    membership.other_managers.push_back(host);
  }
  return membership;
}

std::string encode_network(NetworkSpec const& spec) {
  json::object options;
  for (auto const& [name, value] : spec.options) options[name] = value;
  json::array config;
  if (!spec.subnet.empty()) config.push_back(json::object{{"Subnet", spec.subnet}});
  json::object const ipam{{"Driver", spec.ipam_driver}, {"Config", std::move(config)}};
  return json::serialize(json::object{{"Name", spec.name},
                                      {"CheckDuplicate", true},
                                      {"Driver", spec.driver},
                                      {"IPAM", ipam},
                                      {"Options", std::move(options)}});
}

Error decode_error(int status, std::string_view body) {
  std::string message;
  if (auto const value = parse(body); value && value->is_object()) message = text(value->get_object(), "message");
  if (message.empty()) message = std::string{body.substr(0, kLongestError)};
  while (message.ends_with('\n')) message.pop_back();
  if (message.empty()) message = fmt::format("the Docker engine answers with status {}", status);
  return Error{kind_of(status), std::move(message)};
}

} // namespace weave::controller::docker
