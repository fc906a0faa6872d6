#include "controller/app/data_plane.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "controller/router/route_view.hpp"
#include "datapath/link/addresses.hpp"

namespace weave::controller {

Result<std::unique_ptr<DataPlane>> DataPlane::create(Settings settings, Ports ports) {
  auto socket = datapath::RouteSocket::open();
  if (!socket) return failure_of(socket);
  auto plane = std::unique_ptr<DataPlane>{new DataPlane{std::move(settings), std::move(ports), std::move(*socket)}};
  if (auto const opened = plane->open(); !opened) return failure_of(opened);
  return plane;
}

DataPlane::DataPlane(Settings settings, Ports ports, datapath::RouteSocket socket)
    : settings_{std::move(settings)}, ports_{std::move(ports)}, socket_{std::move(socket)}, macs_{settings_.name} {}

DataPlane::~DataPlane() {
  if (worker_) worker_->stop();
}

Result<void> DataPlane::open() {
  if (auto made = open_bridge(); !made) return made;
  if (auto made = open_worker(); !made) return made;
  sleeve_ = std::make_unique<datapath::SleeveKind>(datapath::SleeveForwarder::Dependencies{
      .scheduler = ports_.scheduler, .io = *worker_, .registry = registry_, .logger = ports_.logger});
  tunnels_ = std::make_unique<datapath::TunnelOverlay>(ports_.scheduler, ports_.logger,
                                                       std::vector<datapath::ForwarderKind*>{sleeve_.get()});
  overlay_ = std::make_unique<router::OverlayAdapter>(*tunnels_);
  schedule_sweep();
  return {};
}

Result<void> DataPlane::open_bridge() {
  auto const bridge = bridge_.ensure({.name = settings_.bridge,
                                      .mac = datapath::bridge_mac(settings_.name),
                                      .mtu = settings_.mtu != 0 ? settings_.mtu : datapath::kDefaultBridgeMtu});
  if (!bridge) return failure_of(bridge);
  return {};
}

/// The device of a daemon that was just killed stays for a moment.
Result<datapath::UserPort> DataPlane::open_user_port() {
  constexpr int kTries = 20;
  constexpr std::chrono::milliseconds kPause{50};
  auto port = datapath::UserPort::open(links_, {.bridge = settings_.bridge});
  for (int i = 1; i < kTries && !port && port.error().kind() == ErrorKind::already_exists; ++i) {
    std::this_thread::sleep_for(kPause);
    port = datapath::UserPort::open(links_, {.bridge = settings_.bridge});
  }
  return port;
}

Result<void> DataPlane::open_worker() {
  auto sockets = datapath::SleeveSockets::open(settings_.listen);
  if (!sockets) return failure_of(sockets);
  auto port = open_user_port();
  if (!port) return failure_of(port);
  worker_ = std::make_unique<datapath::PacketWorker>(
      datapath::PacketWorker::Dependencies{.port = std::move(*port),
                                           .sockets = std::move(*sockets),
                                           .macs = macs_,
                                           .post = ports_.post,
                                           .on_port_failed = ports_.on_failed});
  return worker_->start(registry_.events());
}

void DataPlane::set_routes(std::shared_ptr<gossip::RouteSnapshot const> routes) {
  worker_->set_routes(std::make_shared<router::RouteView>(std::move(routes)));
}

void DataPlane::forget_peer(PeerName peer) { macs_.forget_peer(peer); }

void DataPlane::schedule_sweep() {
  sweep_ = ports_.scheduler.after(datapath::kMacSweepInterval, [this] {
    macs_.sweep(ports_.scheduler.now());
    schedule_sweep();
  });
}

Result<void> remove_data_plane(std::string const& bridge) {
  auto socket = datapath::RouteSocket::open();
  if (!socket) return failure_of(socket);
  datapath::Links links{*socket};
  return datapath::OverlayBridge{links}.reset(bridge);
}

std::optional<PeerName> peer_name_of_bridge(std::string const& bridge) {
  auto socket = datapath::RouteSocket::open();
  if (!socket) return std::nullopt;
  datapath::Links links{*socket};
  auto const found = links.find(bridge);
  if (!found || found->mac.is_zero() || found->mac.is_group()) return std::nullopt;
  return PeerName{found->mac.value()};
}

std::size_t count_other_hosts(std::vector<std::string> const& targets) {
  auto socket = datapath::RouteSocket::open();
  if (!socket) return targets.size();
  auto const own = datapath::Addresses{*socket}.list();
  if (!own) return targets.size();
  auto const is_ours = [&](std::string const& target) {
    auto const address = Ipv4Address::parse(target.substr(0, target.find(':')));
    if (!address) return false;
    return std::ranges::any_of(*own, [&](auto const& entry) { return entry.address.address == *address; });
  };
  return targets.size() - static_cast<std::size_t>(std::ranges::count_if(targets, is_ours));
}

namespace {

bool networks_overlap(Ipv4Cidr const& a, Ipv4Cidr const& b) {
  auto const contains = [](Ipv4Cidr const& outer, Ipv4Address address) {
    return (address.value() & outer.mask()) == outer.network().address.value();
  };
  return contains(a, b.network().address) || contains(b, a.network().address);
}

} // namespace

Result<std::optional<Ipv4Cidr>> overlapping_route(Ipv4Cidr range, std::string const& bridge) {
  auto socket = datapath::RouteSocket::open();
  if (!socket) return failure_of(socket);
  datapath::Links links{*socket};
  auto const own = links.find(bridge);
  auto const routes = datapath::Addresses{*socket}.routes();
  if (!routes) return failure_of(routes);
  for (auto const& route : *routes) {
    if (route.destination.prefix == 0 || (own && route.link == own->index)) continue;
    if (networks_overlap(range, route.destination)) return route.destination;
  }
  return std::nullopt;
}

} // namespace weave::controller
