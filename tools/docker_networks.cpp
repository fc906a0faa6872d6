#include "tools/docker_networks.hpp"

#include <algorithm>
#include <filesystem>

#include "controller/docker/engine_json.hpp"
#include "tools/docker_answer.hpp"

namespace weave::tools {

std::set<std::string> driver_names(std::vector<std::string> const& plugin_sockets) {
  std::set<std::string> names;
  for (auto const& socket : plugin_sockets) names.insert(std::filesystem::path{socket}.stem().string());
  return names;
}

bool names_network_of(std::set<std::string> const& drivers, std::string_view body) {
  auto const networks = controller::docker::decode_networks(body);
  return !networks ||
         std::ranges::any_of(*networks, [&](auto const& network) { return drivers.contains(network.driver); });
}

std::optional<bool> docker_has_networks(Settings const& settings, std::set<std::string> const& drivers,
                                        std::chrono::milliseconds limit) {
  if (drivers.empty()) return false;
  auto const engine = docker_endpoint(settings);
  if (!engine) return std::nullopt;
  auto const body = ask_docker(*engine, "/networks", limit);
  if (body) return names_network_of(drivers, *body);
  auto const kind = body.error().kind();
  if (kind == ErrorKind::not_found || kind == ErrorKind::unavailable) return std::nullopt;
  return true;
}

} // namespace weave::tools
