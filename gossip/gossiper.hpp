#pragma once

#include <memory>
#include <vector>

#include "base/bytes.hpp"
#include "base/peer_name.hpp"
#include "base/result.hpp"

namespace weave::gossip {

/// Data waiting for a slow link. While it waits, newer data is merged into it, which is what bounds memory; it is
/// encoded only when the link is ready, so that the newest state leaves (protocol/mesh.md §8.5).
class GossipData {
 public:
  virtual ~GossipData() = default;

  /// The payloads to send, one message each; usually exactly one.
  [[nodiscard]] virtual std::vector<Bytes> encode() const = 0;
  /// Takes in `newer`, which is of the same channel and therefore of the same dynamic type.
  virtual void merge(GossipData const& newer) = 0;
  /// A copy that shares no mutable state: each connection's sender merges into its own.
  [[nodiscard]] virtual std::unique_ptr<GossipData> clone() const = 0;
};

/// The port that a user of one gossip channel implements (IPAM, DNS, topology). Called on the control thread.
/// An error returned by one of the on_ handlers closes the TCP connection on which the message came (mesh.md §8.3); the
/// payload views are valid during the call only.
class Gossiper {
 public:
  virtual ~Gossiper() = default;

  /// The complete state, for new neighbours and the 30 s round; null if there is nothing to say.
  [[nodiscard]] virtual std::unique_ptr<GossipData> complete_state() = 0;
  /// A unicast for us.
  [[nodiscard]] virtual Result<void> on_unicast(PeerName source, ByteView payload) = 0;
  /// A broadcast that started at `source`; returns what to pass on (null: nothing).
  [[nodiscard]] virtual Result<std::unique_ptr<GossipData>> on_broadcast(PeerName source, ByteView payload) = 0;
  /// Periodic or full-state gossip; `source` is the neighbour it came from. Returns only what was new (null: nothing).
  [[nodiscard]] virtual Result<std::unique_ptr<GossipData>> on_gossip(PeerName source, ByteView payload) = 0;
};

/// What the mesh gives back to a Gossiper. Control thread only.
class GossipChannel {
 public:
  virtual ~GossipChannel() = default;

  /// Sends at once. Errors: `unknown relay destination: <peer>`, `unable to find connection to relay peer <peer>`.
  [[nodiscard]] virtual Result<void> unicast(PeerName destination, Bytes payload) = 0;
  /// Queues on the connections of our broadcast tree.
  virtual void broadcast(GossipData const& data) = 0;
  /// Queues as gossip on a random subset of our neighbours.
  virtual void gossip_neighbours(GossipData const& data) = 0;
};

} // namespace weave::gossip
