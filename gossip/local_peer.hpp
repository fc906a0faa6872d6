#pragma once

#include <functional>
#include <set>

#include "base/peer_name.hpp"
#include "base/scheduler.hpp"
#include "gossip/gossiper.hpp"
#include "gossip/peer_table.hpp"
#include "gossip/routes.hpp"

namespace weave::gossip {

/// Changes of our own record and what follows from them: routes, topology updates (collected for a moment, then sent to
/// some neighbours) and the collection of unreachable peers (protocol/mesh.md §2.4, §2.5, §10.5, §10.6). Control thread
/// only.
class LocalPeer {
 public:
  LocalPeer(PeerTable& peers, Routes& routes, Scheduler& scheduler)
      : peers_{peers}, routes_{routes}, scheduler_{scheduler} {}

  /// Where updates are sent; must be set before the first change.
  void set_channel(GossipChannel& topology) { topology_ = &topology; }
  /// Called when a collection has removed somebody.
  void on_collected(std::function<void()> listener) { on_collected_ = std::move(listener); }

  void add_connection(PeerConnection connection);
  void set_established(PeerName remote);
  /// Collects unreachable peers before routes are computed anew, once for all connections that end at the same time.
  void remove_connection(PeerName remote);
  /// A connection that takes the place of another one to the same peer: nobody becomes unreachable in between.
  void replace_connection(PeerConnection connection);

  /// Tells some neighbours about ourself within a second.
  void announce() { announce({}); }
  void announce(std::set<PeerName> others);
  /// Collects unreachable peers in a second; earlier requests count.
  void collect_garbage_soon();
  /// Does nothing more on its own.
  void stop();

 private:
  void send_announcement();
  [[nodiscard]] Duration announcement_delay();
  void collect_garbage_now();
  void collect_garbage();

  PeerTable& peers_;
  Routes& routes_;
  Scheduler& scheduler_;
  GossipChannel* topology_ = nullptr;
  std::function<void()> on_collected_;
  std::set<PeerName> to_announce_;
  bool is_announcing_ = false;
  bool is_collecting_ = false;
  bool is_collecting_now_ = false;
  TimePoint last_announcement_{};
  int prompt_announcements_ = 0;
  Timer announcement_;
  Timer collection_;
  Timer prompt_collection_;
};

} // namespace weave::gossip
