#pragma once

#include <cstdint>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/peer_name.hpp"
#include "base/result.hpp"
#include "controller/ipam/gossip_state.hpp"

namespace weave::controller::ipam {

/// What IpamStore keeps as opaque bytes. Ring or election travel in it as they do in gossip. Name and universe tell
/// whether it is still ours to use (protocol/ipam-dns.md §9.3). The uid is the one under which this node voted: as the
/// votes are saved before they are sent, it may go on under the same uid after a crash.
struct PersistedState {
  PeerName self;
  Ipv4Range universe;
  std::uint64_t uid = 0;
  GossipState state;
};

[[nodiscard]] Bytes encode_persisted(PersistedState const& persisted);
/// A format number other than ours, and damage, are errors.
[[nodiscard]] Result<PersistedState> decode_persisted(ByteView bytes);

} // namespace weave::controller::ipam
