#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "base/address.hpp"
#include "base/peer_name.hpp"

namespace weave::controller::dns {

/// What makes two entries the same one: everything compared exactly, case included (protocol/ipam-dns.md §12.1). The
/// order is that of the wire.
struct NameKey {
  /// Fully qualified, with the final dot, spelt as registered.
  std::string hostname;
  /// The peer that registered it, and the only one that changes it.
  PeerName origin;
  /// Container id, or a name such as `weave:extern`.
  std::string container_id;
  Ipv4Address address;

  friend auto operator<=>(NameKey const&, NameKey const&) = default;
};

struct NameState {
  std::int64_t version = 0;
  /// Unix time of the deletion; 0: alive.
  std::int64_t tombstone = 0;

  [[nodiscard]] bool is_live() const { return tombstone == 0; }
  /// Whether this one wins over `other` (§12.4 step 4): higher version, then later tombstone.
  [[nodiscard]] bool is_newer_than(NameState const& other) const {
    return version != other.version ? version > other.version : tombstone > other.tombstone;
  }

  friend bool operator==(NameState const&, NameState const&) = default;
};

/// Entries to tell others, each once, in the order of the wire: a receiver of the original crashes on duplicates.
using NameSet = std::map<NameKey, NameState>;

/// Takes `state` in unless what `set` has is newer or the same; whether it did.
inline bool merge_into(NameSet& set, NameKey key, NameState state) {
  // What comes in order, as it should, need not be searched for.
  if (set.empty() || set.rbegin()->first < key) {
    set.emplace_hint(set.end(), std::move(key), state);
    return true;
  }
  auto const [at, is_new] = set.try_emplace(std::move(key), state);
  if (is_new) return true;
  if (!state.is_newer_than(at->second)) return false;
  at->second = state;
  return true;
}

struct NameKeyHash {
  [[nodiscard]] std::size_t operator()(NameKey const& key) const noexcept {
    constexpr std::size_t kSpread = 0x9e37'79b9'7f4a'7c15ULL;
    auto hash = std::hash<std::string>{}(key.hostname);
    hash = hash * kSpread + std::hash<std::string>{}(key.container_id);
    hash = hash * kSpread + std::hash<PeerName>{}(key.origin);
    return hash * kSpread + std::hash<Ipv4Address>{}(key.address);
  }
};

} // namespace weave::controller::dns
