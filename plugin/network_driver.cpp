#include "plugin/network_driver.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "plugin/address_pool.hpp"
#include "plugin/network_options.hpp"
#include "plugin/one_shot.hpp"

namespace weave::plugin {

namespace {

constexpr std::size_t kNamePart = 9;
constexpr std::size_t kOldNamePart = 5;
constexpr std::size_t kLongestId = 128;

Error bad_id(std::string_view kind, std::string_view id) {
  return Error{ErrorKind::malformed, fmt::format("invalid {} ID: \"{}\"", kind, id.substr(0, kLongestId))};
}

template <class T>
std::function<Result<T>()> too_slow(std::string_view what, std::string_view id, Duration limit) {
  auto text = fmt::format("{} endpoint {} did not finish within {} s", what, id.substr(0, 12),
                          std::chrono::duration_cast<std::chrono::seconds>(limit).count());
  return [text = std::move(text)]() -> Result<T> { return failure(ErrorKind::timed_out, text); };
}

Result<std::optional<MacAddress>> parse_requested_mac(std::string const& text) {
  if (text.empty()) return std::optional<MacAddress>{};
  auto const mac = MacAddress::parse(text);
  if (!mac) return failure_of(mac);
  if (mac->is_group() || mac->is_zero()) {
    return failure(ErrorKind::malformed, fmt::format("{} cannot be the address of an interface", text));
  }
  return std::optional{*mac};
}

std::optional<MacAddress> recorded_mac(EndpointRecord const* record) {
  if (record == nullptr) return std::nullopt;
  auto const mac = MacAddress::parse(record->mac_address);
  return mac ? std::optional{*mac} : std::nullopt;
}

} // namespace

bool valid_docker_id(std::string_view id) {
  return !id.empty() && id.size() <= kLongestId && std::ranges::all_of(id, [](char letter) {
    return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
  });
}

EndpointLink EndpointLink::of(std::string_view endpoint_id) {
  auto const part = endpoint_id.substr(0, kNamePart);
  return EndpointLink{.host_name = fmt::format("vethwl{}", part),
                      .guest_name = fmt::format("vethwg{}", part),
                      .old_host_name = fmt::format("vethwl{}", endpoint_id.substr(0, kOldNamePart))};
}

MacAddress mac_of_address(Ipv4Address address) {
  auto const byte = [value = address.value()](int shift) { return static_cast<std::uint8_t>(value >> shift); };
  return MacAddress{{0x02, 0x77, byte(24), byte(16), byte(8), byte(0)}};
}

/// One CreateEndpoint from its arrival to its end.
struct NetworkDriver::Creation {
  CreateEndpointRequest request;
  std::optional<MacAddress> mac;
  EndpointLink link;
  std::shared_ptr<OneShot<CreateEndpointReply>> answer;
};

NetworkDriver::NetworkDriver(Dependencies dependencies, Config config)
    : dependencies_{std::move(dependencies)}, config_{config}, records_{dependencies_.store, dependencies_.log} {}

Result<void> NetworkDriver::create_network(CreateNetworkRequest const& request) {
  auto const& id = request.network_id;
  if (!valid_docker_id(id)) return std::unexpected{bad_id("network", id)};
  auto const options =
      parse_network_options(request.options, {.multicast = config_.default_multicast, .docker_ipam = config_.swarm});
  if (!options) return failure_of(options);
  for (auto const& [name, value] : request.options) {
    if (!is_known_option(name)) {
      dependencies_.log.warning("plugin: unknown option {} of network {}", name, id.substr(0, 12));
    }
  }
  if (options->isolate) {
    if (auto const reason = dependencies_.isolation.impossible()) {
      return failure(ErrorKind::refused, fmt::format("networks cannot be isolated on this host: {}", *reason));
    }
  }
  if (config_.swarm) forget_outlived(request);
  if (auto good = check_network(request, *options, records_, config_.range); !good) return good;
  if (!config_.swarm && (options->docker_ipam || request.ipv6)) {
    dependencies_.log.warning("plugin: network {}: its addresses are not coordinated between hosts", id.substr(0, 12));
  }
  auto const repeated = records_.network(id) != nullptr;
  auto const stored = records_.set_network(
      id, NetworkRecord{.multicast = options->multicast, .isolated = options->isolate, .pools = request.pools});
  if (!options->isolate) return {};
  // One that is forgotten at the next start would be open then.
  auto const isolated = stored ? isolate() : stored;
  if (!isolated && !repeated) records_.erase_network(id);
  return isolated;
}

/// A swarm that deletes a network while the plugin is disabled tells nobody.
void NetworkDriver::forget_outlived(CreateNetworkRequest const& request) {
  bool isolated = false;
  for (auto const& id : outlived_networks(request, records_, creating_)) {
    dependencies_.log.info("plugin: network {} is gone: its subnet is that of network {} now", id.substr(0, 12),
                           request.network_id.substr(0, 12));
    isolated |= is_isolated(id);
    records_.erase_network(id);
  }
  if (isolated) settle_isolation();
}

void NetworkDriver::delete_network(NetworkRequest const& request) {
  auto const isolated = is_isolated(request.network_id);
  records_.erase_network(request.network_id);
  if (isolated) settle_isolation();
}

bool NetworkDriver::is_isolated(std::string const& network_id) const {
  auto const* const network = records_.network(network_id);
  return network != nullptr && network->isolated;
}

Result<void> NetworkDriver::isolate() {
  auto const applied = dependencies_.isolation.apply(isolation_plan(records_, creating_));
  if (applied) return {};
  return failure(applied.error().kind(), fmt::format("the network cannot be isolated: {}", applied.error().text()));
}

/// Where less is filtered than before: what stays too much harms nobody.
void NetworkDriver::settle_isolation() {
  if (auto const done = isolate(); !done) dependencies_.log.warning("plugin: {}", done.error().text());
}

void NetworkDriver::create_endpoint(CreateEndpointRequest const& request, Answer<CreateEndpointReply> answer) {
  if (!valid_docker_id(request.endpoint_id)) return answer(std::unexpected{bad_id("endpoint", request.endpoint_id)});
  if (!request.interface) {
    return answer(failure(ErrorKind::refused, "Not supported: creating an interface from within CreateEndpoint"));
  }
  auto const mac = parse_requested_mac(request.interface->mac_address);
  if (!mac) return answer(failure_of(mac));
  auto const creation = std::make_shared<Creation>(
      Creation{.request = request,
               .mac = *mac,
               .link = EndpointLink::of(request.endpoint_id),
               .answer = OneShot<CreateEndpointReply>::make(
                   dependencies_.scheduler, config_.limit, std::move(answer),
                   too_slow<CreateEndpointReply>("creating", request.endpoint_id, config_.limit))});
  queue_.run(request.endpoint_id,
             [this, creation](KeyedQueue::Finished finished) { run_creation(creation, std::move(finished)); });
}

void NetworkDriver::run_creation(std::shared_ptr<Creation> const& creation, KeyedQueue::Finished finished) {
  auto const& id = creation->request.endpoint_id;
  if (creation->answer->spent()) return finished();
  if (auto const free = check_prefix(id); !free) {
    creation->answer->give(failure_of(free));
    return finished();
  }
  if (!creation->mac) creation->mac = recorded_mac(records_.endpoint(id));
  if (!creation->mac) creation->mac = derived_mac(creation->request);
  auto const& request = creation->request;
  creating_[id] = EndpointRecord{
      .network_id = request.network_id, .mac_address = {}, .address = request.interface->address, .sandbox_key = {}};
  if (records_.network(request.network_id) == nullptr) look_up(request.network_id);
  if (auto const isolated = is_isolated(request.network_id) ? isolate() : Result<void>{}; !isolated) {
    creating_.erase(id);
    creation->answer->give(failure_of(isolated));
    return finished();
  }
  dependencies_.attacher.create_endpoint(
      creation->link, creation->mac,
      [this, weak = std::weak_ptr{alive_}, creation, finished = std::move(finished)](Result<MacAddress> const& made) {
        if (weak.lock()) on_created(*creation, made, finished);
      });
}

std::optional<MacAddress> NetworkDriver::derived_mac(CreateEndpointRequest const& request) const {
  auto const address = Ipv4Cidr::parse(request.interface->address);
  if (!address) return std::nullopt;
  auto const unique = config_.swarm || (config_.range && contains(config_.range->universe, address->address));
  return unique ? std::optional{mac_of_address(address->address)} : std::nullopt;
}

void NetworkDriver::on_created(Creation const& creation, Result<MacAddress> const& made,
                               KeyedQueue::Finished finished) {
  auto const& request = creation.request;
  auto const* const known = records_.endpoint(request.endpoint_id);
  auto const requested = !request.interface->mac_address.empty();
  creating_.erase(request.endpoint_id);
  if (!made && made.error().kind() == ErrorKind::already_exists && known != nullptr) {
    creation.answer->give(CreateEndpointReply{.mac_address = requested ? std::string{} : known->mac_address});
    return finished();
  }
  if (!made) {
    if (is_isolated(request.network_id)) settle_isolation();
    creation.answer->give(failure_of(made));
    return finished();
  }
  if (creation.answer->spent()) {
    if (known != nullptr) return finished(); // a repetition of one that succeeded
    dependencies_.log.warning("plugin: endpoint {} was made too late and is removed",
                              request.endpoint_id.substr(0, 12));
    return remove_link(request.endpoint_id, [this, network_id = request.network_id, finished = std::move(finished)] {
      if (is_isolated(network_id)) settle_isolation();
      finished();
    });
  }
  auto const mac = made->to_string();
  records_.set_endpoint(request.endpoint_id, EndpointRecord{.network_id = request.network_id,
                                                            .mac_address = mac,
                                                            .requested_mac = requested,
                                                            .address = request.interface->address,
                                                            .sandbox_key = {}});
  creation.answer->give(CreateEndpointReply{.mac_address = requested ? std::string{} : mac});
  finished();
}

/// Interface names hold only the first characters of an ID; a second endpoint with the same ones would get the first
/// one's interface.
Result<void> NetworkDriver::check_prefix(std::string const& endpoint_id) const {
  auto const part = endpoint_id.substr(0, kNamePart);
  for (auto const* endpoints : {&records_.endpoints(), &creating_}) {
    auto const first = endpoints->lower_bound(part);
    for (auto it = first; it != endpoints->end() && it->first.starts_with(part); ++it) {
      if (it->first == endpoint_id) continue;
      return failure(ErrorKind::already_exists, fmt::format("endpoint {} has the same interface name", it->first));
    }
  }
  return {};
}

void NetworkDriver::join(JoinRequest const& request, Answer<JoinReply> answer) {
  if (!valid_docker_id(request.endpoint_id)) return answer(std::unexpected{bad_id("endpoint", request.endpoint_id)});
  auto const shot = OneShot<JoinReply>::make(dependencies_.scheduler, config_.limit, std::move(answer),
                                             too_slow<JoinReply>("joining", request.endpoint_id, config_.limit));
  queue_.run(request.endpoint_id, [this, request, shot](KeyedQueue::Finished const& finished) {
    if (shot->spent()) return finished();
    if (auto const allowed = check_join(request); !allowed) {
      shot->give(failure_of(allowed));
      return finished();
    }
    if (auto const* known = records_.endpoint(request.endpoint_id)) {
      auto record = *known;
      record.sandbox_key = request.sandbox_key;
      records_.set_endpoint(request.endpoint_id, std::move(record));
    }
    shot->give(JoinReply{.source_name = EndpointLink::of(request.endpoint_id).guest_name,
                         .multicast_route = wants_multicast(request.network_id)});
    finished();
  });
}

/// Once more, for an endpoint whose network was not known when its interface was made.
Result<void> NetworkDriver::check_join(JoinRequest const& request) {
  if (!is_isolated(request.network_id)) return {};
  if (records_.endpoint(request.endpoint_id) != nullptr) return isolate();
  return failure(ErrorKind::not_found, fmt::format("endpoint {} of an isolated network is not known here: start the "
                                                   "container again",
                                                   request.endpoint_id.substr(0, 12)));
}

bool NetworkDriver::wants_multicast(std::string const& network_id) {
  if (auto const* known = records_.network(network_id)) return known->multicast;
  look_up(network_id);
  return config_.default_multicast;
}

void NetworkDriver::look_up(std::string const& network_id) {
  if (!valid_docker_id(network_id) || !looking_up_.insert(network_id).second) return;
  dependencies_.log.info("plugin: network {} is not known here and gets default options", network_id.substr(0, 12));
  dependencies_.source.look_up(network_id,
                               [this, weak = std::weak_ptr{alive_}, network_id](Result<NetworkFacts> const& found) {
                                 if (!weak.lock()) return;
                                 looking_up_.erase(network_id);
                                 if (found) learn_network({.id = network_id, .facts = *found});
                               });
}

void NetworkDriver::learn_networks(std::vector<Learned> const& networks) {
  bool changed = false;
  for (auto const& network : networks) changed |= take(network);
  if (changed) dependencies_.isolation.ensure([this] { return isolate(); });
}

bool NetworkDriver::take(Learned const& network) {
  auto const& [id, facts, endpoints] = network;
  NetworkRecord record{.multicast = config_.default_multicast, .pools = {}};
  auto const* const known = records_.network(id);
  if (known != nullptr) record = *known;
  auto const learned = parse_network_options(
      facts.options, {.multicast = record.multicast, .isolate = record.isolated, .docker_ipam = false});
  if (learned) {
    record.multicast = learned->multicast;
    record.isolated = learned->isolate;
  }
  if (record.pools.empty()) record.pools = facts.pools;
  bool changed = known == nullptr || *known != record;
  auto const isolated = record.isolated;
  if (changed) (void)records_.set_network(id, std::move(record));
  if (!isolated) return false;
  for (auto const& [endpoint_id, endpoint] : endpoints) {
    if (!valid_docker_id(endpoint_id) || records_.endpoint(endpoint_id) != nullptr) continue;
    records_.set_endpoint(endpoint_id, endpoint);
    changed = true;
  }
  return changed;
}

void NetworkDriver::leave(EndpointRequest const& request, Answer<void> answer) {
  if (auto const* known = records_.endpoint(request.endpoint_id); known != nullptr && !known->sandbox_key.empty()) {
    auto record = *known;
    record.sandbox_key.clear();
    records_.set_endpoint(request.endpoint_id, std::move(record));
  }
  answer({});
}

void NetworkDriver::delete_endpoint(EndpointRequest const& request, Answer<void> answer) {
  if (!valid_docker_id(request.endpoint_id)) return answer({});
  // Late is as good as done for Docker, which would otherwise keep the endpoint for ever; the removal goes on.
  auto const shot = OneShot<void>::make(dependencies_.scheduler, config_.limit, std::move(answer),
                                        [log = dependencies_.log, id = request.endpoint_id]() -> Result<void> {
                                          log.warning("plugin: removing endpoint {} takes long", id.substr(0, 12));
                                          return {};
                                        });
  queue_.run(request.endpoint_id, [this, id = request.endpoint_id, shot](KeyedQueue::Finished finished) {
    remove_link(id, [this, id, shot, finished = std::move(finished)] {
      auto const* const known = records_.endpoint(id);
      auto const isolated = known != nullptr && is_isolated(known->network_id);
      records_.erase_endpoint(id);
      if (isolated) settle_isolation();
      shot->give({});
      finished();
    });
  });
}

void NetworkDriver::remove_link(std::string const& endpoint_id, std::function<void()> done) {
  dependencies_.attacher.delete_endpoint(
      EndpointLink::of(endpoint_id),
      [this, weak = std::weak_ptr{alive_}, endpoint_id, done = std::move(done)](Result<void> const& removed) {
        if (!weak.lock()) return;
        if (!removed && removed.error().kind() != ErrorKind::not_found) {
          dependencies_.log.warning("plugin: removing endpoint {}: {}", endpoint_id.substr(0, 12),
                                    removed.error().text());
        }
        done();
      });
}

} // namespace weave::plugin
