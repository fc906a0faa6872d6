#include "controller/app/data_plane.hpp"

#include <chrono>
#include <cstdlib>
#include <set>
#include <string_view>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "controller/app/original_remains.hpp"
#include "controller/router/route_view.hpp"
#include "datapath/link/vxlan_device.hpp"
#include "datapath/odp/ovs_devices.hpp"

namespace weave::controller {

namespace {

std::vector<PeerName> peers_gone(datapath::ForwardingState const& before, datapath::ForwardingState const& now) {
  std::set<PeerName> left;
  for (auto const& [id, name] : before.peers) left.insert(name);
  for (auto const& [id, name] : now.peers) left.erase(name);
  return {left.begin(), left.end()};
}

/// Any of them may be the way to other hosts.
std::vector<std::string> own_bridge_ports(std::uint16_t udp_port) {
  return {std::string{datapath::kUserPortName}, std::string{datapath::odp::kBridgeEnd},
          datapath::vxlan_device_name(udp_port)};
}

constexpr Duration kUserPortInterval = std::chrono::seconds{1};

/// The benchmarks ask for the slow way, to have something to compare with.
datapath::PacketIo packet_io() {
  auto const* const asked = std::getenv("WEAVE_PACKET_IO");
  bool const slow = asked != nullptr && std::string_view{asked} == "one-by-one";
  return slow ? datapath::PacketIo::one_by_one : datapath::PacketIo::batched;
}

} // namespace

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
  // Before anything is changed: whoever has the port, like a Weave Net that still runs, has the bridge as well.
  auto sockets = datapath::SleeveSockets::open(settings_.listen, packet_io());
  if (!sockets) return failure_of(sockets);
  if (auto opened = open_encryption(); !opened) return opened;
  if (!settings_.bridged) {
    auto const opened = open_unbridged();
    if (!opened) return failure_of(opened);
    settings_.bridged = !*opened;
  }
  if (settings_.bridged) {
    if (auto made = open_bridged(); !made) return made;
  }
  if (auto made = open_worker(*std::move(sockets)); !made) return made;
  if (fast_path_) {
    if (auto made = fast_path_->attach_user_port(std::string{datapath::kUserPortName}); !made) return made;
  }
  open_tunnels();
  if (settings_.bridged) {
    bridge_guard_.emplace(ports_.scheduler, links_, settings_.bridge, ports_.on_failed);
    hairpin_watch_.emplace(ports_.scheduler, links_, own_bridge_ports(fast_path_setup().udp_port), ports_.logger);
  }
  schedule_sweep();
  look_after_user_port();
  return {};
}

Result<void> DataPlane::open_encryption() {
  if (!settings_.encrypted) return end_path_encryption();
  if (settings_.fast_path == FastPathChoice::none) return {};
  auto opened = PathEncryption::open(
      settings_.name, fast_path_setup().udp_port,
      {.scheduler = ports_.scheduler, .watcher = ports_.watcher, .routes = socket_, .logger = ports_.logger});
  if (opened) {
    encryption_ = *std::move(opened);
    return {};
  }
  if (settings_.fast_path != FastPathChoice::automatic) {
    return failure(opened.error().kind(),
                   fmt::format("a fast path beside a password has to be encrypted by the kernel: {}; leave out "
                               "--fast-path, and weaver encrypts by itself",
                               opened.error().text()));
  }
  settings_.fast_path = FastPathChoice::none;
  fast_path_obstacle_ = opened.error().text();
  ports_.logger.warning("no fast path beside a password, sleeve encrypts instead: {}", fast_path_obstacle_);
  return {};
}

/// What a process with a password has left would be in the way.
Result<void> DataPlane::end_path_encryption() {
  auto const left = path_encryption_left();
  if (!left) return failure_of(left);
  if (!*left) return {};
  // The kernel still forwards what was to be encrypted: not in clear to peers that have the password.
  if (auto ended = end_forwarding(links_, settings_.bridge, settings_.datapath); !ended) return ended;
  return remove_path_encryption();
}

Result<void> DataPlane::open_bridged() {
  if (auto made = open_bridge(); !made) return made;
  sandboxes_.emplace(links_);
  auto chosen = choose_fast_path(fast_path_setup(), fast_path_ports());
  if (!chosen) return failure_of(chosen);
  if (chosen->path) {
    use(std::move(chosen->path));
  } else if (settings_.fast_path == FastPathChoice::automatic) {
    fast_path_obstacle_ = std::move(chosen->why_none);
    await_tunnel_port();
  }
  return {};
}

