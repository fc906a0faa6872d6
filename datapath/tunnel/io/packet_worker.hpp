#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <thread>

#include "base/peer_name.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "datapath/bridge/mac_learning.hpp"
#include "datapath/bridge/route_lookup.hpp"
#include "datapath/fastpath/forwarding_state.hpp"
#include "datapath/link/user_port.hpp"
#include "datapath/tunnel/io/control_mailbox.hpp"
#include "datapath/tunnel/io/sleeve_sockets.hpp"
#include "datapath/tunnel/io/worker_counters.hpp"
#include "datapath/tunnel/io/worker_loop.hpp"
#include "datapath/tunnel/sleeve_io.hpp"

namespace weave::datapath {

/// Moves containers' frames between the user port and the sleeve sockets in two threads of its own. The control
/// thread makes it, hands it paths and routes, and stops it; no method blocks for longer than a short lock, except
/// stop(). What the control thread sends is lost (counted as commands_lost) when 256 special frames wait already or the
/// path is unknown; what the worker reports is lost (events_lost) while 64 reports wait.
class PacketWorker final : public SleeveIo {
 public:
  struct Dependencies {
    UserPort port;
    SleeveSockets sockets;
    /// Its self() is our peer name. Outlives the worker.
    MacLearning& macs;
    /// Brings events to the control thread; may be called until stop() has returned.
    PostToControl post;
    /// The TAP device was deleted under us: nothing is captured any more. On the control thread.
    std::function<void(Error)> on_port_failed;
    /// fast_path: for a free-standing port with a kernel fast path at its other end.
    WorkerMode mode = WorkerMode::bridge;
  };

  explicit PacketWorker(Dependencies dependencies);
  ~PacketWorker() override;
  PacketWorker(PacketWorker const&) = delete;
  PacketWorker& operator=(PacketWorker const&) = delete;

  /// Starts the threads, in the network namespace of the caller, which must be that of the sockets. `events` are called
  /// on the control thread until stop(). Once.
  [[nodiscard]] Result<void> start(SleeveEvents events);
  /// Ends the threads and waits for them; packets already queued in them are sent. Events under way are not delivered.
  /// Paths and routes may still be set, without effect. Idempotent.
  void stop();

  void set_path(SleevePath const& path) override;
  void remove_path(PeerName peer, ConnectionUid connection) override;
  void send_special(SleeveSpecial special) override;
  void forget_path_mtus() override;
  /// The mesh's routes from now on; never null.
  void set_routes(std::shared_ptr<RouteLookup const> routes);
  /// Changes sides when a kernel fast path begins or has failed; the user port is to be moved with it (UserPort::put).
  /// `macs` outlives the worker, and so do the former ones.
  void set_mode(WorkerMode mode, MacLearning& macs);
  /// What the kernel fast path works by from now on; never null. In mode fast_path nothing passes the user port before.
  void set_forwarding(std::shared_ptr<ForwardingState const> state);

  /// Any thread.
  [[nodiscard]] WorkerCounters const& counters() const { return shared_.counters; }
  [[nodiscard]] UserPortOffloads const& offloads() const { return port_.offloads(); }

 private:
  /// A thread that may be started.
  struct Part {
    WorkerDuty duty;
    UniqueFd wake;
    std::thread thread;
  };

  [[nodiscard]] Result<void> start(Part& part);
  void publish_paths();
  void wake();

  UserPort port_;
  SleeveSockets sockets_;
  PeerName self_;
  PostToControl post_;
  std::function<void(Error)> on_port_failed_;
  std::map<PeerName, SleevePath> paths_;
  WorkerShared shared_;
  std::shared_ptr<ControlMailbox> mailbox_;
  std::array<Part, 2> parts_{Part{WorkerDuty::receive, {}, {}}, Part{WorkerDuty::capture, {}, {}}};
};

} // namespace weave::datapath
