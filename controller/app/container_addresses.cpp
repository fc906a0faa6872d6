#include "controller/app/container_addresses.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace weave::controller {
namespace {

/// A gateway that another peer holds is not worth more: nobody uses it.
constexpr Duration kReservedPatience = std::chrono::seconds{60};
constexpr Duration kFirstLookRetry = std::chrono::seconds{5};

} // namespace

ContainerAddresses::ContainerAddresses(Config config, Ports ports)
    : config_{std::move(config)}, ports_{std::move(ports)}, unused_{config_.leak_grace} {
  if (!config_.memory_lost) return;
  ports_.gate.close(ports_.scheduler, config_.gate_limit, [logger = ports_.logger] {
    logger.warning("IP allocation: Docker has not answered; what its containers use already is not known");
  });
}

void ContainerAddresses::touch(Ipv4Address address) {
  unused_.touch(address);
  if (look_) look_->touched.insert(address);
}

void ContainerAddresses::started(std::string const& id) {
  if (look_) look_->started.insert(id);
  ports_.allocator.on_container_started(id);
}

void ContainerAddresses::running(std::set<std::string> const&) { begin(); }

void ContainerAddresses::engine_absent() {
  look_.reset();
  retry_.reset();
  unused_.forget();
  // Without an engine its containers do not run, as a rule, and without Docker there would be nothing to wait for.
  ports_.gate.open();
}

void ContainerAddresses::begin() {
  auto const look = std::make_shared<Look>();
  for (auto const& [id, owned] : ports_.allocator.owned().all()) {
    if (owned.is_container) {
      look->watched.push_back(id);
    } else if (owned.cidrs.size() == 1 && owned.cidrs.front().address.to_string() == id) {
      look->driver_addresses.insert(owned.cidrs.front().address);
    }
  }
  look_ = look;
  take_survey(ports_.engine, [this, weak = std::weak_ptr{look}](Result<EngineSurvey> const& survey) {
    auto const current = weak.lock();
    if (!current || current != look_) return;
    look_.reset();
    if (survey) return on_survey(*current, *survey);
    unused_.forget();
    ports_.logger.warning("docker: which addresses containers use is not known, and asked again: {}",
                          survey.error().text());
    if (first_) retry_ = ports_.scheduler.after(kFirstLookRetry, [this] { begin(); });
  });
}

void ContainerAddresses::on_survey(Look const& look, EngineSurvey const& survey) {
  if (watcher_) watcher_(survey);
  settle_lives(look, survey);
  reclaim(container_addresses(survey, config_.drivers), look);
  if (std::exchange(first_, false)) {
    if (config_.memory_lost) reclaim_reserved(survey);
    reclaim_attached(survey);
  }
  free_unused(look, survey);
}

void ContainerAddresses::settle_lives(Look const& look, EngineSurvey const& survey) {
  for (auto const& id : look.watched) {
    if (look.started.contains(id)) continue;
    switch (life_of(survey, id)) {
      case Life::alive: ports_.allocator.on_container_started(id); break;
      case Life::stopped: ports_.allocator.on_container_died(id); break;
      case Life::gone:
        ports_.logger.info("Freeing the addresses of container {}, which does not exist any more", id);
        ports_.allocator.on_container_destroyed(id);
        break;
      case Life::unknown: break;
    }
  }
}

void ContainerAddresses::reclaim(std::vector<ipam::ReclaimedAddress> addresses, Look const& look) {
  auto const& owned = ports_.allocator.owned();
  std::erase_if(reclaiming_, [&](Ipv4Address address) { return owned.holder(address) != nullptr; });
  std::erase_if(addresses, [&](ipam::ReclaimedAddress const& one) {
    auto const address = one.cidr.address;
    return owned.holder(address) != nullptr || look.touched.contains(address) || !reclaiming_.insert(address).second;
  });
  if (addresses.empty()) return;
  for (auto const& [id, cidr, is_container] : addresses) {
    ports_.logger.info("Reclaiming address {}, which {} uses", cidr.to_string(),
                       is_container ? fmt::format("container {}", id.substr(0, 12)) : "a container");
  }
  ports_.allocator.reclaim(addresses);
}

/// What was handed out while Docker did not answer may turn out to be in use.
void ContainerAddresses::report_doubles(std::vector<ipam::ReclaimedAddress> const& attached,
                                        EngineSurvey const& survey) const {
  for (auto const& [id, cidr, is_container] : attached) {
    auto const* const holder = ports_.allocator.owned().holder(cidr.address);
    if (holder == nullptr || *holder == id) continue;
    auto const container = std::ranges::find(survey.containers, id, &docker::ContainerSummary::id);
    if (container != survey.containers.end() && goes_by(*container, *holder)) continue;
    ports_.logger.error("address {} of container {} is recorded for {} as well; stop one of the two",
                        cidr.address.to_string(), id.substr(0, 12), *holder);
  }
}

/// With a caller, who is told and forgets: without one a refusal would count as a conflict between peers.
void ContainerAddresses::reclaim_reserved(EngineSurvey const& survey) {
  for (auto const& cidr : reserved_addresses(survey, config_.drivers)) {
    ports_.allocator.claim({.id = std::string{ipam::kAnonymous},
                            .cidr = cidr,
                            .is_container = false,
                            .no_error_on_unknown = false,
                            .exclusive = false,
                            .deadline = kReservedPatience},
                           [logger = ports_.logger, cidr](Result<void> const& claimed) {
                             if (claimed) return;
                             logger.info("docker: {} of a network: {}", cidr.to_string(), claimed.error().text());
                           });
  }
}

void ContainerAddresses::reclaim_attached(EngineSurvey const& survey) {
  ports_.find_attached(alive_containers(survey), [this, survey](std::vector<ipam::ReclaimedAddress> found) {
    report_doubles(found, survey);
    reclaim(std::move(found), Look{});
    ports_.gate.open();
  });
}

void ContainerAddresses::free_unused(Look const& look, EngineSurvey const& survey) {
  auto const mentioned = mentioned_addresses(survey, config_.drivers);
  if (!mentioned) return unused_.forget();
  std::set<Ipv4Address> unused;
  for (auto const address : look.driver_addresses) {
    if (mentioned->contains(address) || look.touched.contains(address) || ports_.is_known_use(address)) continue;
    if (ports_.allocator.owned().find(address.to_string()) != nullptr) unused.insert(address);
  }
  for (auto const address : unused_.look(ports_.scheduler.now(), unused)) {
    ports_.logger.warning("Freeing address {}, which Docker asked for and nothing uses", address.to_string());
    if (auto const freed = ports_.allocator.release(address.to_string(), address); !freed) {
      ports_.logger.error("{}", freed.error().text());
    }
  }
}

} // namespace weave::controller
