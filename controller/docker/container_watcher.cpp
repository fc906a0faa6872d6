#include "controller/docker/container_watcher.hpp"

#include <algorithm>
#include <utility>

namespace weave::controller::docker {

namespace {

constexpr Duration kNow{};

bool same(ContainerSummary const& a, ContainerSummary const& b) { return a.name == b.name && a.networks == b.networks; }

} // namespace

ContainerWatcher::ContainerWatcher(Scheduler& scheduler, ContainerEngine& engine, ContainerNames& names, Config config,
                                   Logger log)
    : scheduler_{scheduler},
      engine_{engine},
      names_{names},
      config_{std::move(config)},
      log_{std::move(log)},
      naming_{config_.domain},
      inspections_{scheduler, engine, config_.inspections_at_once,
                   [this](std::string const& id, Result<ContainerInfo> const& answer) { on_inspected(id, answer); }},
      follower_{scheduler,
                engine,
                config_.pauses,
                {.on_connected = [this] { on_connected(); },
                 .on_event = [this](EngineEvent const& event) { on_event(event); },
                 .on_unreadable = [this](Error const& reason) { on_unreadable(reason); },
                 .on_lost = [this](Error const& reason) { on_lost(reason); }}} {}

void ContainerWatcher::start() { follower_.start(); }

void ContainerWatcher::stop() {
  follower_.stop();
  session_.reset();
  inspections_.clear();
  waiting_for_.clear();
  reconcile_timer_.reset();
}

WatchStatus ContainerWatcher::status() const {
  WatchStatus status{.state = state_, .reason = reason_, .containers = 0, .names = 0};
  for (auto const& [id, container] : containers_) {
    if (container.announced) ++status.containers;
    status.names += container.told.size();
  }
  return status;
}

void ContainerWatcher::on_connected() {
  session_ = std::make_shared<int>(0);
  reconcile(Thoroughness::everything);
}

void ContainerWatcher::on_lost(Error const& reason) {
  session_.reset();
  // All will be looked at when the engine is back; until then each question would only wait in vain.
  inspections_.clear();
  waiting_for_.clear();
  reconcile_timer_.reset();
  enter(reason.kind() == ErrorKind::unavailable ? WatchState::engine_absent : WatchState::failing, reason.text());
}

void ContainerWatcher::on_unreadable(Error const& reason) {
  if (std::exchange(hurried_, true)) return;
  log_.warning("docker: an event cannot be read: {}", reason.text());
  reconcile_later(config_.reconcile_after_unreadable, Thoroughness::everything);
}

void ContainerWatcher::on_event(EngineEvent const& event) {
  auto const& id = event.container;
  switch (event.kind) {
    case EventKind::container_started: {
      auto& container = containers_[id];
      container.starting = true;
      container.looks = 0;
      announce(id, container);
      return inspections_.want(id, config_.settling);
    }
    case EventKind::container_died:
      if (!vanish(id)) names_.died(id);
      return;
    case EventKind::container_destroyed: vanish(id); return names_.destroyed(id);
    case EventKind::container_renamed:
    case EventKind::network_connected:
    case EventKind::network_disconnected:
      if (auto const found = containers_.find(id); found != containers_.end()) found->second.looks = 0;
      return inspections_.want(id, config_.settling);
    case EventKind::other: return;
  }
}

void ContainerWatcher::reconcile_later(Duration delay, Thoroughness thoroughness) {
  reconcile_timer_ = scheduler_.after(delay, [this, thoroughness] { reconcile(thoroughness); });
}

void ContainerWatcher::reconcile(Thoroughness thoroughness) {
  hurried_ = false;
  networks_.clear(); // of those that are gone we would never hear
  engine_.list_containers(false, [this, session = std::weak_ptr{session_},
                                  thoroughness](Result<std::vector<ContainerSummary>> const& listed) {
    if (!session.expired()) on_listed(listed, thoroughness);
  });
}

void ContainerWatcher::on_listed(Result<std::vector<ContainerSummary>> const& listed, Thoroughness thoroughness) {
  if (!listed) return follower_.give_up(listed.error());
  enter(WatchState::following, {});
  std::set<std::string> running;
  for (auto const& summary : *listed) {
    running.insert(summary.id);
    auto const [found, fresh] = containers_.try_emplace(summary.id);
    auto& container = found->second;
    auto const different = fresh || !container.announced || !same(container.seen, summary);
    container.seen = summary;
    if (!different && thoroughness == Thoroughness::differences) continue;
    container.looks = 0;
    inspections_.want(summary.id, kNow);
  }
  // One that is not in the list may have started since.
  for (auto const& [id, container] : containers_) {
    if (running.insert(id).second) inspections_.want(id, kNow);
  }
  names_.running(running);
  if (!hurried_) reconcile_later(config_.reconcile_every, Thoroughness::differences);
}

void ContainerWatcher::on_inspected(std::string const& id, Result<ContainerInfo> const& answer) {
  if (!answer && answer.error().kind() == ErrorKind::not_found) {
    vanish(id);
    return;
  }
  auto const found = containers_.find(id);
  if (!answer) {
    // By an event that concerns it we know only that it exists.
    auto& container = found != containers_.end() ? found->second : containers_[id];
    return try_again(id, container, answer.error());
  }
  if (answer->up()) return on_up(containers_[id], *answer);
  if (found == containers_.end()) return; // created or stopped, and connected to a network
  auto const soon = (answer->running || found->second.starting) && !answer->restarting;
  if (soon && found->second.looks < config_.looks) return look_again(id, found->second);
  vanish(id);
}

void ContainerWatcher::on_up(Container& container, ContainerInfo const& info) {
  container.starting = false;
  container.pause = {};
  announce(info.id, container);
  if (!networks_known(info)) return; // looked at again then
  auto const is_ours = [this](ContainerEndpoint const& endpoint) { return ours(endpoint); };
  tell(info.id, container, naming_.names_of(info, is_ours));
  auto const unfinished = std::ranges::any_of(
      info.endpoints, [&](ContainerEndpoint const& endpoint) { return !endpoint.address && ours(endpoint); });
  if (!unfinished) {
    container.looks = 0;
  } else if (container.looks < config_.looks) {
    look_again(info.id, container);
  }
}

void ContainerWatcher::look_again(std::string const& id, Container& container) {
  ++container.looks;
  inspections_.want(id, config_.look_again);
}

void ContainerWatcher::try_again(std::string const& id, Container& container, Error const& reason) {
  // That an engine has gone is said when its stream ends.
  auto const worth_saying = container.pause == Duration::zero() && reason.kind() != ErrorKind::unavailable;
  if (worth_saying) log_.warning("docker: container {}: {}", id.substr(0, 12), reason.text());
  container.pause = std::clamp(container.pause * 3 / 2, config_.pauses.first, config_.pauses.longest);
  inspections_.want(id, container.pause);
}

bool ContainerWatcher::networks_known(ContainerInfo const& info) {
  auto known = true;
  for (auto const& endpoint : info.endpoints) {
    if (endpoint.network_id.empty() || networks_.contains(endpoint.network_id)) continue;
    look_up(endpoint.network_id, info.id);
    known = false;
  }
  return known;
}

void ContainerWatcher::look_up(std::string const& network, std::string const& container) {
  auto const [found, first] = waiting_for_.try_emplace(network);
  found->second.insert(container);
  if (!first) return;
  engine_.inspect_network(network,
                          [this, session = std::weak_ptr{session_}, network](Result<NetworkInfo> const& answer) {
                            if (!session.expired()) on_network(network, answer);
                          });
}

void ContainerWatcher::on_network(std::string const& network, Result<NetworkInfo> const& found) {
  auto const waiting = std::move(waiting_for_[network]);
  waiting_for_.erase(network);
  if (found) {
    networks_[network] = config_.drivers.contains(found->driver) ? Network::ours : Network::foreign;
  } else if (found.error().kind() == ErrorKind::not_found) {
    networks_[network] = Network::missing;
  }
  for (auto const& id : waiting) {
    auto const container = containers_.find(id);
    if (container == containers_.end()) continue;
    if (networks_.contains(network)) {
      inspections_.want(id, kNow);
    } else {
      try_again(id, container->second, found.error());
    }
  }
}

bool ContainerWatcher::ours(ContainerEndpoint const& endpoint) const {
  auto const found = networks_.find(endpoint.network_id);
  return found != networks_.end() && found->second == Network::ours;
}

void ContainerWatcher::announce(std::string const& id, Container& container) {
  if (!std::exchange(container.announced, true)) names_.started(id);
}

void ContainerWatcher::tell(std::string const& id, Container& container, std::set<ContainerName> wanted) {
  auto const before = std::exchange(container.told, std::move(wanted));
  for (auto const& name : before) {
    if (!container.told.contains(name)) names_.remove(id, name.fqdn, name.address);
  }
  for (auto const& name : container.told) {
    if (!before.contains(name)) names_.add(id, name.fqdn, name.address);
  }
}

bool ContainerWatcher::vanish(std::string const& id) {
  inspections_.drop(id);
  auto node = containers_.extract(id);
  if (node.empty()) return false;
  tell(id, node.mapped(), {});
  if (node.mapped().announced) names_.died(id);
  return node.mapped().announced;
}

void ContainerWatcher::enter(WatchState state, std::string reason) {
  if (state == state_ && reason == reason_) return;
  auto const was = std::exchange(state_, state);
  reason_ = std::move(reason);
  switch (state) {
    case WatchState::waiting: break;
    case WatchState::following: log_.info("docker: following the events of containers"); break;
    case WatchState::engine_absent:
      if (was == state) break;
      log_.info("docker: {}; containers are followed when Docker is there", reason_);
      names_.engine_absent();
      break;
    case WatchState::failing: log_.warning("docker: events of containers: {}", reason_); break;
  }
}

} // namespace weave::controller::docker
