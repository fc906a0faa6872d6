#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/scheduler.hpp"
#include "base/unique_fd.hpp"
#include "datapath/bridge/forwarding.hpp"
#include "datapath/fastpath/peer_directory.hpp"
#include "datapath/packet/classify.hpp"
#include "datapath/tunnel/io/send_batch.hpp"
#include "datapath/tunnel/io/worker_counters.hpp"

namespace weave::datapath {

// One VXLAN packet (protocol/datapath.md §5.2), bytes:
//
//   IPv4 | UDP | flags, reserved | VNI, reserved || Ethernet | IP packet
//    20  |  8  |        4        |       4       ||    14
//               kVxlanHeaderSize
inline constexpr std::size_t kVxlanHeaderSize = 8;
/// All that is added to a frame.
inline constexpr std::uint32_t kVxlanFrameOverhead = 20 + 8 + kVxlanHeaderSize;
/// All that is added to a container's IP packet.
inline constexpr std::uint32_t kVxlanOverhead = kVxlanFrameOverhead + 14;

/// Sends frames through VXLAN tunnels from user space: what came by sleeve and goes on to a neighbour that the kernel's
/// tunnels reach. One socket for all of them, which sends with DF, without UDP checksum, from a port of its own, and
/// takes nothing in. Packets leave in batches, at flush() at the latest; what the kernel refuses is lost and counted. A
/// packet that was too big teaches the path's MTU: for kLimitLifetime, IPv4 packets beyond it are fragmented, or
/// reported to be answered by ICMP if their DF flag is set. One thread; nothing is allocated for a frame.
class VxlanSender {
 public:
  static constexpr Duration kLimitLifetime = std::chrono::minutes{1};

  struct Dependencies {
    WorkerCounters& counters;
    /// The frame's sender is to be told that only packets of `mtu` pass on this hop. Called inside send().
    std::function<void(ForwardHop const& hop, ByteView frame, std::uint32_t mtu)> on_too_big;
  };

  /// In the network namespace of the calling thread.
  [[nodiscard]] static Result<UniqueFd> open_socket();

  VxlanSender(UniqueFd socket, Dependencies dependencies);
  VxlanSender(VxlanSender const&) = delete;
  VxlanSender& operator=(VxlanSender const&) = delete;

  /// Queues a container's frame of this kind (neither runt nor special).
  void send(TunnelRoute const& route, ForwardHop const& hop, FrameKind kind, ByteView frame, bool flooded);
  /// Sends all that is queued.
  void flush(TimePoint now);

 private:
  /// What is known of a path: the largest frame, and until when to believe it.
  struct Limit {
    std::uint32_t frame = 0;
    TimePoint until{};
  };

  [[nodiscard]] std::optional<std::uint32_t> frame_limit(TunnelEndpoints const& endpoints) const;
  void queue(TunnelRoute const& route, ByteView frame);
  void queue_fragments(TunnelRoute const& route, ByteView frame, std::uint32_t mtu);
  void settle(std::size_t slot, SendBatch::Target const& target, int error);
  void learn_limit(SendBatch::Target const& target, std::size_t refused);

  UniqueFd socket_;
  Dependencies context_;
  SendBatch batch_;
  std::map<TunnelEndpoints, Limit> limits_;
  std::unique_ptr<std::uint8_t[]> fragment_ = std::make_unique_for_overwrite<std::uint8_t[]>(SendBatch::kSlotBytes);
  TimePoint now_{};
};

} // namespace weave::datapath
