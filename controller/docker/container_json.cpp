#include "controller/docker/container_json.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "base/http/message.hpp"
#include "controller/docker/json_reading.hpp"

namespace weave::controller::docker {

namespace json = boost::json;

namespace {

using namespace reading;

constexpr std::string_view kBlanks = " \t\r\x1e"; // the last: record separator of a JSON text sequence

constexpr std::string_view kSharedNetwork = "container:";

struct KnownEvent {
  std::string_view type;
  std::string_view action;
  EventKind kind;
};
constexpr std::array<KnownEvent, 6> kKnownEvents{{
    {"container", "start", EventKind::container_started},
    {"container", "die", EventKind::container_died},
    {"container", "destroy", EventKind::container_destroyed},
    {"container", "rename", EventKind::container_renamed},
    {"network", "connect", EventKind::network_connected},
    {"network", "disconnect", EventKind::network_disconnected},
}};

void add_once(std::vector<std::string>& list, std::string text) {
  if (std::ranges::find(list, text) == list.end()) list.push_back(std::move(text));
}

ContainerEndpoint to_endpoint(json::string_view network, json::object const& settings) {
  ContainerEndpoint endpoint{
      .network_id = text(settings, "NetworkID"), .network_name = to_string(network), .address = {}, .aliases = {}};
  if (auto const address = Ipv4Address::parse(text(settings, "IPAddress")); address && !address->is_unspecified()) {
    endpoint.address = *address;
  }
  // Engines before 25 put the host name and the short ID among the aliases; later ones have them in DNSNames instead.
  for (auto const* key : {"Aliases", "DNSNames"}) {
    for (auto const& alias : array_in(settings, key)) {
      if (alias.is_string()) add_once(endpoint.aliases, to_string(alias.get_string()));
    }
  }
  return endpoint;
}

std::string text_or(json::object const& object, json::string_view key, std::string otherwise) {
  auto found = text(object, key);
  return found.empty() ? std::move(otherwise) : found;
}

std::chrono::nanoseconds time_of(json::object const& event) {
  if (auto const precise = number(event, "timeNano"); precise > 0) return std::chrono::nanoseconds{precise};
  constexpr std::int64_t kLast =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::nanoseconds::max()).count();
  return std::chrono::seconds{std::clamp<std::int64_t>(number(event, "time"), 0, kLast)};
}

} // namespace

Result<ContainerInfo> decode_container(std::string_view body) {
  auto const value = parse(body);
  if (!value) return failure_of(value);
  auto const* object = value->if_object();
  if (object == nullptr || text(*object, "Id").empty()) return std::unexpected{odd_answer()};
  auto const& state = object_in(*object, "State");
  auto const& config = object_in(*object, "Config");
  ContainerInfo container{.id = text(*object, "Id"),
                          .name = text(*object, "Name"),
                          .hostname = text(config, "Hostname"),
                          .domainname = text(config, "Domainname"),
                          .running = flag(state, "Running"),
                          .restarting = flag(state, "Restarting"),
                          .pid = number(state, "Pid"),
                          .endpoints = {}};
  auto const& network = object_in(*object, "NetworkSettings");
  container.sandbox = text(network, "SandboxKey");
  container.hosts_file = text(*object, "HostsPath");
  auto const& host_config = object_in(*object, "HostConfig");
  if (auto const mode = text(host_config, "NetworkMode"); mode.starts_with(kSharedNetwork)) {
    container.network_owner = mode.substr(kSharedNetwork.size());
  }
  for (auto const& host : array_in(host_config, "ExtraHosts")) {
    if (host.is_string()) container.extra_hosts.push_back(to_string(host.get_string()));
  }
  if (container.name.starts_with('/')) container.name.erase(0, 1);
  for (auto const& member : object_in(network, "Networks")) {
    auto const* settings = member.value().if_object();
    if (settings != nullptr) container.endpoints.push_back(to_endpoint(member.key(), *settings));
  }
  std::ranges::sort(container.endpoints, {}, &ContainerEndpoint::network_name);
  return container;
}

Result<EngineEvent> decode_event(std::string_view line) {
  auto const value = parse(line);
  if (!value) return failure_of(value);
  auto const* object = value->if_object();
  if (object == nullptr) return std::unexpected{odd_answer()};
  auto const type = text_or(*object, "Type", "container");
  auto const action = text_or(*object, "Action", text(*object, "status"));
  auto const& actor = object_in(*object, "Actor");
  if (action.empty()) return std::unexpected{odd_answer()};
  EngineEvent event{.kind = EventKind::other, .container = {}, .time = time_of(*object)};
  auto const known = std::ranges::find_if(
      kKnownEvents, [&](KnownEvent const& candidate) { return candidate.type == type && candidate.action == action; });
  if (known == kKnownEvents.end()) return event;
  if (type == "network") {
    event.container = text(object_in(actor, "Attributes"), "container");
    if (event.container.empty()) return event; // of something that is no container
  } else {
    event.container = text_or(actor, "ID", text(*object, "id"));
    if (event.container.empty()) return std::unexpected{odd_answer()};
  }
  event.kind = known->kind;
  return event;
}

std::string events_target(std::optional<std::chrono::nanoseconds> since) {
  json::array types{"container", "network"};
  json::array actions;
  for (auto const& known : kKnownEvents)
    actions.emplace_back(json::string_view{known.action.data(), known.action.size()});
  json::object const filters{{"type", std::move(types)}, {"event", std::move(actions)}};
  auto target = "/events?filters=" + http::percent_encode(json::serialize(filters));
  if (since) {
    auto const whole = std::chrono::floor<std::chrono::seconds>(*since);
    target += fmt::format("&since={}.{:09}", whole.count(), (*since - whole).count());
  }
  return target;
}

void LineSplitter::push(std::string_view piece, OnLine const& on_line) {
  while (!piece.empty()) {
    auto const end = piece.find('\n');
    auto const part = piece.substr(0, end);
    begun_ += part.substr(0, longest_ - std::min(longest_, begun_.size()));
    if (end == std::string_view::npos) return;
    piece.remove_prefix(end + 1);
    finish(on_line);
  }
}

void LineSplitter::finish(OnLine const& on_line) {
  auto const line = std::exchange(begun_, {});
  std::string_view rest{line};
  rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(kBlanks)));
  if (!rest.empty()) on_line(rest);
}

} // namespace weave::controller::docker
