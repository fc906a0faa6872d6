#include "tools/dns_names.hpp"

#include <algorithm>
#include <array>

#include "controller/api/messages.hpp"
#include "controller/docker/engine_json.hpp"
#include "tools/daemon_answer.hpp"
#include "tools/docker_answer.hpp"

namespace weave::tools {
namespace {

namespace docker = controller::docker;

constexpr std::array<std::string_view, 2> kOurDrivers{"weave", "weavemesh"};

bool is_ours(http::Endpoint const& engine, docker::ContainerEndpoint const& endpoint) {
  auto const text = ask_docker(engine, "/networks/" + controller::api::path_part(endpoint.network_id));
  if (!text) return false;
  auto const network = docker::decode_network(*text);
  return network && std::ranges::find(kOurDrivers, network->driver) != kOurDrivers.end();
}

void add_unless_there(std::vector<Ipv4Address>& addresses, Ipv4Address address) {
  if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
}

/// What the daemon has given to the container without Docker's help.
void add_allocated(Settings const& settings, NamedContainer& container) {
  auto const answer = ask_daemon(settings, [](ApiClient const& client) { return client.get("/ip", kAnswerTime); });
  if (!answer || !answer->ok()) return;
  auto const owned = controller::api::parse_owned_addresses(answer->body);
  if (!owned) return;
  for (auto const& row : *owned) {
    if (row.container_id != container.id) continue;
    for (auto const& cidr : row.addresses) add_unless_there(container.addresses, cidr.address);
  }
}

} // namespace

std::optional<NameWords> parse_name_words(std::vector<std::string> const& words) {
  NameWords parsed;
  auto at = words.begin();
  for (; at != words.end(); ++at) {
    auto const address = Ipv4Address::parse(*at);
    if (!address) break;
    parsed.addresses.push_back(*address);
  }
  if (at != words.end() && *at != "-h") parsed.container = *at++;
  if (at != words.end()) {
    if (*at != "-h" || std::next(at) == words.end()) return std::nullopt;
    parsed.fqdn = *++at;
    ++at;
  }
  if (at != words.end()) return std::nullopt;
  if (!parsed.container && (parsed.addresses.empty() || !parsed.fqdn)) return std::nullopt;
  return parsed;
}

Result<NamedContainer> find_container(Settings const& settings, std::string const& container) {
  auto const engine = docker_endpoint(settings);
  if (!engine) return failure_of(engine);
  auto const info = inspect_container(*engine, container);
  if (!info) return failure_of(info);
  NamedContainer named{.id = info->id, .fqdn = info->fqdn(), .running = info->running, .addresses = {}};
  for (auto const& endpoint : info->endpoints) {
    if (endpoint.address && is_ours(*engine, endpoint)) add_unless_there(named.addresses, *endpoint.address);
  }
  add_allocated(settings, named);
  return named;
}

DomainAnswer ask_domain(Invocation& call) {
  auto const answer =
      ask_daemon(call.settings, [](ApiClient const& client) { return client.get("/domain", kAnswerTime); });
  if (answer && answer->ok()) return {.domain = answer->body, .end = std::nullopt};
  auto const code = conclude(answer, call, "the name service");
  return {.domain = {}, .end = code == 4 ? 0 : 1};
}

} // namespace weave::tools
