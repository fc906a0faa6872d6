#include "controller/ipam/waiting_peers.hpp"

namespace weave::controller::ipam {
namespace {

/// Three of the rounds in which peers ask again.
constexpr auto kPatience = std::chrono::seconds{15};
/// Keeps a peer that asks for every address by itself from filling memory.
constexpr std::size_t kMaxWaits = 4096;

} // namespace

void WaitingPeers::note(PeerName peer, Ipv4Range range, TimePoint now) {
  std::pair const wait{peer, range};
  if (waits_.size() < kMaxWaits || waits_.contains(wait)) waits_[wait] = now;
}

void WaitingPeers::forget(PeerName peer) {
  std::erase_if(waits_, [&](auto const& wait) { return wait.first.first == peer; });
}

std::set<PeerName> WaitingPeers::take_served(IntervalSet const& free, TimePoint now) {
  std::set<PeerName> served;
  std::erase_if(waits_, [&](auto const& wait) {
    if (now - wait.second > kPatience) return true;
    auto const& [peer, range] = wait.first;
    if (!free.overlaps(range)) return false;
    served.insert(peer);
    return true;
  });
  return served;
}

} // namespace weave::controller::ipam
