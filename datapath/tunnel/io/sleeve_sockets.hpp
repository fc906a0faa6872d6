#pragma once

#include <cstddef>
#include <cstdint>

#include "base/address.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "datapath/tunnel/sleeve_io.hpp"

namespace weave::datapath {

/// The two UDP sockets of sleeve on one port (protocol/datapath.md §4.1): everything arrives at the fragmentable one,
/// which sends without DF; the df one only sends, with DF and without the kernel fragmenting. Both send from the router
/// port, so that a peer answers there whichever it heard. No raw socket is needed, and none collects copies of other
/// traffic (§13 W8). Receiving is non-blocking; sending waits for buffer space, so that the containers are slowed down
/// and not their frames lost, but no longer than a tenth of a second.
class SleeveSockets {
 public:
  /// `listen`: address (or 0.0.0.0) and router port. already_exists when another process has it.
  [[nodiscard]] static Result<SleeveSockets> open(Ipv4Endpoint listen);

  [[nodiscard]] int fd(SleeveChannel channel) const {
    return channel == SleeveChannel::df ? df_.get() : fragmentable_.get();
  }
  /// What the kernel knows about the path, bytes of a whole IP packet: the interface's MTU, or less after an ICMP
  /// message. An unspecified `from` lets the routing table choose.
  [[nodiscard]] static Result<std::uint32_t> path_mtu(Ipv4Address from, Ipv4Endpoint to);

 private:
  SleeveSockets(UniqueFd fragmentable, UniqueFd df) : fragmentable_{std::move(fragmentable)}, df_{std::move(df)} {}

  UniqueFd fragmentable_;
  UniqueFd df_;
};

} // namespace weave::datapath
