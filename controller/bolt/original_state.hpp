#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/peer_name.hpp"
#include "base/result.hpp"
#include "controller/ipam/owned_table.hpp"
#include "controller/ipam/ring.hpp"

namespace weave::controller::bolt {

/// What a daemon of Weave Net 1.5 or later has stored (protocol/ipam-dns.md §9.1).
struct OriginalState {
  /// Absent if that daemon never came so far.
  std::optional<PeerName> name;
  /// Without tokens if no ring had been formed.
  std::optional<ipam::RingState> ring;
  std::map<std::string, ipam::OwnedAddresses> owned;
  /// Its direct peers, as typed.
  std::vector<std::string> targets;
  /// What scripts have noted with it, without the prefix `flag:` of the key.
  std::map<std::string, std::string> flags;
};

/// Reads a whole Bolt file. A sound one without Weave Net's bucket gives an empty state, as the original takes it for
/// new. malformed, naming the key, for damage of any kind: a ring that breaks the rules (§4.3), prefix lengths beyond
/// 32, `mismatched version <hex>` for a layout other than the one known. Safe on hostile input. Pure.
[[nodiscard]] Result<OriginalState> decode_original_state(ByteView file);

} // namespace weave::controller::bolt
