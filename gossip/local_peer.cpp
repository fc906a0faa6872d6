#include "gossip/local_peer.hpp"

#include <utility>

#include "gossip/topology_gossiper.hpp"

namespace weave::gossip {
namespace {

constexpr Duration kAnnouncementDelay = std::chrono::seconds{1};
/// The original waits a second before each announcement, and no frame finds its way meanwhile. The first few changes
/// after a quiet second are told almost at once; a flood of them is told once a second, as ever.
constexpr Duration kPromptDelay = std::chrono::milliseconds{50};
constexpr int kPromptAnnouncements = 3;
constexpr Duration kCollectionDelay = std::chrono::seconds{1};

} // namespace

void LocalPeer::add_connection(PeerConnection connection) {
  auto const remote = connection.remote;
  peers_.add_connection(std::move(connection));
  routes_.request_recalculation();
  announce({remote});
}

void LocalPeer::set_established(PeerName remote) {
  peers_.set_established(remote);
  routes_.request_recalculation();
  announce();
}

void LocalPeer::remove_connection(PeerName remote) {
  peers_.remove_connection(remote);
  collect_garbage_now();
  routes_.request_recalculation();
  announce();
}

void LocalPeer::replace_connection(PeerConnection connection) {
  peers_.remove_connection(connection.remote);
  add_connection(std::move(connection));
}

void LocalPeer::announce(std::set<PeerName> others) {
  to_announce_.merge(others);
  if (std::exchange(is_announcing_, true)) return;
  announcement_ = scheduler_.after(announcement_delay(), [this] { send_announcement(); });
}

Duration LocalPeer::announcement_delay() {
  if (scheduler_.now() - last_announcement_ >= kAnnouncementDelay) prompt_announcements_ = kPromptAnnouncements;
  if (prompt_announcements_ == 0) return kAnnouncementDelay;
  --prompt_announcements_;
  return kPromptDelay;
}

void LocalPeer::collect_garbage_soon() {
  if (std::exchange(is_collecting_, true)) return;
  collection_ = scheduler_.after(kCollectionDelay, [this] {
    is_collecting_ = false;
    collect_garbage();
  });
}

void LocalPeer::collect_garbage_now() {
  // Each look at who can be reached goes through the whole mesh, and a host that has slept loses all its connections at
  // the same moment.
  if (std::exchange(is_collecting_now_, true)) return;
  prompt_collection_ = scheduler_.after(Duration::zero(), [this] {
    is_collecting_now_ = false;
    collect_garbage();
  });
}

void LocalPeer::stop() {
  announcement_.reset();
  collection_.reset();
  prompt_collection_.reset();
}

void LocalPeer::send_announcement() {
  is_announcing_ = false;
  last_announcement_ = scheduler_.now();
  auto names = std::exchange(to_announce_, {});
  names.insert(peers_.our_name());
  topology_->gossip_neighbours(TopologyNews{peers_, std::move(names)});
}

void LocalPeer::collect_garbage() {
  if (peers_.collect_garbage() == 0) return;
  routes_.request_recalculation();
  if (on_collected_) on_collected_();
}

} // namespace weave::gossip
