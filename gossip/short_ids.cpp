#include "gossip/short_ids.hpp"

#include <utility>

namespace weave::gossip {
namespace {

constexpr int kRandomTries = 10;

[[nodiscard]] bool registrable(ShortId id) { return std::to_underlying(id) <= kShortIdMax; }

} // namespace

void ShortIds::add(ShortId id, PeerName peer, std::vector<ShortId>& invalidated) {
  if (!registrable(id)) return;
  auto const [at, is_first_use] = owners_.try_emplace(id);
  auto& owners = at->second;
  if (!owners.principal) {
    owners.principal = peer;
    if (!is_first_use) invalidated.push_back(id);
    return;
  }
  if (*owners.principal == peer) return;
  if (peer < *owners.principal) {
    owners.others.insert(*owners.principal);
    owners.others.erase(peer);
    owners.principal = peer;
    invalidated.push_back(id);
    return;
  }
  owners.others.insert(peer);
}

void ShortIds::remove(ShortId id, PeerName peer, std::vector<ShortId>& invalidated) {
  auto const at = owners_.find(id);
  if (at == owners_.end()) return;
  auto& owners = at->second;
  if (owners.principal != peer) {
    owners.others.erase(peer);
    return;
  }
  if (owners.others.empty()) {
    owners.principal.reset();
    return;
  }
  owners.principal = owners.others.extract(owners.others.begin()).value();
  invalidated.push_back(id);
}

std::optional<PeerName> ShortIds::principal(ShortId id) const {
  auto const at = owners_.find(id);
  return at == owners_.end() ? std::nullopt : at->second.principal;
}

std::map<ShortId, PeerName> ShortIds::principals() const {
  std::map<ShortId, PeerName> all;
  for (auto const& [id, owners] : owners_) {
    if (owners.principal) all.emplace(id, *owners.principal);
  }
  return all;
}

std::optional<ShortId> ShortIds::choose_free(RandomSource& random) const {
  for (int attempt = 0; attempt < kRandomTries; ++attempt) {
    auto const id = ShortId{static_cast<std::uint16_t>(random.u64() & kShortIdMax)};
    if (!principal(id)) return id;
  }
  std::vector<ShortId> free;
  for (std::uint16_t value = 0; value <= kShortIdMax; ++value) {
    if (!principal(ShortId{value})) free.push_back(ShortId{value});
  }
  if (free.empty()) return std::nullopt;
  return free[random.below(free.size())];
}

} // namespace weave::gossip
