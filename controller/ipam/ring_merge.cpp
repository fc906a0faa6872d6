#include <algorithm>

#include <fmt/format.h>

#include "controller/ipam/ring.hpp"
#include "controller/ipam/ring_version.hpp"

namespace weave::controller::ipam {
namespace {

enum class Verdict { kept, refreshed, inserted, taken_equal, taken_newer, disputed };

struct MergedToken {
  RingToken entry;
  Verdict verdict;
  /// What we had and what they say, for the error texts.
  RingToken mine;
  RingToken theirs;
};

MergedToken resolve(RingToken const& mine, RingToken const& theirs, PeerName self) {
  auto const keep = MergedToken{mine, Verdict::kept, mine, theirs};
  auto const take = [&](Verdict verdict) { return MergedToken{theirs, verdict, mine, theirs}; };
  if (mine.version > theirs.version) return keep;
  if (mine.version < theirs.version) {
    if (mine.peer != self || theirs.peer != self) return take(Verdict::taken_newer);
    auto renewed = mine;
    renewed.version = next_version(theirs.version);
    return {renewed, Verdict::refreshed, mine, theirs};
  }
  if (mine.peer == theirs.peer) return keep;
  if (mine.free < theirs.free) return take(Verdict::taken_equal);
  return {mine, Verdict::disputed, mine, theirs};
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

/// Whether this outcome would give a piece to another peer, or leaves open whose it is.
bool questions_ownership(MergedToken const& token, PeerName self) {
  if (token.verdict == Verdict::kept || token.verdict == Verdict::refreshed) return false;
  if (token.verdict == Verdict::disputed) return token.mine.peer == self;
  return token.entry.peer != self;
}

std::expected<void, MergeError> check_conflicts(std::vector<MergedToken> const& merged, Ipv4Range universe,
                                                PeerName self, IntervalSet const& allocated) {
  MergeError error{MergeError::Kind::conflict, {}, {}};
  for (std::size_t i = 0; i < merged.size(); ++i) {
    if (!questions_ownership(merged[i], self)) continue;
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

} // namespace

std::expected<MergeOutcome, MergeError> Ring::merge(RingState const& theirs, IntervalSet const& allocated) {
  if (auto const fits = check_compatible(state_, theirs); !fits) return std::unexpected{fits.error()};
  auto const merged = unite(state_, theirs);
  if (auto const peaceful = check_conflicts(merged, state_.universe, self(), allocated); !peaceful) {
    return std::unexpected{peaceful.error()};
  }

  RingState result{state_.universe, state_.peer, {}, state_.seeds.empty() ? theirs.seeds : state_.seeds};
  result.tokens.reserve(merged.size());
  MergeOutcome outcome;
  for (std::size_t i = 0; i < merged.size(); ++i) {
    auto entry = merged[i].entry;
    auto const next = merged[(i + 1) % merged.size()].entry.token;
    if (entry.peer == self()) entry.free = std::min(entry.free, distance(state_.universe, entry.token, next));
    result.tokens.push_back(entry);
    auto const verdict = merged[i].verdict;
    if (verdict == Verdict::inserted || verdict == Verdict::taken_equal || verdict == Verdict::taken_newer) {
      outcome.updated = true;
    }
  }
  if (auto const valid = validate(result); !valid) {
    return std::unexpected{MergeError{
        MergeError::Kind::conflict, fmt::format("Merge of incoming data causes: {}", valid.error().text()), {}}};
  }
  outcome.changed = result != state_;
  state_ = std::move(result);
  return outcome;
}

} // namespace weave::controller::ipam
