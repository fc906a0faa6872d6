#pragma once

#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "gossip/peer.hpp"

namespace weave::gossip {

/// The payload of the `topology` channel (protocol/mesh.md §10.1): one gob stream with, for each peer, its summary and
/// the list of its connections. An error rejects the whole payload; a summary without its list at the very end is left
/// out silently, as the original does.
[[nodiscard]] Result<std::vector<Peer>> decode_topology(ByteView payload);
[[nodiscard]] Bytes encode_topology(std::vector<Peer const*> const& peers);
/// As encode_topology, in as many payloads as keep each well below the mesh's limit for a message; at least one. Each
/// is an update by itself.
[[nodiscard]] std::vector<Bytes> encode_topology_in_parts(std::vector<Peer const*> const& peers);

} // namespace weave::gossip
