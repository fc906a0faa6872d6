#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/scheduler.hpp"
#include "controller/docker/container_engine.hpp"

namespace weave::controller::docker {

/// An engine whose containers a test moves. Answers say what was so when it was asked, and come `delay` later.
class ScriptedEngine final : public ContainerEngine {
 public:
  explicit ScriptedEngine(Scheduler& scheduler) : scheduler_{scheduler} {}

  void inspect_container(std::string const& id, Answer<ContainerInfo> done) override {
    asked.push_back(id);
    auto const found = containers.find(id);
    answer<ContainerInfo>(done, found != containers.end() ? Result<ContainerInfo>{found->second}
                                                          : failure(ErrorKind::not_found, "No such container: " + id));
  }
  void inspect_network(std::string const& id, Answer<NetworkInfo> done) override {
    ++network_lookups;
    auto const found = drivers.find(id);
    NetworkInfo info;
    if (found != drivers.end()) info.driver = found->second;
    answer<NetworkInfo>(
        done, found != drivers.end() ? Result<NetworkInfo>{info} : failure(ErrorKind::not_found, "no such network"));
  }
  void list_containers(bool with_stopped, Answer<std::vector<ContainerSummary>> done) override {
    ++lists;
    std::vector<ContainerSummary> listed;
    for (auto const& [id, info] : containers) {
      if (!info.running && !with_stopped) continue;
      ContainerSummary summary{
          .id = id, .name = info.name, .state = info.running ? "running" : "exited", .networks = {}};
      for (auto const& endpoint : info.endpoints) {
        summary.networks[endpoint.network_name] = endpoint.address ? endpoint.address->to_string() : "";
        ContainerPlace place{.network_id = endpoint.network_id, .address = {}, .requested = {}};
        if (endpoint.address) place.address = Ipv4Cidr{*endpoint.address, 12};
        summary.places.push_back(place);
      }
      listed.push_back(summary);
    }
    answer<std::vector<ContainerSummary>>(done, listed);
  }
  void list_networks(Answer<std::vector<NetworkInfo>> done) override {
    std::vector<NetworkInfo> networks;
    for (auto const& [id, driver] : drivers) {
      networks.push_back({.id = id,
                          .name = id,
                          .driver = driver,
                          .subnets = {},
                          .options = {},
                          .containers = {},
                          .ipam_driver = driver,
                          .reserved = reserved[id]});
    }
    answer<std::vector<NetworkInfo>>(done, networks);
  }
  void follow_events(std::optional<std::chrono::nanoseconds> since, EventHandlers handlers) override {
    ++openings;
    stop_following();
    handlers_ = std::make_shared<EventHandlers>(std::move(handlers));
    deliver([this, since, down = down](EventHandlers const& to) {
      if (down) {
        auto const held = std::exchange(handlers_, nullptr);
        return held->on_end(*down);
      }
      open = true;
      to.on_open();
      if (!since) return;
      for (auto const& event : history) {
        if (event.time >= *since) to.on_event(event);
      }
    });
  }
  void stop_following() override {
    handlers_.reset();
    open = false;
  }

  void start(std::string const& id, std::string const& network = "n1", std::uint32_t address = 0x0a200001) {
    auto& info = containers[id];
    info.id = id;
    if (info.name.empty()) info.name = "name-" + id;
    info.running = true;
    info.pid = 1;
    connect(id, network, address);
  }
  void connect(std::string const& id, std::string const& network, std::uint32_t address) {
    auto& endpoints = containers[id].endpoints;
    std::erase_if(endpoints, [&](auto const& endpoint) { return endpoint.network_id == network; });
    endpoints.push_back(ContainerEndpoint{
        .network_id = network, .network_name = network, .address = Ipv4Address{address}, .aliases = {}});
  }
  void halt(std::string const& id) {
    auto& info = containers[id];
    info.running = false;
    info.pid = 0;
    for (auto& endpoint : info.endpoints) endpoint.address.reset();
  }
  void emit(EventKind kind, std::string const& id) {
    clock += std::chrono::seconds{1};
    history.push_back(EngineEvent{.kind = kind, .container = id, .time = clock});
    if (open) deliver([event = history.back()](EventHandlers const& to) { to.on_event(event); });
  }
  void emit_nonsense() {
    deliver([](EventHandlers const& to) { to.on_event(failure(ErrorKind::malformed, "not JSON")); });
  }
  /// The stream breaks; what is then asked gets `error`, if there is one.
  void cut(std::optional<Error> error) {
    down = std::move(error);
    auto const held = std::exchange(handlers_, nullptr);
    open = false;
    if (held) held->on_end(Error{ErrorKind::unavailable, "cut"});
  }

  std::map<std::string, ContainerInfo> containers;
  std::map<std::string, std::string> drivers{{"n1", "weavemesh"}, {"n2", "weave"}, {"other", "bridge"}};
  std::map<std::string, std::vector<Ipv4Cidr>> reserved; ///< gateways, by network
  std::vector<EngineEvent> history;
  std::chrono::nanoseconds clock{std::chrono::hours{1}};
  std::optional<Error> down;
  Duration delay = std::chrono::milliseconds{1};
  bool open = false;
  std::vector<std::string> asked;
  int network_lookups = 0;
  int lists = 0;
  int openings = 0;
  std::size_t under_way = 0;
  std::size_t most_under_way = 0;

 private:
  template <class T>
  void answer(Answer<T> done, Result<T> result) {
    if (down) result = std::unexpected{*down};
    most_under_way = std::max(most_under_way, ++under_way);
    timers_.push_back(scheduler_.after(delay, [this, done, result] {
      --under_way;
      done(result);
    }));
  }
  template <class Call>
  void deliver(Call call) {
    scheduler_.post([to = std::weak_ptr{handlers_}, call] {
      if (auto const held = to.lock()) call(*held);
    });
  }

  Scheduler& scheduler_;
  std::shared_ptr<EventHandlers> handlers_;
  std::vector<Timer> timers_;
};

} // namespace weave::controller::docker
