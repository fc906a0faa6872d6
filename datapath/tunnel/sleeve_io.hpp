#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/peer_name.hpp"
#include "base/result.hpp"
#include "base/scheduler.hpp"
#include "datapath/tunnel/large_packets.hpp"

namespace weave::datapath {

/// The two UDP channels of sleeve (protocol/datapath.md §4.1): df packets are never fragmented on the way.
enum class SleeveChannel : std::uint8_t { df, fragmentable };

class SleeveCipher;

/// What a packet worker must know to send frames to one neighbour by sleeve. A value; the control thread publishes a
/// new one after every change and workers read an immutable snapshot of all of them.
struct SleevePath {
  PeerName peer;
  ConnectionUid connection{};
  /// Our address on this connection's TCP socket; DF packets leave from it.
  Ipv4Address local;
  /// Where the peer listens; absent until its first heartbeat on connections it opened.
  std::optional<Ipv4Endpoint> remote;
  /// Largest IP packet of a container that fits, bytes (65535 before discovery).
  std::uint32_t mtu = 65535;
  /// Largest UDP payload on the df channel, bytes.
  std::uint32_t max_payload = 65507;
  /// Null: packets travel in clear both ways. Else none is sent or accepted without it.
  std::shared_ptr<SleeveCipher> cipher = {};
  /// The peer has confirmed that fragmented UDP packets of ours arrive.
  bool fragmentation_trusted = false;
  /// Told of the packets sent, if anybody wants to know.
  std::shared_ptr<LargePackets> large = {};

  friend bool operator==(SleevePath const&, SleevePath const&) = default;
};

/// A special frame: zero MAC addresses and type, addressed from our peer to the neighbour (datapath.md §4.3).
struct SleeveSpecial {
  PeerName peer;
  ConnectionUid connection{};
  SleeveChannel channel = SleeveChannel::df;
  /// Sent by the df channel even if the kernel remembers that the path carries less.
  bool past_kernel = false;
  /// The whole Ethernet frame, headers included.
  Bytes frame;
};

/// Events that workers report; delivered on the control thread, in order per peer.
struct SleeveEvents {
  /// A special frame from `peer` for us arrived from `from`, at the time `at`.
  std::function<void(PeerName peer, Ipv4Endpoint from, SleeveChannel channel, Bytes frame, TimePoint at)> on_special;
  /// The kernel refused a df packet as too big; `path_mtu` is its view of the path, bytes of a whole IP packet.
  std::function<void(PeerName peer, ConnectionUid connection, std::uint32_t path_mtu)> on_too_big;
  /// Sending failed for another reason. Transient ones are counted, rate-limited and reported at most once a second.
  std::function<void(PeerName peer, ConnectionUid connection, Error error)> on_send_error;
};

/// The port from sleeve's control part to whoever moves its packets. Called on the control thread; never blocks. What
/// is sent is lost silently when a queue is full or the path is unknown.
class SleeveIo {
 public:
  virtual ~SleeveIo() = default;

  /// Adds or replaces the path to `path.peer`. Packets from a peer without a path are dropped.
  virtual void set_path(SleevePath const& path) = 0;
  /// Removes it if it still belongs to this connection.
  virtual void remove_path(PeerName peer, ConnectionUid connection) = 0;
  /// Sends a special frame to its peer's current remote address.
  virtual void send_special(SleeveSpecial special) = 0;
  /// Makes the kernel forget what ICMP messages have told it about paths: it is known to be wrong.
  virtual void forget_path_mtus() = 0;
};

} // namespace weave::datapath
