#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/logger.hpp"
#include "base/peer_name.hpp"
#include "base/result.hpp"
#include "base/scheduler.hpp"
#include "controller/app/bridge_guard.hpp"
#include "controller/app/fast_path_choice.hpp"
#include "controller/app/hairpin_watch.hpp"
#include "controller/app/path_encryption.hpp"
#include "controller/app/port_guard.hpp"
#include "controller/router/overlay_adapter.hpp"
#include "datapath/bridge/mac_table.hpp"
#include "datapath/fastpath/fast_path.hpp"
#include "datapath/fastpath/fastdp_forwarder.hpp"
#include "datapath/fastpath/fastpath_links.hpp"
#include "datapath/fastpath/forwarding_planner.hpp"
#include "datapath/fastpath/heartbeat_registry.hpp"
#include "datapath/link/links.hpp"
#include "datapath/link/overlay_bridge.hpp"
#include "datapath/link/route_socket.hpp"
#include "datapath/link/sandbox_interface.hpp"
#include "datapath/tunnel/io/packet_worker.hpp"
#include "datapath/tunnel/sleeve_forwarder.hpp"
#include "datapath/tunnel/sleeve_registry.hpp"
#include "datapath/tunnel/tunnel_overlay.hpp"
#include "gossip/route_snapshot.hpp"

namespace weave::controller {

/// Everything that moves frames on this host, wired: bridge, kernel fast path if there can be one, user port, packet
/// worker, sleeve, and the overlay port that the mesh uses. Made before the mesh and destroyed after it; what is in the
/// kernel then stays and goes on forwarding. Control thread only.
class DataPlane {
 public:
  struct Settings {
    PeerName name;
    std::string bridge = "weave";
    /// Bytes of a container's IP packet; 0: the default.
    std::uint32_t mtu = 0;
    FastPathChoice fast_path = FastPathChoice::automatic;
    /// False: containers are ports of Open vSwitch itself, if the kernel has it.
    bool bridged = true;
    /// Of Open vSwitch; empty: the default.
    std::string datapath;
    /// A password is set.
    bool encrypted = false;
    /// Where sleeve listens; the unspecified address for all.
    Ipv4Endpoint listen;
  };
  struct Ports {
    Scheduler& scheduler;
    FdWatcher& watcher;
    Logger logger;
    /// The id that means this peer and no other, as the mesh knows it now.
    std::function<std::optional<ShortId>(PeerName)> short_id_of;
    /// Brings a call from the worker's thread to the control thread.
    datapath::PostToControl post;
    /// The bridge or the user port has gone from under us; the process has to start again.
    std::function<void(Error)> on_failed;
  };

  /// Makes or adopts the bridge, opens the user port and the sockets, and starts the worker.
  [[nodiscard]] static Result<std::unique_ptr<DataPlane>> create(Settings settings, Ports ports);
  DataPlane(DataPlane const&) = delete;
  DataPlane& operator=(DataPlane const&) = delete;
  ~DataPlane();

  [[nodiscard]] gossip::Overlay& overlay() { return *overlay_; }
  void set_routes(std::shared_ptr<gossip::RouteSnapshot const> routes);
  /// Whose packets carry which id; ours too.
  void set_short_ids(ShortId self, std::map<ShortId, PeerName> owners);
  /// The peer has left the mesh.
  void forget_peer(PeerName peer);
  /// From here on nothing changes what the kernel forwards: connections end because we do. Under a password it
  /// forwards nothing more by VXLAN. The last call from the loop or after it.
  void leave();

