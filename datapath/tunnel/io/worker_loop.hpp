#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/peer_name.hpp"
#include "base/scheduler.hpp"
#include "base/unique_fd.hpp"
#include "datapath/bridge/forwarding.hpp"
#include "datapath/bridge/mac_learning.hpp"
#include "datapath/bridge/route_lookup.hpp"
#include "datapath/fastpath/forwarding_state.hpp"
#include "datapath/fastpath/peer_directory.hpp"
#include "datapath/link/user_port.hpp"
#include "datapath/packet/classify.hpp"
#include "datapath/packet/frame_joiner.hpp"
#include "datapath/tunnel/io/control_mailbox.hpp"
#include "datapath/tunnel/io/frame_sender.hpp"
#include "datapath/tunnel/io/receive_batch.hpp"
#include "datapath/tunnel/io/sleeve_sockets.hpp"
#include "datapath/tunnel/io/snapshot.hpp"
#include "datapath/tunnel/io/special_queue.hpp"
#include "datapath/tunnel/io/vxlan_sender.hpp"
#include "datapath/tunnel/io/worker_counters.hpp"
#include "datapath/tunnel/sleeve_codec.hpp"

namespace weave::datapath {

/// Who decides about frames that are captured.
enum class WorkerMode : std::uint8_t {
  bridge,   ///< the worker: the user port is a port of the bridge
  fast_path ///< the kernel: frames pass the user port with tags (datapath/fastpath/user_tag.hpp)
};

struct WorkerRole {
  WorkerMode mode = WorkerMode::bridge;
  /// Outlives the worker, also after it was replaced.
  MacLearning* macs = nullptr;
};

/// What the control thread and a worker share; each member says how by its type.
struct WorkerShared {
  /// Published before the worker is made.
  Snapshot<WorkerRole> role;
  Snapshot<SleevePaths> paths;
  Snapshot<RouteLookup> routes;
  Snapshot<ForwardingState> forwarding;
  SpecialQueue specials;
  WorkerCounters counters;
  std::atomic<bool> stopping{false};
};

/// Each has a thread of its own, so that frames of one flow keep their order: they all pass the same one. Both send.
enum class WorkerDuty : std::uint8_t {
  capture, ///< from the user port, and special frames of the control thread
  receive  ///< from neighbours
};

/// The life of a worker thread: reads frames from the user port or packets from the sockets in batches, asks the
/// forwarding decision, or takes the kernel's, and carries it out. Everything is done between two waits; nothing is
/// kept for later.
class WorkerLoop final : private FrameSenderEvents, private JoinedFrames {
 public:
  struct Dependencies {
    WorkerDuty duty = WorkerDuty::capture;
    UserPort& port;
    SleeveSockets const& sockets;
    PeerName self;
    WorkerShared& shared;
    /// An eventfd; writing to it makes the worker look at what is shared.
    int wake = -1;
    std::shared_ptr<ControlMailbox> mailbox;
    /// Called on the control thread when the device is gone.
    std::function<void(Error)> on_port_failed;
    /// Made by VxlanSender::open_socket.
    UniqueFd tunnel_socket;
  };

  explicit WorkerLoop(Dependencies dependencies);

  /// Returns when `stopping` is set.
  void run();

 private:
  enum class Origin : std::uint8_t { user_port, neighbour };

  void on_frame_too_big(ForwardHop const& hop, ByteView frame, std::uint32_t mtu) override;
  void on_packet_refused(SleevePath const& path, SleeveChannel channel, int error) override;
  void on_joined(std::uint32_t mark, OffloadHeader const& header, std::span<ByteView const> parts,
                 std::size_t frames) override;

  void take_control();
  void take_role();
  void receive();
  void handle_packet(Ipv4Endpoint from, MutableBytes packet);
  void handle_frames(PeerName sender, Ipv4Endpoint from, SleeveFrameReader reader);
  void handle_received(PeerName sender, Ipv4Endpoint from, SleeveFrame const& frame);
  void handle_special(PeerName sender, Ipv4Endpoint from, SleeveFrame const& frame);
  void capture();
  void handle_captured(CapturedFrame const& frame);
  void handle_bridged(CapturedFrame const& frame);
  void handle_tagged(CapturedFrame const& frame);
  void send_captured(ForwardHop const& hop, FrameKind kind, CapturedFrame const& frame, bool flooded);
  void execute(ForwardingDecision const& decision, PeerName source, FrameKind kind, ByteView frame);
  void send(Origin origin, ForwardHop const& hop, FrameKind kind, ByteView frame, bool flooded);
  void inject(PeerName source, ByteView frame);
  [[nodiscard]] bool joins() const;

  Dependencies context_;
  WorkerCounters& counters_;
  PeerName self_;
  std::optional<Forwarding> forwarding_;
  FrameSender sender_;
  FrameJoiner joiner_;
  VxlanSender tunnels_;
  PeerDirectory directory_;
  /// Each duty has its own.
  std::unique_ptr<ReceiveBatch> received_;
  std::unique_ptr<std::uint8_t[]> capture_buffer_;
  std::unique_ptr<std::uint8_t[]> piece_buffer_;
  Snapshot<WorkerRole>::Value role_;
  Snapshot<SleevePaths>::Value paths_;
  Snapshot<RouteLookup>::Value routes_;
  Snapshot<ForwardingState>::Value state_;
  std::uint64_t role_version_ = 0;
  std::uint64_t paths_version_ = 0;
  std::uint64_t routes_version_ = 0;
  std::uint64_t state_version_ = 0;
  std::vector<SleeveSpecial> specials_;
  bool port_alive_ = true;
  /// Within an ICMP answer, which is in memory of its own.
  bool answering_ = false;
  TimePoint now_{};
};

} // namespace weave::datapath
