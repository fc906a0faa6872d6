#include "controller/app/data_plane.hpp"

#include <chrono>
#include <thread>
#include <utility>

#include "controller/router/route_view.hpp"

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
  auto const rejoined = rejoin_endpoints(links_, settings_.bridge);
  if (!rejoined) return failure_of(rejoined);
  if (*rejoined > 0) ports_.logger.info("plugged {} containers into bridge {} again", *rejoined, settings_.bridge);
  bridge_guard_.emplace(ports_.scheduler, links_, settings_.bridge, ports_.on_failed);
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

} // namespace weave::controller
