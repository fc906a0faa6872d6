#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>
#include <vector>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "datapath/packet/byte_order.hpp"
#include "datapath/tunnel/io/sleeve_sockets.hpp"

namespace weave::datapath {

/// UDP payloads that leave together: filled one slot after the other, then sent with few system calls, in the order of
/// the slots. With segmentation, payloads of one length that follow each other to one address pass the kernel as one
/// datagram (UDP_SEGMENT), the last of them may be shorter. All memory is taken at construction. One thread.
class SendBatch {
 public:
  static constexpr std::size_t kSlots = 128;
  static constexpr std::size_t kSlotBytes = 65536;
  /// What one datagram for the kernel may hold: older kernels refuse more pieces.
  static constexpr std::size_t kSegments = 64;

  struct Target {
    SleeveChannel channel = SleeveChannel::df;
    Ipv4Endpoint to;
    /// Unspecified: the routing table's choice.
    Ipv4Address from;
    /// The caller's own number, handed back with the outcome.
    std::size_t tag = 0;
    /// Longer payloads leave alone, since the kernel fragments no segments.
    std::size_t longest_segment = 65507;
  };
  /// Outcome of one slot: 0 or the errno of its failure.
  using Outcome = std::function<void(std::size_t slot, Target const&, int error)>;

  explicit SendBatch(bool segmentation = false);
  SendBatch(SendBatch const&) = delete;
  SendBatch& operator=(SendBatch const&) = delete;

  /// The next free slot, for up to `capacity` (at most kSlotBytes) bytes; none if no slot or no room is left.
  [[nodiscard]] std::optional<std::size_t> take(Target const& target, std::size_t capacity);
  [[nodiscard]] MutableBytes buffer(std::size_t slot) {
    return {memory_.get() + slots_[slot].offset, slots_[slot].capacity};
  }
  /// What is sent of the slot; 0 (as after take) leaves it out.
  void set_size(std::size_t slot, std::size_t size) { slots_[slot].size = size; }
  [[nodiscard]] std::size_t size(std::size_t slot) const { return slots_[slot].size; }
  [[nodiscard]] Target const& target(std::size_t slot) const { return slots_[slot].target; }
  [[nodiscard]] std::size_t used() const { return used_; }

  /// Sends and empties all slots. A failure of one packet does not stop the others.
  void send(SleeveSockets const& sockets, Outcome const& outcome);
  /// The same by one socket, whatever the channels.
  void send(int fd, Outcome const& outcome);

  /// System calls and datagrams so far.
  [[nodiscard]] std::uint64_t calls() const { return calls_; }
  [[nodiscard]] std::uint64_t datagrams() const { return datagrams_; }

 private:
  /// Small enough to stay in a core's cache, and more than two of the longest packets.
  static constexpr std::size_t kMemory = std::size_t{256} * 1024;
  /// How many calls are made without segmentation after the device of one destination has refused it.
  static constexpr unsigned kPause = 1024;

  struct Slot {
    Target target;
    std::size_t offset = 0;
    std::size_t capacity = 0;
    std::size_t size = 0;
  };
  /// One message for the kernel: some of order_.
  struct Run {
    std::size_t first = 0;
    std::size_t count = 0;
    sockaddr_in address{};
    alignas(cmsghdr) std::uint8_t control[CMSG_SPACE(sizeof(in_pktinfo)) + CMSG_SPACE(sizeof(std::uint16_t))] = {};
  };

  /// Without a channel: all.
  void send_slots(std::optional<SleeveChannel> channel, int fd, Outcome const& outcome);
  [[nodiscard]] std::size_t run_length(std::size_t first) const;
  std::size_t make_runs(std::size_t first, std::size_t end, bool segmented);
  void fill(std::size_t run);
  void send_runs(std::size_t runs, int fd, Outcome const& outcome);
  void send_singly(Run const& run, int fd, Outcome const& outcome);
  void settle(Run const& run, int error, Outcome const& outcome);

  bool segmentation_;
  unsigned pause_ = 0;
  std::unique_ptr<std::uint8_t[]> memory_;
  std::vector<Slot> slots_;
  std::vector<std::size_t> order_;
  std::vector<iovec> parts_;
  std::vector<Run> runs_;
  std::vector<mmsghdr> messages_;
  std::size_t used_ = 0;
  std::size_t filled_ = 0;
  std::uint64_t calls_ = 0;
  std::uint64_t datagrams_ = 0;
};

} // namespace weave::datapath
