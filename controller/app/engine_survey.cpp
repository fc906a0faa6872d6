#include "controller/app/engine_survey.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace weave::controller {
namespace {

bool is_full_id(std::string_view id) {
  constexpr std::size_t kLength = 64;
  return id.size() == kLength && id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

} // namespace

void take_survey(docker::ContainerEngine& engine, std::function<void(Result<EngineSurvey>)> done) {
  engine.list_networks([&engine, done = std::move(done)](Result<std::vector<docker::NetworkInfo>> networks) {
    if (!networks) return done(failure_of(networks));
    // Containers last: one that was just put on a network of the first list is seen.
    engine.list_containers(true, [networks = *std::move(networks),
                                  done](Result<std::vector<docker::ContainerSummary>> containers) mutable {
      if (!containers) return done(failure_of(containers));
      done(EngineSurvey{.containers = *std::move(containers), .networks = std::move(networks)});
    });
  });
}

std::vector<std::string> alive_containers(EngineSurvey const& survey) {
  std::vector<std::string> alive;
  for (auto const& container : survey.containers) {
    if (container.alive()) alive.push_back(container.id);
  }
  return alive;
}

bool goes_by(docker::ContainerSummary const& container, std::string_view id) {
  // As the engine itself takes it.
  return container.id == id || container.name == id || (!id.empty() && container.id.starts_with(id));
}

Life life_of(EngineSurvey const& survey, std::string_view id) {
  auto const found =
      std::ranges::find_if(survey.containers, [&](auto const& container) { return goes_by(container, id); });
  // One that was filed by its name and has another now may well run.
  if (found == survey.containers.end()) return is_full_id(id) ? Life::gone : Life::unknown;
  return found->alive() ? Life::alive : Life::stopped;
}

std::set<std::string> networks_of_ours(EngineSurvey const& survey, std::set<std::string> const& drivers) {
  std::set<std::string> ids;
  for (auto const& network : survey.networks) {
    if (drivers.contains(network.ipam_driver)) ids.insert(network.id);
  }
  return ids;
}

std::vector<ipam::ReclaimedAddress> container_addresses(EngineSurvey const& survey,
                                                        std::set<std::string> const& drivers) {
  auto const ours = networks_of_ours(survey, drivers);
  std::vector<ipam::ReclaimedAddress> found;
  for (auto const& container : survey.containers) {
    if (!container.alive()) continue;
    for (auto const& place : container.places) {
      if (!place.address || !ours.contains(place.network_id)) continue;
      found.push_back({.id = std::string{ipam::kAnonymous}, .cidr = *place.address, .is_container = false});
    }
  }
  return found;
}

std::vector<Ipv4Cidr> reserved_addresses(EngineSurvey const& survey, std::set<std::string> const& drivers) {
  std::vector<Ipv4Cidr> found;
  for (auto const& network : survey.networks) {
    if (!drivers.contains(network.ipam_driver)) continue;
    for (auto const& cidr : network.reserved) {
      if (cidr.network().address != cidr.address) found.push_back(cidr);
    }
  }
  return found;
}

std::optional<std::set<Ipv4Address>> mentioned_addresses(EngineSurvey const& survey,
                                                         std::set<std::string> const& drivers) {
  auto const ours = networks_of_ours(survey, drivers);
  std::set<Ipv4Address> mentioned;
  for (auto const& network : survey.networks) {
    for (auto const& cidr : network.reserved) mentioned.insert(cidr.address);
  }
  for (auto const& container : survey.containers) {
    for (auto const& place : container.places) {
      if (place.requested) mentioned.insert(*place.requested);
      if (place.address) {
        mentioned.insert(place.address->address);
      } else if (container.alive() && (place.network_id.empty() || ours.contains(place.network_id))) {
        return std::nullopt;
      }
    }
  }
  return mentioned;
}

std::vector<Ipv4Address> UnusedAddresses::look(TimePoint now, std::set<Ipv4Address> const& unused) {
  std::erase_if(since_, [&](auto const& entry) { return !unused.contains(entry.first); });
  std::vector<Ipv4Address> due;
  for (auto const address : unused) {
    auto const since = since_.try_emplace(address, now).first->second;
    if (now - since >= grace_) due.push_back(address);
  }
  for (auto const address : due) since_.erase(address);
  return due;
}

} // namespace weave::controller
