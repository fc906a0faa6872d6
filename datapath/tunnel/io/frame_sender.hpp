#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/bytes.hpp"
#include "base/peer_name.hpp"
#include "base/scheduler.hpp"
#include "datapath/bridge/forwarding.hpp"
#include "datapath/packet/classify.hpp"
#include "datapath/packet/offload.hpp"
#include "datapath/tunnel/io/send_batch.hpp"
#include "datapath/tunnel/io/sleeve_sockets.hpp"
#include "datapath/tunnel/io/worker_counters.hpp"
#include "datapath/tunnel/sleeve_codec.hpp"
#include "datapath/tunnel/sleeve_io.hpp"

namespace weave::datapath {

/// All sleeve paths at one moment.
using SleevePaths = std::vector<SleevePath>;

/// What a FrameSender cannot settle itself; called inside its methods.
class FrameSenderEvents {
 public:
  virtual ~FrameSenderEvents() = default;

  /// The frame's sender is to be told that only packets of `mtu` pass on this hop.
  virtual void on_frame_too_big(ForwardHop const& hop, ByteView frame, std::uint32_t mtu) = 0;
  /// The kernel refused a packet. At most once in the interval for each path; each time if it held a special frame.
  virtual void on_packet_refused(SleevePath const& path, SleeveChannel channel, int error) = 0;
};

/// Puts frames into sleeve packets and sends these in batches (protocol/datapath.md §4.5): frames for one neighbour and
/// channel share a packet while it has room, and leave at flush() at the latest; unless they are to pass one by one.
/// One thread; nothing is allocated between changes of the paths.
class FrameSender {
 public:
  static constexpr Duration kTooBigInterval = std::chrono::milliseconds{50};
  static constexpr Duration kFailureInterval = std::chrono::seconds{1};

  struct Dependencies {
    PeerName self;
    SleeveSockets const& sockets;
    WorkerCounters& counters;
    FrameSenderEvents& events;
  };

  explicit FrameSender(Dependencies const& dependencies)
      : context_{dependencies}, batch_{dependencies.sockets.segmentation()} {}
  FrameSender(FrameSender const&) = delete;
  FrameSender& operator=(FrameSender const&) = delete;

  /// Sends what is waiting, then works by these paths.
  void set_paths(SleevePaths const& paths);
  [[nodiscard]] bool has_path(PeerName peer) const { return index_.contains(peer); }
  /// What opens the packets of a peer that has a path; null if they are clear.
  [[nodiscard]] SleeveCipher* cipher_of(PeerName peer) const { return paths_[index_.at(peer)].path.cipher.get(); }
  /// Whether there is a path and the peer's address on it is known.
  [[nodiscard]] bool reaches(PeerName peer) const;

  /// Queues a container's frame of this kind (neither runt nor special) for the hop.
  void send(ForwardHop const& hop, FrameKind kind, ByteView frame, bool flooded);
  /// The same for all that is left of a super-frame, each piece as a frame of its own; false if it contradicts itself.
  [[nodiscard]] bool send_pieces(ForwardHop const& hop, FrameKind kind, FrameCutter& pieces, bool flooded);
  /// Queues a special frame in a packet of its own.
  void send_special(SleeveSpecial const& special);
  /// Sends all that is queued. `now` is for the limits on reports.
  void flush(TimePoint now);

 private:
  struct PathState {
    SleevePath path;
    std::array<std::optional<std::size_t>, 2> open; // by channel: slot with room
    TimePoint too_big_reported{};
    TimePoint failure_reported{};
  };

  [[nodiscard]] PathState* find(PeerName peer);
  void send(PathState& state, ForwardHop const& hop, FrameKind kind, ByteView frame, bool flooded);
  void queue(PathState& state, SleeveChannel channel, ForwardHop const& hop, ByteView frame);
  std::optional<MutableBytes> make_room(PathState& state, SleeveChannel channel, ForwardHop const& hop,
                                        std::size_t size, bool alone);
  void seal_all();
  void queue_fragments(PathState& state, ForwardHop const& hop, ByteView frame);
  void settle(std::size_t slot, SendBatch::Target const& target, int error);

  Dependencies context_;
  std::vector<PathState> paths_;
  std::unordered_map<PeerName, std::size_t> index_;
  SendBatch batch_;
  std::array<std::optional<SleevePacketWriter>, SendBatch::kSlots> writers_;
  std::array<bool, SendBatch::kSlots> special_{};
  /// A piece that does not go out as it is.
  std::unique_ptr<std::uint8_t[]> piece_ = std::make_unique_for_overwrite<std::uint8_t[]>(SendBatch::kSlotBytes);
  std::unique_ptr<std::uint8_t[]> fragment_ = std::make_unique_for_overwrite<std::uint8_t[]>(SendBatch::kSlotBytes);
  TimePoint now_{};
};

} // namespace weave::datapath
