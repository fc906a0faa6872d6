#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/peer_name.hpp"
#include "gossip/gossiper.hpp"

namespace weave::gossip {

/// A message ready to be framed: tag (protocol/mesh.md §5.2) and what follows it.
struct OutgoingMessage {
  std::uint8_t tag = 0;
  Bytes body;
};

/// What waits on one connection for one channel: at most one gossip datum, and one broadcast datum a source
/// (mesh.md §8.5). New data is merged into what waits, and encoded only when taken, so a slow link costs a bounded
/// amount of memory and carries the newest state. Control thread only.
class GossipSender {
 public:
  GossipSender(std::string channel, PeerName ourself) : channel_{std::move(channel)}, ourself_{ourself} {}

  void queue_gossip(GossipData const& data);
  void queue_broadcast(PeerName source, GossipData const& data);
  [[nodiscard]] bool empty() const { return !gossip_ && broadcasts_.empty(); }
  /// Takes and encodes the pending gossip, else one pending broadcast.
  [[nodiscard]] std::vector<OutgoingMessage> take_next();

 private:
  std::string channel_;
  PeerName ourself_;
  std::unique_ptr<GossipData> gossip_;
  std::map<PeerName, std::unique_ptr<GossipData>> broadcasts_;
};

/// The senders of all channels of one connection, served in turn. Control thread only.
class GossipSendQueue {
 public:
  explicit GossipSendQueue(PeerName ourself) : ourself_{ourself} {}

  [[nodiscard]] GossipSender& sender(std::string const& channel);
  [[nodiscard]] bool empty() const { return senders_.empty(); }
  /// The next channel's turn. Empty when nothing waits (or when what waited encodes to nothing).
  [[nodiscard]] std::vector<OutgoingMessage> take_next();

 private:
  PeerName ourself_;
  /// Only senders with something to send, apart from one just handed out by sender().
  std::map<std::string, GossipSender> senders_;
  std::string last_served_;
};

} // namespace weave::gossip