  [[nodiscard]] datapath::MacLearning const& macs() const;
  /// Null: there is none.
  [[nodiscard]] datapath::FastPath* fast_path() const { return fast_path_.get(); }
  /// Why there is none; empty: there is one, or none is wanted.
  [[nodiscard]] std::string const& fast_path_obstacle() const { return fast_path_obstacle_; }
  [[nodiscard]] datapath::HeartbeatRegistry const& heartbeats() const { return heartbeats_; }
  [[nodiscard]] std::vector<std::string> overlays() const;
  [[nodiscard]] std::vector<router::PathStatus> paths() const { return overlay_->paths(); }
  [[nodiscard]] std::vector<router::NeighbourPaths> neighbours() const { return overlay_->neighbours(); }
  [[nodiscard]] datapath::WorkerCounters const& counters() const { return worker_->counters(); }
  [[nodiscard]] datapath::SandboxInterfaces& sandboxes() { return *sandboxes_; }
  /// Bytes of a container's IP packet.
  [[nodiscard]] std::uint32_t mtu() const;
  /// Our own ports of the bridge that are in hairpin mode.
  [[nodiscard]] std::vector<std::string> hairpin_ports() const;
  [[nodiscard]] std::string const& bridge() const { return settings_.bridge; }
  /// Whether containers are ports of a Linux bridge, and not of Open vSwitch itself.
  [[nodiscard]] bool bridged() const { return settings_.bridged; }
  /// Why networks cannot be kept apart here, for people.
  [[nodiscard]] std::optional<std::string> isolation_obstacle() const;

 private:
  DataPlane(Settings settings, Ports ports, datapath::RouteSocket socket);
  [[nodiscard]] Result<void> open();
  [[nodiscard]] Result<void> open_bridge();
  /// The bridge and beside it what the kernel has to offer.
  [[nodiscard]] Result<void> open_bridged();
  /// Open vSwitch instead of the bridge; true: so it is.
  [[nodiscard]] Result<bool> open_unbridged();
  [[nodiscard]] Result<void> open_encryption();
  [[nodiscard]] Result<void> end_path_encryption();
  void await_tunnel_port();
  void use(std::unique_ptr<datapath::FastPath> path);
  [[nodiscard]] FastPathSetup fast_path_setup() const;
  [[nodiscard]] FastPathPorts fast_path_ports();
  [[nodiscard]] Result<datapath::UserPort> open_user_port();
  [[nodiscard]] Result<void> open_worker(datapath::SleeveSockets sockets);
  [[nodiscard]] datapath::FastPathEvents fast_path_events();
  void open_tunnels();
  void publish(std::shared_ptr<datapath::ForwardingState const> state);
  [[nodiscard]] datapath::MacLearning& mac_learning();
  void schedule_sweep();
  [[nodiscard]] datapath::UserPort::Config user_port_config() const;
  void look_after_user_port();

  Settings settings_;
  Ports ports_;
  datapath::RouteSocket socket_;
  datapath::Links links_{socket_};
  datapath::OverlayBridge bridge_{links_};
  std::optional<datapath::SandboxInterfaces> sandboxes_;
  /// Where no fast path learns.
  datapath::MacTable macs_;
  datapath::SleeveRegistry registry_;
  datapath::HeartbeatRegistry heartbeats_;
  /// Null: no password, or no fast path for want of it.
  std::unique_ptr<PathEncryption> encryption_;
  std::string fast_path_obstacle_;
  std::unique_ptr<datapath::FastPath> fast_path_;
  std::unique_ptr<datapath::PacketWorker> worker_;
  std::optional<datapath::ForwardingPlanner> planner_;
  std::optional<datapath::FastpathLinks> fastpath_links_;
  /// As last published.
  std::shared_ptr<datapath::ForwardingState const> state_;
  bool left_ = false;
  std::unique_ptr<datapath::SleeveKind> sleeve_;
  std::unique_ptr<datapath::FastdpKind> fastdp_;
  std::unique_ptr<datapath::TunnelOverlay> tunnels_;
  std::unique_ptr<router::OverlayAdapter> overlay_;
  std::optional<BridgeGuard> bridge_guard_;
  std::optional<HairpinWatch> hairpin_watch_;
  std::optional<PortGuard> port_guard_;
  Timer sweep_;
  Timer user_port_timer_;
  /// Why it cannot be mended.
  std::string user_port_trouble_;
};

/// Removes the bridge, every interface of the overlay and its encryption from this host (`weaver --cleanup`).
[[nodiscard]] Result<void> remove_data_plane(std::string const& bridge, std::string const& datapath);

} // namespace weave::controller
