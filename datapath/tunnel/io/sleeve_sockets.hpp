#pragma once

#include <cstddef>
#include <cstdint>

#include "base/address.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "datapath/tunnel/sleeve_io.hpp"

namespace weave::datapath {

/// How packets pass the system calls.
enum class PacketIo : std::uint8_t {
  batched,   ///< as many at once as the kernel can do
  one_by_one ///< a call for each: what the rest is measured by
};

/// The two UDP sockets of sleeve on one port (protocol/datapath.md §4.1): everything arrives at the fragmentable one,
/// which sends without DF; the df one only sends, with DF and without the kernel fragmenting. Both send from the router
/// port, so that a peer answers there whichever it heard. No raw socket is needed, and none collects copies of other
/// traffic (§13 W8). Receiving is non-blocking; sending waits for buffer space, so that the containers are slowed down
/// and not their frames lost, but no longer than a tenth of a second.
class SleeveSockets {
 public:
  /// `listen`: address (or 0.0.0.0) and router port. already_exists when another process has it.
  [[nodiscard]] static Result<SleeveSockets> open(Ipv4Endpoint listen, PacketIo io = PacketIo::batched);

  [[nodiscard]] int fd(SleeveChannel channel) const {
    return channel == SleeveChannel::df ? df_.get() : fragmentable_.get();
  }
  [[nodiscard]] PacketIo io() const { return io_; }
  /// Whether the kernel takes payloads of one length as one datagram (UDP_SEGMENT). It hands out such ones where it
  /// can.
  [[nodiscard]] bool segmentation() const { return segmentation_; }
  /// What the kernel knows about the path, bytes of a whole IP packet: the interface's MTU, or less after an ICMP
  /// message. An unspecified `from` lets the routing table choose.
  [[nodiscard]] static Result<std::uint32_t> path_mtu(Ipv4Address from, Ipv4Endpoint to);
  /// The kernel forgets what ICMP messages have told it, about all destinations of this network namespace: whoever
  /// sends there learns it again from the next message. There is no way to name one of them.
  [[nodiscard]] static Result<void> forget_path_mtus();
  /// Whether the df channel sends what the interface carries, whatever the kernel remembers of the path.
  void set_past_kernel(bool on) const;

 private:
  SleeveSockets(UniqueFd fragmentable, UniqueFd df, PacketIo io, bool segmentation)
      : fragmentable_{std::move(fragmentable)}, df_{std::move(df)}, io_{io}, segmentation_{segmentation} {}

  UniqueFd fragmentable_;
  UniqueFd df_;
  PacketIo io_;
  bool segmentation_;
};

} // namespace weave::datapath
