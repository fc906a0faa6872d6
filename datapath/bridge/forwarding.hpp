#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "base/bytes.hpp"
#include "base/peer_name.hpp"
#include "base/scheduler.hpp"
#include "datapath/bridge/drop_reason.hpp"
#include "datapath/bridge/mac_learning.hpp"
#include "datapath/bridge/route_lookup.hpp"

namespace weave::datapath {

/// One copy of a frame to a neighbour: whom to send it to and the two peers to name in its header.
struct ForwardHop {
  PeerName next_hop;
  PeerName source;
  PeerName destination;
  friend bool operator==(ForwardHop const&, ForwardHop const&) = default;
};

/// What is to be done with one frame (protocol/datapath.md §1): a value that a worker executes, a kernel flow is made
/// from, a test compares. Refers to the hop list of the RouteLookup it was made with and lives no longer than this
/// view.
class ForwardingDecision {
 public:
  [[nodiscard]] static ForwardingDecision dropped(DropReason reason);
  [[nodiscard]] static ForwardingDecision to_peer(ForwardHop hop);
  /// To each of `hops` except `except`, naming the hop itself as destination.
  [[nodiscard]] static ForwardingDecision flood(PeerName source, std::span<PeerName const> hops, PeerName except);
  [[nodiscard]] static ForwardingDecision local_only();
  [[nodiscard]] ForwardingDecision&& and_locally() &&;

  /// `none` if anything is done with the frame.
  [[nodiscard]] DropReason drop() const { return drop_; }
  /// Inject into the local bridge.
  [[nodiscard]] bool deliver_locally() const { return local_; }
  /// Several receivers are meant: no ICMP about it.
  [[nodiscard]] bool flooded() const { return flooded_; }
  /// Calls `visit(ForwardHop)` for every copy to send.
  template <class Visitor>
  void for_each_hop(Visitor&& visit) const {
    if (unicast_) visit(*unicast_);
    for (auto const hop : hops_) {
      if (hop != except_) visit(ForwardHop{hop, source_, hop});
    }
  }
  /// For logs and tests: "drop no_route", "local + 02:…: src -> dst, …".
  [[nodiscard]] std::string to_string() const;

 private:
  DropReason drop_ = DropReason::none;
  bool local_ = false;
  bool flooded_ = false;
  std::optional<ForwardHop> unicast_;
  PeerName source_;
  std::span<PeerName const> hops_;
  PeerName except_;
};

/// Decides about frames and learns addresses on the way. Has no state besides the addresses; any thread. Counts nothing
/// and logs nothing: the caller adds drop reasons to its counters.
class Forwarding {
 public:
  /// `macs` outlives it.
  explicit Forwarding(MacLearning& macs) : macs_{macs} {}

  /// A frame read from the user port.
  [[nodiscard]] ForwardingDecision captured(ByteView frame, RouteLookup const& routes, TimePoint now) const;
  /// A frame from a tunnel that is not a special frame: `source` captured it for `destination`, and `via` is the
  /// neighbour that sent us the packet (kUnknownPeer for frames made here, as ICMP errors).
  [[nodiscard]] ForwardingDecision received(PeerName source, PeerName destination, PeerName via, ByteView frame,
                                            RouteLookup const& routes, TimePoint now) const;

 private:
  MacLearning& macs_;
};

} // namespace weave::datapath
