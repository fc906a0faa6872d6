#pragma once

#include <map>
#include <set>
#include <utility>

#include "base/address.hpp"
#include "base/peer_name.hpp"
#include "base/scheduler.hpp"
#include "controller/ipam/interval_set.hpp"

namespace weave::controller::ipam {

/// Peers that were refused space here, or asked before we had any. They ask again for as long as they need some, so
/// whoever has not done so for a while is forgotten. Pure.
class WaitingPeers {
 public:
  void note(PeerName peer, Ipv4Range range, TimePoint now);
  void forget(PeerName peer);
  /// Takes out those in whose range something is free by now.
  [[nodiscard]] std::set<PeerName> take_served(IntervalSet const& free, TimePoint now);

 private:
  std::map<std::pair<PeerName, Ipv4Range>, TimePoint> waits_;
};

} // namespace weave::controller::ipam
