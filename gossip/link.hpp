#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "base/peer_name.hpp"
#include "base/result.hpp"
#include "base/scheduler.hpp"
#include "gossip/connection.hpp"
#include "gossip/connection_maker.hpp"
#include "gossip/features.hpp"
#include "gossip/gossip_sender.hpp"
#include "gossip/overlay.hpp"

namespace weave::gossip {

/// One mesh connection with all that hangs on it: the TCP session, the overlay's end, the gossip that waits for it, and
/// how far it has come in the life cycle of protocol/mesh.md §2.2. It decides nothing: Links does. Control thread only.
///
/// Queued gossip leaves at once when the link has been quiet, and in rounds kRoundInterval apart when it is busy: what
/// is queued between two rounds merges, so that a burst of changes costs each link a few messages and not one for each.
class Link {
 public:
  struct Origin {
    /// The address dialled, or the remote's ephemeral one.
    std::string address;
    bool outbound = false;
    /// A peer that is not in the table yet is welcome (mesh.md §2.3 rule 2).
    bool accept_new_peer = true;
    /// Our half of the connection UID.
    std::uint64_t connection_id = 0;
    /// The address is in a trusted subnet of ours.
    bool we_trust = false;
  };
  enum class State { introducing, prepared, pending, established };

  Link(Origin origin, std::unique_ptr<ByteStream> stream, Scheduler& scheduler, Logger logger,
       Connection::Settings settings, PeerName ourself);

  /// Handlers may destroy the link only later, not from inside.
  void start(Connection::Handlers handlers);

  [[nodiscard]] Connection& connection() { return connection_; }
  [[nodiscard]] Origin const& origin() const { return origin_; }
  [[nodiscard]] ConnectionUid uid() const { return connection_uid(origin_.connection_id, remote.connection_id); }
  [[nodiscard]] bool is_trusted() const { return origin_.we_trust && remote.trusted; }

  /// Ahead of what is queued. Refuses (unavailable) when more than kMaxUnsent octets of such messages wait already.
  [[nodiscard]] Result<void> send_now(OutgoingMessage const& message);
  /// However much waits: what overlays tell each other is little, and told once.
  void send_control(std::uint8_t tag, ByteView body) { (void)connection_.send(tag, body); }
  void queue_gossip(std::string const& channel, GossipData const& data);
  void queue_broadcast(std::string const& channel, PeerName source, GossipData const& data);

  // Set by Links as the connection proceeds.
  State state = State::introducing;
  /// What we say of ourself in the introduction.
  Features announced;
  /// What the remote said of itself in it.
  Identity remote;
  /// We hold a reference on the remote's record.
  bool holds_peer = false;
  /// The table had no record of the remote before this connection.
  bool is_new_peer = false;
  /// The UID in the record before this connection was another one.
  bool is_restarted_peer = false;
  ConnectionMaker::Ending ending = ConnectionMaker::Ending::ordinary;
  std::unique_ptr<OverlayConnection> overlay;

  static constexpr Duration kRoundInterval = std::chrono::milliseconds{50};
  static constexpr std::size_t kMaxUnsent = 2 * 1024 * 1024;

 private:
  void send_queued_soon();
  void begin_round();
  void continue_round();

  Origin origin_;
  Scheduler& scheduler_;
  GossipSendQueue queue_;
  /// Encoded together because they are one state; each leaves when the one before it has.
  std::deque<OutgoingMessage> taken_;
  std::size_t unsent_ = 0;
  bool is_in_round_ = false;
  TimePoint next_round_{};
  Timer sending_;
  Connection::Handlers handlers_;
  Connection connection_;
};

} // namespace weave::gossip
