#include "controller/docker/default_network.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace weave::controller::docker {

namespace {

constexpr std::chrono::milliseconds kFirstPause{250};
constexpr std::chrono::seconds kLongestPause{30};
/// Finding nobody at the socket costs nothing, and who starts Docker wants the network soon.
constexpr std::chrono::seconds kLongestPauseWithoutEngine{3};
constexpr std::chrono::seconds kForeignPause{60};
constexpr auto kMulticast = "works.weave.multicast";

} // namespace

DefaultNetwork::DefaultNetwork(Scheduler& scheduler, DockerEngine& engine, Config config, Logger log)
    : scheduler_{scheduler}, engine_{engine}, config_{std::move(config)}, log_{std::move(log)}, pause_{kFirstPause} {}

template <class T>
DockerEngine::Callback<T> DefaultNetwork::current(void (DefaultNetwork::*handler)(Result<T> const&)) {
  return [this, run = std::weak_ptr{run_}, handler](Result<T> const& result) {
    if (run.lock()) (this->*handler)(result);
  };
}

void DefaultNetwork::start() {
  run_ = std::make_shared<int>(0);
  pause_ = kFirstPause;
  attempt();
}

void DefaultNetwork::stop() {
  run_.reset();
  timer_.reset();
}

std::map<std::string, std::string> DefaultNetwork::options() const {
  return {{kMulticast, multicast_.value_or(config_.multicast ? "true" : "false")}};
}

bool DefaultNetwork::ours(std::string const& driver) const {
  constexpr std::array<std::string_view, 2> kNames{"weavemesh", "weave"};
  return driver == config_.driver || std::ranges::find(kNames, driver) != kNames.end();
}

void DefaultNetwork::attempt() {
  engine_.inspect_network(config_.name, current<NetworkInfo>(&DefaultNetwork::on_inspected));
}

void DefaultNetwork::on_inspected(Result<NetworkInfo> const& found) {
  if (found) return settle(*found);
  if (found.error().kind() == ErrorKind::not_found) return create();
  on_failure(found.error());
}

void DefaultNetwork::create() {
  NetworkSpec const spec{.name = config_.name,
                         .driver = config_.driver,
                         .ipam_driver = config_.driver,
                         .subnet = config_.subnet.to_string(),
                         .options = options()};
  engine_.create_network(spec, current<std::string>(&DefaultNetwork::on_created));
}

void DefaultNetwork::on_created(Result<std::string> const& id) {
  if (id) {
    log_.info("docker: created the network {}", config_.name);
    return enter(DefaultNetworkState::ready, {}, *id);
  }
  on_failure(id.error());
}

void DefaultNetwork::settle(NetworkInfo const& found) {
  if (!ours(found.driver)) {
    enter(DefaultNetworkState::foreign,
          fmt::format("a network named {} exists with driver {}", config_.name, found.driver));
    return try_again(kForeignPause);
  }
  enter(DefaultNetworkState::ready, difference(found), found.id);
}

std::string DefaultNetwork::difference(NetworkInfo const& found) {
  std::vector<std::string> differences;
  auto const subnet = config_.subnet.to_string();
  if (!found.subnets.empty() && std::ranges::find(found.subnets, subnet) == found.subnets.end()) {
    differences.push_back(fmt::format("the network {} has subnet {}, not {}; remove it to have it made anew",
                                      config_.name, found.subnets.front(), subnet));
  }
  auto const wanted = options();
  if (auto const option = found.options.find(kMulticast); option != found.options.end()) {
    multicast_ = option->second;
    if (options() != wanted) {
      differences.push_back(
          fmt::format("the network {} was made with {}={}, and keeps that; remove it to have it made anew",
                      config_.name, kMulticast, *multicast_));
    }
  }
  return fmt::format("{}", fmt::join(differences, "; "));
}

void DefaultNetwork::on_failure(Error const& error) {
  auto const absent = error.kind() == ErrorKind::unavailable;
  enter(absent ? DefaultNetworkState::engine_absent : DefaultNetworkState::failing, error.text());
  auto const pause = pause_;
  auto const longest = absent ? Duration{kLongestPauseWithoutEngine} : Duration{kLongestPause};
  pause_ = std::min(pause_ * 2, Duration{kLongestPause});
  try_again(std::min(pause, longest));
}

void DefaultNetwork::try_again(Duration pause) {
  timer_ = scheduler_.after(pause, [this] { attempt(); });
}

void DefaultNetwork::enter(DefaultNetworkState state, std::string reason, std::string network_id) {
  DefaultNetworkStatus next{.state = state, .reason = std::move(reason), .network_id = std::move(network_id)};
  if (next == status_) return;
  status_ = std::move(next);
  switch (state) {
    case DefaultNetworkState::waiting: break;
    case DefaultNetworkState::ready:
      if (!status_.reason.empty()) log_.warning("docker: {}", status_.reason);
      break;
    case DefaultNetworkState::engine_absent:
      log_.info("docker: {}; the network {} is made when Docker is there", status_.reason, config_.name);
      break;
    case DefaultNetworkState::failing:
    case DefaultNetworkState::foreign: log_.warning("docker: network {}: {}", config_.name, status_.reason); break;
  }
  if (watcher_) watcher_(status_);
}

void DefaultNetwork::remove(Removed done) {
  stop();
  engine_.inspect_network(
      config_.name, [this, alive = std::weak_ptr{alive_}, done = std::move(done)](Result<NetworkInfo> const& found) {
        if (!alive.lock()) return;
        if (!found && found.error().kind() == ErrorKind::not_found)
          return done(Removal{.removed = true, .attached_containers = {}});
        if (!found) return done(failure_of(found));
        if (!ours(found->driver)) return done(Removal{.removed = true, .attached_containers = {}});
        remove_found(*found, done);
      });
}

void DefaultNetwork::remove_found(NetworkInfo const& found, Removed const& done) {
  engine_.remove_network(found.id, [done, containers = found.containers](Result<void> const& removed) {
    if (removed || removed.error().kind() == ErrorKind::not_found)
      return done(Removal{.removed = true, .attached_containers = {}});
    if (removed.error().kind() != ErrorKind::refused) return done(failure_of(removed));
    done(Removal{.removed = false, .attached_containers = containers});
  });
}

} // namespace weave::controller::docker
