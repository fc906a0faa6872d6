#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "controller/ipam/ring.hpp"
#include "controller/ipam/ring_version.hpp"

namespace weave::controller::ipam {
namespace {

enum class Verdict { kept, held_equal, refreshed, inserted, taken_equal, taken_newer };

struct MergedToken {
  RingToken entry;
  Verdict verdict;
  /// What we had and what they say, for the error texts.
  RingToken mine;
  RingToken theirs;
};

/// The order in which entries of one token replace each other. It is total, so whoever has seen the same entries holds
/// the same one, in whatever order they came. The original stops at the free count and then keeps what it has.
bool outranks(RingToken const& one, RingToken const& other) {
  return std::tie(one.version, one.free, one.peer) > std::tie(other.version, other.free, other.peer);
}

MergedToken resolve(RingToken const& mine, RingToken const& theirs, PeerName self) {
  auto const take = [&](Verdict verdict) { return MergedToken{theirs, verdict, mine, theirs}; };
  bool const same_owner = mine.peer == theirs.peer;
  if (mine.version == theirs.version && same_owner) {
    auto kept = mine;
    if (mine.peer != self) kept.free = std::max(mine.free, theirs.free);
    return {kept, Verdict::kept, mine, theirs};
  }
  if (mine.version < theirs.version && same_owner && mine.peer == self) {
    auto renewed = mine;
    renewed.version = next_version(theirs.version);
    return {renewed, Verdict::refreshed, mine, theirs};
  }
  bool const equal = mine.version == theirs.version;
  if (outranks(theirs, mine)) return take(equal ? Verdict::taken_equal : Verdict::taken_newer);
  return {mine, equal ? Verdict::held_equal : Verdict::kept, mine, theirs};
}

std::vector<MergedToken> unite(RingState const& mine, RingState const& theirs) {
  std::vector<MergedToken> merged;
  auto m = mine.tokens.begin();
  auto t = theirs.tokens.begin();
  while (m != mine.tokens.end() || t != theirs.tokens.end()) {
    if (t == theirs.tokens.end() || (m != mine.tokens.end() && m->token < t->token)) {
      merged.push_back({*m, Verdict::kept, *m, *m});
      ++m;
    } else if (m == mine.tokens.end() || t->token < m->token) {
      merged.push_back({*t, Verdict::inserted, *t, *t});
      ++t;
    } else {
      merged.push_back(resolve(*m++, *t++, mine.peer));
    }
  }
  return merged;
}

std::string conflict_text(MergedToken const& token) {
  auto const place = token.theirs.token.to_string();
  auto const owner = token.theirs.peer.to_string();
  if (token.verdict == Verdict::inserted) {
    return fmt::format("Peer {} says it owns the IP range from {}, which I think I own", owner, place);
  }
  if (token.verdict == Verdict::taken_newer) {
    return fmt::format("Received update for IP range I own at {} v{}: incoming message says owner {} v{}", place,
                       token.mine.version, owner, token.theirs.version);
  }
  return fmt::format("Inconsistent entries for {}: owned by {} but incoming message says {}", place,
                     token.mine.peer.to_string(), owner);
}

bool is_news(Verdict verdict) {
  return verdict == Verdict::inserted || verdict == Verdict::taken_equal || verdict == Verdict::taken_newer;
}

std::expected<void, MergeError> check_conflicts(std::vector<MergedToken> const& merged, Ipv4Range universe,
                                                PeerName self, IntervalSet const& allocated) {
  MergeError error{MergeError::Kind::conflict, {}, {}};
  for (std::size_t i = 0; i < merged.size(); ++i) {
    if (!is_news(merged[i].verdict) || merged[i].entry.peer == self) continue;
    auto const parts = split_at_origin(universe, merged[i].entry.token, merged[(i + 1) % merged.size()].entry.token);
    if (std::ranges::none_of(parts, [&](Ipv4Range const& part) { return allocated.overlaps(part); })) continue;
    if (error.text.empty()) error.text = conflict_text(merged[i]);
    error.contested.insert(error.contested.end(), parts.begin(), parts.end());
  }
  if (!error.text.empty()) return std::unexpected{std::move(error)};
  return {};
}

std::expected<void, MergeError> check_compatible(RingState const& mine, RingState const& theirs) {
  using Kind = MergeError::Kind;
  if (auto const valid = validate(theirs); !valid) {
    return std::unexpected{MergeError{Kind::invalid, valid.error().text(), {}}};
  }
  if (!mine.seeds.empty() && !theirs.seeds.empty() && mine.seeds != theirs.seeds) {
    return std::unexpected{MergeError{Kind::different_seeds, "Received ring was seeded differently from ours", {}}};
  }
  if (mine.universe != theirs.universe) {
    return std::unexpected{MergeError{Kind::different_range, "Received range differs from ours", {}}};
  }
  return {};
}

enum class Clip { our_entries, all_entries };

/// The merged ring, and what the merge did to ours.
std::pair<RingState, MergeOutcome> apply(RingState const& mine, RingState const& theirs,
                                         std::vector<MergedToken> const& merged, Clip clip) {
  RingState result{mine.universe, mine.peer, {}, mine.seeds.empty() ? theirs.seeds : mine.seeds};
  result.tokens.reserve(merged.size());
  MergeOutcome outcome;
  for (std::size_t i = 0; i < merged.size(); ++i) {
    auto entry = merged[i].entry;
    auto const next = merged[(i + 1) % merged.size()].entry.token;
    bool const ours = entry.peer == mine.peer;
    auto const length = distance(mine.universe, entry.token, next);
    // A piece that others have cut up. Where they already know that, they say so under a version of their own.
    bool const clipped = entry.free > length && (ours || clip == Clip::all_entries);
    if (clipped) entry.free = length;
    if (ours && (merged[i].verdict == Verdict::held_equal || clipped)) outcome.restate.push_back(entry.token);
    outcome.updated = outcome.updated || is_news(merged[i].verdict);
    result.tokens.push_back(entry);
  }
  outcome.changed = result != mine;
  return {std::move(result), std::move(outcome)};
}

} // namespace

std::expected<MergeOutcome, MergeError> Ring::merge(RingState const& theirs, IntervalSet const& allocated) {
  if (auto const fits = check_compatible(state_, theirs); !fits) return std::unexpected{fits.error()};
  auto const merged = unite(state_, theirs);
  if (auto const peaceful = check_conflicts(merged, state_.universe, self(), allocated); !peaceful) {
    return std::unexpected{peaceful.error()};
  }
  auto [result, outcome] = apply(state_, theirs, merged, Clip::our_entries);
  if (auto const valid = validate(result); !valid) {
    return std::unexpected{MergeError{
        MergeError::Kind::conflict, fmt::format("Merge of incoming data causes: {}", valid.error().text()), {}}};
  }
  state_ = std::move(result);
  return outcome;
}

std::expected<MergeOutcome, MergeError> Ring::settle(RingState const& theirs) {
  if (auto const fits = check_compatible(state_, theirs); !fits) return std::unexpected{fits.error()};
  auto [result, outcome] = apply(state_, theirs, unite(state_, theirs), Clip::all_entries);
  state_ = std::move(result);
  return outcome;
}

bool Ring::restate(std::vector<Ipv4Address> const& tokens) {
  bool changed = false;
  for (auto const token : tokens) {
    auto const entry = std::ranges::lower_bound(state_.tokens, token, {}, &RingToken::token);
    if (entry == state_.tokens.end() || entry->token != token || entry->peer != self()) continue;
    auto const version = next_version(entry->version);
    changed = changed || version != entry->version;
    entry->version = version;
  }
  return changed;
}

} // namespace weave::controller::ipam
