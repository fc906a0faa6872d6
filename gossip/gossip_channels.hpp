#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/bytes.hpp"
#include "base/logger.hpp"
#include "base/peer_name.hpp"
#include "base/result.hpp"
#include "base/scheduler.hpp"
#include "gossip/gossip_message.hpp"
#include "gossip/gossip_sender.hpp"
#include "gossip/gossiper.hpp"
#include "gossip/routes.hpp"
#include "gossip/surrogate_channel.hpp"

namespace weave::gossip {

/// The port through which gossip reaches our neighbours. Neighbours without a connection are silently left out.
class NeighbourLinks {
 public:
  virtual ~NeighbourLinks() = default;

  /// Sends ahead of whatever is queued. Errors: not_found (no connection), unavailable (the link is too slow for more).
  [[nodiscard]] virtual Result<void> send_now(PeerName neighbour, OutgoingMessage const& message) = 0;
  virtual void queue_gossip(PeerName neighbour, std::string const& channel, GossipData const& data) = 0;
  virtual void queue_broadcast(PeerName neighbour, std::string const& channel, PeerName source,
                               GossipData const& data) = 0;
};

/// The channels of this peer: hands received gossip to the gossiper of its channel and passes on what that returns, and
/// sends what our own gossipers have to say (protocol/mesh.md §8). Channels that nobody registered are relayed by
/// surrogates, whose number and memory are bounded: messages beyond the bounds are dropped and counted. Control thread.
class GossipChannels {
 public:
  GossipChannels(PeerName ourself, Routes& routes, NeighbourLinks& links, Scheduler& scheduler, Logger logger);
  ~GossipChannels();

  /// Both sides live as long as this object. The name must not be registered yet.
  GossipChannel& register_channel(std::string const& name, Gossiper& gossiper);
  /// Begins the 30 s rounds.
  void start();
  void stop() { round_.reset(); }

  /// A message of tag 4, 5 or 6 arrived. An error drops the connection it came on.
  [[nodiscard]] Result<void> receive(std::uint8_t tag, ByteView body);
  /// The state of every channel, for a new neighbour.
  void send_complete_state(PeerName neighbour);

  [[nodiscard]] std::size_t surrogate_count() const { return surrogates_.size(); }
  [[nodiscard]] SurrogateBudget const& surrogate_budget() const { return budget_; }

 private:
  class Channel;

  [[nodiscard]] Gossiper* gossiper_of(std::string const& channel);
  [[nodiscard]] Gossiper* surrogate_for(std::string const& channel);
  void relay_received(GossipMessage const& message, ByteView body);
  [[nodiscard]] Result<void> receive_broadcast(Gossiper& gossiper, GossipMessage const& message);
  [[nodiscard]] Result<void> receive_gossip(Gossiper& gossiper, GossipMessage const& message);
  [[nodiscard]] Result<void> relay(PeerName destination, OutgoingMessage const& message);
  [[nodiscard]] Result<void> send_towards(PeerName destination, OutgoingMessage const& message);
  void broadcast(std::string const& channel, PeerName source, GossipData const& data);
  void gossip(std::string const& channel, PeerName except, GossipData const& data);
  void gossip_all_states();

  PeerName ourself_;
  Routes& routes_;
  NeighbourLinks& links_;
  Scheduler& scheduler_;
  Logger logger_;
  std::map<std::string, std::unique_ptr<Channel>> channels_;
  SurrogateBudget budget_;
  std::map<std::string, std::unique_ptr<SurrogateChannel>> surrogates_;
  bool has_logged_overflow_ = false;
  Timer round_;
};

} // namespace weave::gossip
