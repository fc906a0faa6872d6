#include "controller/app/leftovers.hpp"

namespace weave::controller {
namespace {

/// Host ends that belong to these endpoints, by both names that they may have.
std::set<std::string> host_names(std::set<std::string> const& endpoints) {
  std::set<std::string> names;
  for (auto const& id : endpoints) {
    auto const link = plugin::EndpointLink::of(id);
    names.insert({link.host_name, link.old_host_name});
  }
  return names;
}

std::set<std::string> endpoints_of_docker(EngineSurvey const& survey) {
  std::set<std::string> ids;
  for (auto const& container : survey.containers) {
    for (auto const& place : container.places) {
      if (!place.endpoint_id.empty()) ids.insert(place.endpoint_id);
    }
  }
  return ids;
}

} // namespace

void Leftovers::look(EngineSurvey const& survey) {
  auto const ends = ports_.host_ends();
  if (!ends) return ports_.logger.warning("docker: looking for leftovers of crashes: {}", ends.error().text());
  auto const now = ports_.scheduler.now();
  auto const found = suspects(survey, *ends);
  std::erase_if(since_, [&](auto const& entry) { return !found.contains(entry.first); });
  for (auto const& suspect : found) {
    auto const since = since_.try_emplace(suspect, now).first;
    if (now - since->second < grace_of(suspect)) continue;
    since_.erase(since);
    remove(suspect);
  }
  again_.reset();
  if (!since_.empty()) again_ = ports_.scheduler.after(config_.grace, [this] { ports_.ask(); });
}

std::set<Leftovers::Suspect> Leftovers::suspects(EngineSurvey const& survey,
                                                 std::vector<datapath::HostEnd> const& ends) const {
  auto const& records = ports_.driver.records();
  std::set<std::string> in_use;
  for (auto const& end : ends) {
    if (!end.peer_here) in_use.insert(end.name);
  }
  std::set<Suspect> found;
  std::set<std::string> networks;
  auto endpoints = endpoints_of_docker(survey);
  for (auto const& [id, endpoint] : records.endpoints()) {
    bool const alive = endpoints.contains(id) || in_use.contains(plugin::EndpointLink::of(id).host_name);
    if (!alive) found.insert({.kind = Kind::endpoint, .name = id});
    networks.insert(endpoint.network_id);
  }
  for (auto const& [id, endpoint] : records.endpoints()) endpoints.insert(id);
  auto const owned = host_names(endpoints);
  for (auto const& end : ends) {
    if (end.peer_here && !owned.contains(end.name)) {
      found.insert({.kind = Kind::interface, .name = end.name, .index = end.index});
    }
  }
  if (!config_.networks_are_listed) return found;
  for (auto const& network : survey.networks) networks.insert(network.id);
  for (auto const& [id, network] : records.networks()) {
    if (!networks.contains(id)) found.insert({.kind = Kind::network, .name = id});
  }
  return found;
}

Duration Leftovers::grace_of(Suspect const& suspect) const {
  if (suspect.kind != Kind::endpoint) return config_.grace;
  return ports_.driver.records().is_inherited(suspect.name) ? config_.inherited_grace : config_.start_grace;
}

void Leftovers::remove(Suspect const& suspect) {
  constexpr auto kText = "docker: removed what a crash has left: {} {}";
  switch (suspect.kind) {
    case Kind::interface:
      if (auto const removed = ports_.remove(suspect.name); !removed) {
        return ports_.logger.warning("docker: removing the leftover {}: {}", suspect.name, removed.error().text());
      }
      return ports_.logger.info(kText, "interface", suspect.name);
    case Kind::endpoint: {
      auto const* const known = ports_.driver.records().endpoint(suspect.name);
      auto const network = known == nullptr ? std::string{} : known->network_id;
      ports_.driver.delete_endpoint({.network_id = network, .endpoint_id = suspect.name}, [](Result<void> const&) {});
      return ports_.logger.info(kText, "endpoint", suspect.name.substr(0, 12));
    }
    case Kind::network:
      ports_.driver.delete_network({.network_id = suspect.name});
      return ports_.logger.info(kText, "network", suspect.name.substr(0, 12));
  }
}

} // namespace weave::controller