Result<bool> DataPlane::open_unbridged() {
  using enum FastPathChoice;
  if (settings_.fast_path != automatic && settings_.fast_path != openvswitch) return false;
  auto opened = open_unbridged_path(fast_path_setup(), fast_path_ports());
  if (!opened) {
    if (settings_.fast_path == openvswitch || opened.error().kind() != ErrorKind::not_found) return failure_of(opened);
    ports_.logger.warning("{}: containers are plugged into a bridge instead", opened.error().text());
    return false;
  }
  sandboxes_.emplace(links_, std::move(opened->plug_in));
  use(std::move(opened->path));
  return true;
}

/// Somebody else's VXLAN device or program may be all that stands in the way.
void DataPlane::await_tunnel_port() {
  auto const port = fast_path_setup().udp_port;
  if (is_udp_port_free(port)) return;
  port_guard_.emplace(ports_.scheduler, port, [this, port] {
    ports_.on_failed(Error{ErrorKind::unavailable,
                           fmt::format("UDP port {} is free again: starting anew with a kernel fast path", port)});
  });
}

void DataPlane::use(std::unique_ptr<datapath::FastPath> path) {
  fast_path_ = std::move(path);
  heartbeats_.use(*fast_path_);
  planner_.emplace(ports_.scheduler, settings_.name, [this](auto state) { publish(std::move(state)); });
  fastpath_links_.emplace(*planner_);
}

FastPathSetup DataPlane::fast_path_setup() const {
  return {.choice = settings_.fast_path,
          .self = settings_.name,
          .bridge = settings_.bridge,
          .datapath = settings_.datapath,
          .mtu = mtu(),
          .udp_port = static_cast<std::uint16_t>(settings_.listen.port + 1)};
}

FastPathPorts DataPlane::fast_path_ports() {
  return {.scheduler = ports_.scheduler,
          .watcher = ports_.watcher,
          .links = links_,
          .logger = ports_.logger,
          .post = ports_.post,
          .events = fast_path_events()};
}

std::uint32_t DataPlane::mtu() const { return settings_.mtu != 0 ? settings_.mtu : datapath::kDefaultBridgeMtu; }

datapath::FastPathEvents DataPlane::fast_path_events() {
  return {.on_heartbeat = [this](auto const& arrival) { heartbeats_.on_heartbeat(arrival); },
          .on_failed =
              [this](Error error) {
                heartbeats_.lose(error.text(), false);
                // The next start takes the best rung that is left.
                ports_.on_failed(std::move(error));
              }};
}

datapath::MacLearning& DataPlane::mac_learning() {
  if (fast_path_) return fast_path_->macs();
  return macs_;
}

datapath::MacLearning const& DataPlane::macs() const {
  if (fast_path_) return fast_path_->macs();
  return macs_;
}

void DataPlane::publish(std::shared_ptr<datapath::ForwardingState const> state) {
  if (left_) return;
  auto const gone = state_ ? peers_gone(*state_, *state) : std::vector<PeerName>{};
  state_ = state;
  // The worker first: the kernel may send it frames for new peers at once.
  worker_->set_forwarding(state);
  fast_path_->apply(std::move(state));
  for (auto const peer : gone) fast_path_->macs().forget_peer(peer);
}

void DataPlane::open_tunnels() {
  sleeve_ = std::make_unique<datapath::SleeveKind>(datapath::SleeveForwarder::Dependencies{
      .scheduler = ports_.scheduler, .io = *worker_, .registry = registry_, .logger = ports_.logger});
  std::vector<datapath::ForwarderKind*> kinds{sleeve_.get()};
  if (fast_path_) {
    fastdp_ = std::make_unique<datapath::FastdpKind>(datapath::FastdpForwarder::Dependencies{
        .scheduler = ports_.scheduler,
        .registry = heartbeats_,
        .short_id_of = ports_.short_id_of,
        .on_endpoints =
            [this](PeerName peer, ConnectionUid connection, datapath::TunnelEndpoints const& endpoints) {
              fastpath_links_->set_endpoints(peer, connection, endpoints);
            },
        .logger = ports_.logger,
        .self = settings_.name,
        .router_port = settings_.listen.port,
        .mtu = mtu(),
        .protection = encryption_ ? &encryption_->protection() : nullptr});
    kinds.insert(kinds.begin(), fastdp_.get());
  }
  tunnels_ = std::make_unique<datapath::TunnelOverlay>(ports_.scheduler, ports_.logger, std::move(kinds));
  overlay_ = std::make_unique<router::OverlayAdapter>(*tunnels_, fastpath_links_ ? &*fastpath_links_ : nullptr);
}

void DataPlane::set_short_ids(ShortId self, std::map<ShortId, PeerName> owners) {
  if (planner_) planner_->set_short_ids(self, std::move(owners));
}

