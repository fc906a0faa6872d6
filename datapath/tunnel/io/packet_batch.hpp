#pragma once

#include <cstddef>
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

/// UDP payloads that leave together: filled one slot after the other, then sent with one system call a channel, in the
/// order of the slots. All memory is taken at construction. One thread.
class SendBatch {
 public:
  static constexpr std::size_t kSlots = 64;
  static constexpr std::size_t kSlotBytes = 65536;

  struct Target {
    SleeveChannel channel = SleeveChannel::df;
    Ipv4Endpoint to;
    /// Unspecified: the routing table's choice.
    Ipv4Address from;
    /// The caller's own number, handed back with the outcome.
    std::size_t tag = 0;
  };
  /// Outcome of one slot: 0 or the errno of its failure.
  using Outcome = std::function<void(std::size_t slot, Target const&, int error)>;

  SendBatch();
  SendBatch(SendBatch const&) = delete;
  SendBatch& operator=(SendBatch const&) = delete;

  /// The next free slot; none if all are in use.
  [[nodiscard]] std::optional<std::size_t> take(Target const& target);
  [[nodiscard]] MutableBytes buffer(std::size_t slot) { return {memory_.get() + slot * kSlotBytes, kSlotBytes}; }
  /// What is sent of the slot; 0 (as after take) leaves it out.
  void set_size(std::size_t slot, std::size_t size) { slots_[slot].size = size; }
  [[nodiscard]] std::size_t size(std::size_t slot) const { return slots_[slot].size; }
  [[nodiscard]] Target const& target(std::size_t slot) const { return slots_[slot].target; }
  [[nodiscard]] std::size_t used() const { return used_; }

  /// Sends and empties all slots. A failure of one packet does not stop the others.
  void send(SleeveSockets const& sockets, Outcome const& outcome);
  /// The same by one socket, whatever the channels.
  void send(int fd, Outcome const& outcome);

 private:
  struct Slot {
    Target target;
    std::size_t size = 0;
    sockaddr_in address{};
    iovec part{};
    alignas(cmsghdr) std::uint8_t control[CMSG_SPACE(sizeof(in_pktinfo))] = {};
  };
  void fill(std::size_t slot, mmsghdr& message);
  /// Without a channel: all.
  void send_slots(std::optional<SleeveChannel> channel, int fd, Outcome const& outcome);

  std::unique_ptr<std::uint8_t[]> memory_;
  std::vector<Slot> slots_;
  std::vector<mmsghdr> messages_;
  std::vector<std::size_t> order_;
  std::size_t used_ = 0;
};

/// UDP payloads that arrived together. All memory is taken at construction. One thread.
class ReceiveBatch {
 public:
  static constexpr std::size_t kSlots = 64;

  ReceiveBatch();
  ReceiveBatch(ReceiveBatch const&) = delete;
  ReceiveBatch& operator=(ReceiveBatch const&) = delete;

  /// Takes what is waiting, up to kSlots packets, replacing the former ones; how many. Errors count as none.
  std::size_t receive(int fd);
  /// To be decrypted in place.
  [[nodiscard]] MutableBytes packet(std::size_t slot) const {
    return {memory_.get() + slot * SendBatch::kSlotBytes, messages_[slot].msg_len};
  }
  [[nodiscard]] Ipv4Endpoint from(std::size_t slot) const;

 private:
  std::unique_ptr<std::uint8_t[]> memory_;
  std::vector<sockaddr_in> addresses_;
  std::vector<iovec> parts_;
  std::vector<mmsghdr> messages_;
};

} // namespace weave::datapath
