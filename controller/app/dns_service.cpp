#include "controller/app/dns_service.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "controller/app/metric_samples.hpp"
#include "datapath/link/addresses.hpp"
#include "datapath/link/links.hpp"
#include "datapath/link/route_socket.hpp"

namespace weave::controller {
namespace {

constexpr Duration kListenRetry = std::chrono::seconds{2};
constexpr Duration kAddressLook = std::chrono::seconds{5};
constexpr std::uint16_t kDnsPort = 53;

Result<Ipv4Address> address_of(std::string const& device) {
  auto socket = datapath::RouteSocket::open();
  if (!socket) return failure_of(socket);
  datapath::Links links{*socket};
  auto const link = links.find(device);
  if (!link) return failure_of(link);
  auto const addresses = datapath::Addresses{*socket}.list(link->index);
  if (!addresses) return failure_of(addresses);
  if (addresses->empty()) return failure(ErrorKind::unavailable, fmt::format("{} has no address", device));
  return addresses->front().address.address;
}

std::string advice(bool waits_for_docker) {
  constexpr std::string_view kChoice = "choose another address with --dns-listen-address, or launch with --no-dns";
  return waits_for_docker ? fmt::format("Docker makes this bridge when it starts; where it has none, {}", kChoice)
                          : fmt::format("free that address, {}", kChoice);
}

} // namespace

Result<std::unique_ptr<DnsService>> DnsService::create(Settings settings, Ports ports) {
  auto service = std::unique_ptr<DnsService>{new DnsService{std::move(settings), std::move(ports)}};
  if (auto const opened = service->open(); !opened) return failure_of(opened);
  return service;
}

DnsService::DnsService(Settings settings, Ports ports)
    : settings_{std::move(settings)},
      ports_{std::move(ports)},
      membership_{ports_.mesh},
      gossiper_{settings_.self,
                {.scheduler = ports_.scheduler, .random = ports_.random, .mesh = membership_, .log = ports_.logger}},
      registry_{gossiper_, ports_.store, settings_.domain, ports_.logger},
      names_{registry_,
             gossiper_,
             {},
             [this](std::string const& id, std::function<void(bool)> done) {
               if (ports_.containers == nullptr) return done(true);
               ports_.containers->check_running(id, std::move(done));
             }},
      resolver_{ports_.scheduler, settings_.resolv_conf, {}, ports_.logger} {}

DnsService::~DnsService() { stop(); }

Result<void> DnsService::open() {
  gossiper_.attach(ports_.mesh.register_channel(std::string{dns::kNameChannel}, gossiper_));
  ports_.mesh.add_listeners({.on_peer_collected = [this](PeerName peer) { gossiper_.on_peer_gone(peer); },
                             .on_routes_changed = [this](auto const&) { gossiper_.on_topology_changed(); }});
  if (auto restored = registry_.restore(); !restored) return restored;
  if (ports_.containers != nullptr) ports_.containers->tell(*this);
  return {};
}

Result<void> DnsService::start() {
  gossiper_.start();
  if (!settings_.listen) {
    listen_when_possible();
    return {};
  }
  auto const listening = listen(*settings_.listen);
  if (listening) return {};
  return failure(listening.error().kind(), fmt::format("DNS cannot {}: {}", listening.error().text(), advice(false)));
}

void DnsService::stop() {
  retry_.reset();
  if (server_) server_->stop();
}

Result<void> DnsService::listen(Ipv4Endpoint endpoint) {
  auto server = std::make_unique<dns::Server>(
      ports_.context, ports_.scheduler, ports_.random, gossiper_.names(),
      dns::ServerOptions{.listen = {{.host = endpoint.address.to_string(), .port = endpoint.port}},
                         .domain = registry_.domain(),
                         .ttl = settings_.ttl,
                         .resolver_file = settings_.resolv_conf,
                         .forwarding = {.reply_timeout = settings_.fallback_timeout}},
      ports_.logger);
  if (auto started = server->start(); !started) return started;
  server_ = std::move(server);
  listening_ = endpoint;
  names_.set_listen_address(endpoint.to_string());
  ports_.logger.info("DNS answers at {} for {}", endpoint.to_string(), registry_.domain());
  return {};
}

/// Docker makes its bridge when it starts, which may be after us, and may give it another address when it starts anew.
void DnsService::listen_when_possible() {
  retry_ = ports_.scheduler.after(server_ ? kAddressLook : kListenRetry, [this] { listen_when_possible(); });
  auto const address = address_of(settings_.docker_bridge);
  if (server_ && (!address || *address == listening_.address)) return;
  server_.reset();
  names_.set_listen_address({});
  auto const listening = address ? listen({.address = *address, .port = kDnsPort}) : failure_of(address);
  if (listening) {
    obstacle_.clear();
    return;
  }
  waits_for_docker_ = !address;
  auto obstacle = fmt::format("DNS does not answer: {}: {}", listening.error().text(), advice(waits_for_docker_));
  if (obstacle == obstacle_) return;
  obstacle_ = std::move(obstacle);
  ports_.logger.warning("{}", obstacle_);
}

std::optional<std::string> DnsService::not_ready() const {
  if (obstacle_.empty()) return std::nullopt;
  // Without Docker nobody asks.
  using docker::WatchState;
  auto const engine = ports_.containers != nullptr ? ports_.containers->status().state : WatchState::engine_absent;
  if (waits_for_docker_ && (engine == WatchState::engine_absent || engine == WatchState::waiting)) return std::nullopt;
  return obstacle_;
}

std::vector<api::MetricSample> DnsService::samples() const {
  return server_ ? dns_samples(server_->statistics()) : std::vector<api::MetricSample>{};
}

api::DnsStatus DnsService::status() {
  std::vector<std::string> upstream;
  for (auto const& server : resolver_.servers()) {
    // Hosts that ask us themselves name us there; we do not.
    if (!server_ || server.host != listening_.address.to_string()) upstream.push_back(server.host);
  }
  auto status = names_.status(std::move(upstream), settings_.ttl);
  status.obstacle = obstacle_;
  return status;
}

void DnsService::add(std::string const& id, std::string const& fqdn, Ipv4Address address) {
  (void)registry_.add_of_container(id, fqdn, address);
}

void DnsService::remove(std::string const& id, std::string const& fqdn, Ipv4Address address) {
  registry_.remove_of_container(id, fqdn, address);
}

void DnsService::died(std::string const& id) { registry_.on_container_died(id); }

void DnsService::running(std::set<std::string> const& ids) {
  // Only the first look tells of deaths that nobody has seen; later ones may come before a container is up again.
  if (std::exchange(engine_seen_, true)) return;
  registry_.keep_only_running(ids);
}

} // namespace weave::controller
