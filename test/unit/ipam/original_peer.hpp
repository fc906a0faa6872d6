#pragma once

#include "test/unit/ipam/simulated_peer.hpp"

namespace weave::test {

/// A daemon that follows the rules of the original (protocol/ipam-dns.md §4.9, §5, §7), where they differ from ours
/// with its weaknesses: uneven merge checks, conflicts that end the connection, no answer before there is one, a denied
/// request repeated only at the next tick, several donors at once. Its geometry, grants and free counts are those of
/// `Ring`, which the golden vectors hold to the original's. Not copied: that it dies when the ring takes an unused
/// range away (it is as if its supervisor had restarted it already).
[[nodiscard]] std::unique_ptr<SimulatedPeer> start_original_peer(PeerSurroundings const& surroundings);

/// The original's merge: true if `mine` was updated.
[[nodiscard]] Result<bool> merge_as_original(controller::ipam::RingState& mine,
                                             controller::ipam::RingState const& theirs,
                                             controller::ipam::IntervalSet const& allocated);

} // namespace weave::test