void DataPlane::leave() {
  if (std::exchange(left_, true) || !encryption_) return;
  // What the kernel goes on forwarding without associations would travel in clear.
  auto outcome = end_forwarding(links_, settings_.bridge, settings_.datapath);
  if (outcome) outcome = encryption_->protection().stop();
  if (!outcome) ports_.logger.error("the fast path stays blocked: {}", outcome.error().text());
}

std::optional<std::string> DataPlane::isolation_obstacle() const {
  if (bridged()) return std::nullopt;
  return "containers are ports of Open vSwitch here, which filters nothing; launch weave without --no-bridged-fastdp";
}

std::vector<std::string> DataPlane::hairpin_ports() const {
  return hairpin_watch_ ? hairpin_watch_->found() : std::vector<std::string>{};
}

std::vector<std::string> DataPlane::overlays() const {
  if (fast_path_) return {"fastdp", "sleeve"};
  return {"sleeve"};
}

Result<void> DataPlane::open_bridge() {
  if (auto const removed = remove_original_devices(links_); !removed) {
    ports_.logger.warning("devices of an original Weave Net stay: {}", removed.error().text());
  }
  auto const bridge =
      bridge_.ensure({.name = settings_.bridge, .mac = datapath::bridge_mac(settings_.name), .mtu = mtu()});
  if (!bridge) return failure_of(bridge);
  auto const rejoined = rejoin_endpoints(links_, settings_.bridge);
  if (!rejoined) return failure_of(rejoined);
  if (*rejoined > 0) ports_.logger.info("plugged {} containers into bridge {} again", *rejoined, settings_.bridge);
  return {};
}

/// The device of a daemon that was just killed stays for a moment.
Result<datapath::UserPort> DataPlane::open_user_port() {
  constexpr int kTries = 20;
  constexpr std::chrono::milliseconds kPause{50};
  auto const config = user_port_config();
  auto port = datapath::UserPort::open(links_, config);
  for (int i = 1; i < kTries && !port && port.error().kind() == ErrorKind::already_exists; ++i) {
    std::this_thread::sleep_for(kPause);
    port = datapath::UserPort::open(links_, config);
  }
  return port;
}

datapath::UserPort::Config DataPlane::user_port_config() const {
  return {.bridge = settings_.bridge,
          .place = fast_path_ ? datapath::UserPortPlace::free_standing : datapath::UserPortPlace::bridge,
          .offloads = packet_io() == datapath::PacketIo::batched};
}

/// Others may switch it off, or take it out of the bridge.
void DataPlane::look_after_user_port() {
  user_port_timer_ = ports_.scheduler.after(kUserPortInterval, [this] { look_after_user_port(); });
  auto const mended = datapath::UserPort::mend(links_, user_port_config());
  if (mended && !mended->empty()) ports_.logger.warning("{}: {}; mended", datapath::kUserPortName, *mended);
  auto trouble = mended ? std::string{} : mended.error().text();
  if (std::exchange(user_port_trouble_, trouble) == trouble || trouble.empty()) return;
  ports_.logger.error("{} carries nothing until this is mended: {}", datapath::kUserPortName, trouble);
}

Result<void> DataPlane::open_worker(datapath::SleeveSockets sockets) {
  auto port = open_user_port();
  if (!port) return failure_of(port);
  worker_ = std::make_unique<datapath::PacketWorker>(datapath::PacketWorker::Dependencies{
      .port = std::move(*port),
      .sockets = std::move(sockets),
      .macs = mac_learning(),
      .post = ports_.post,
      .on_port_failed = ports_.on_failed,
      .mode = fast_path_ ? datapath::WorkerMode::fast_path : datapath::WorkerMode::bridge});
  return worker_->start(registry_.events());
}

void DataPlane::set_routes(std::shared_ptr<gossip::RouteSnapshot const> routes) {
  auto const view = std::make_shared<router::RouteView>(std::move(routes));
  worker_->set_routes(view);
  if (planner_) planner_->set_routes(view);
}

void DataPlane::forget_peer(PeerName peer) {
  // A kernel path goes on serving a peer that restarts, until the planner gives it up.
  if (!fast_path_) macs_.forget_peer(peer);
}

void DataPlane::schedule_sweep() {
  sweep_ = ports_.scheduler.after(datapath::kMacSweepInterval, [this] {
    mac_learning().sweep(ports_.scheduler.now());
    schedule_sweep();
  });
}

Result<void> remove_data_plane(std::string const& bridge, std::string const& datapath) {
  auto socket = datapath::RouteSocket::open();
  if (!socket) return failure_of(socket);
  datapath::Links links{*socket};
  auto removed = remove_fast_paths(links, bridge, datapath);
  // Not while anything may send.
  if (removed) removed = remove_path_encryption();
  auto const reset = datapath::OverlayBridge{links}.reset(bridge);
  return removed ? reset : removed;
}

} // namespace weave::controller
