#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/peer_name.hpp"
#include "base/random.hpp"

namespace weave::gossip {

/// Who owns which 12-bit short id (protocol/mesh.md §12): the smallest name that announces an id is its principal, the
/// rest wait behind it. Lookups give the principal only. Ids above kShortIdMax are never registered. Control thread.
class ShortIds {
 public:
  /// Appends the id to `invalidated` if data planes may hold a stale owner for it.
  void add(ShortId id, PeerName peer, std::vector<ShortId>& invalidated);
  void remove(ShortId id, PeerName peer, std::vector<ShortId>& invalidated);

  [[nodiscard]] std::optional<PeerName> principal(ShortId id) const;
  /// Every id that has a principal.
  [[nodiscard]] std::map<ShortId, PeerName> principals() const;
  /// A random id without principal; nullopt if all are taken.
  [[nodiscard]] std::optional<ShortId> choose_free(RandomSource& random) const;

 private:
  struct Owners {
    /// Absent after the last owner left: the id was used once.
    std::optional<PeerName> principal;
    std::set<PeerName> others;
  };

  std::map<ShortId, Owners> owners_;
};

} // namespace weave::gossip
