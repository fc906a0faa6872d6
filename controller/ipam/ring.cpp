#include "controller/ipam/ring.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <span>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "controller/ipam/ring_version.hpp"

namespace weave::controller::ipam {
namespace {

constexpr std::uint32_t kTransferBump = 100;

void divide(std::vector<RingToken>& tokens, Ipv4Address from, Ipv4Address to, std::span<PeerName const> peers) {
  auto const size = to - from;
  if (size == 0) return;
  if (size == 1 || peers.size() == 1) {
    tokens.push_back({from, peers.front(), 0, size});
    return;
  }
  auto const half = peers.size() / 2;
  auto const middle = from + size / 2;
  divide(tokens, from, middle, peers.first(half));
  divide(tokens, middle + size % 2, to, peers.subspan(half));
}

} // namespace

std::uint32_t distance(Ipv4Range universe, Ipv4Address from, Ipv4Address to) {
  return to > from ? to - from : (universe.end - from) + (to - universe.start);
}

std::vector<Ipv4Range> split_at_origin(Ipv4Range universe, Ipv4Address from, Ipv4Address to) {
  if (to > from) return {{from, to}};
  if (to == universe.start) return {{from, universe.end}};
  return {{universe.start, to}, {from, universe.end}};
}

std::vector<PeerName> normalise_seeds(std::vector<PeerName> seeds) {
  std::ranges::sort(seeds);
  auto const tail = std::ranges::unique(seeds);
  seeds.erase(tail.begin(), tail.end());
  return seeds;
}

Result<void> validate(RingState const& state) {
  auto const& tokens = state.tokens;
  auto const invalid = [](std::string text) { return failure(ErrorKind::malformed, std::move(text)); };
  if (tokens.empty()) return {};
  if (!std::ranges::is_sorted(tokens, {}, &RingToken::token)) return invalid("Ring not sorted");
  if (std::ranges::adjacent_find(tokens, {}, &RingToken::token) != tokens.end()) {
    return invalid("Token appears twice in ring");
  }
  if (tokens.front().token < state.universe.start || tokens.back().token >= state.universe.end) {
    return invalid("Token is out of range");
  }
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    auto const next = tokens[(i + 1) % tokens.size()].token;
    auto const length = distance(state.universe, tokens[i].token, next);
    if (tokens[i].free > length) {
      return invalid(fmt::format("Entry {}-{} reporting too much free space: {} > {}", tokens[i].token.to_string(),
                                 next.to_string(), tokens[i].free, length));
    }
  }
  return {};
}

Result<Ring> Ring::restore(RingState state) {
  if (auto const valid = validate(state); !valid) return failure_of(valid);
  Ring ring{state.universe, state.peer};
  ring.state_ = std::move(state);
  return ring;
}

void Ring::form(std::vector<PeerName> seeds) {
  state_.seeds = normalise_seeds(std::move(seeds));
  state_.tokens.clear();
  if (!state_.seeds.empty()) divide(state_.tokens, state_.universe.start, state_.universe.end, state_.seeds);
}

std::size_t Ring::index_of(Ipv4Address address) const {
  auto const above = std::ranges::upper_bound(state_.tokens, address, {}, &RingToken::token);
  if (above == state_.tokens.begin()) return state_.tokens.size() - 1;
  return static_cast<std::size_t>(above - state_.tokens.begin()) - 1;
}

Ipv4Address Ring::next_token(std::size_t index) const {
  return state_.tokens[(index + 1) % state_.tokens.size()].token;
}

PeerName Ring::owner(Ipv4Address address) const {
  if (empty() || !state_.universe.contains(address)) return kUnknownPeer;
  return state_.tokens[index_of(address)].peer;
}

std::vector<RingPiece> Ring::pieces() const {
  std::vector<RingPiece> found;
  for (std::size_t i = 0; i < state_.tokens.size(); ++i) {
    auto const& entry = state_.tokens[i];
    for (auto const& part : split_at_origin(state_.universe, entry.token, next_token(i))) {
      found.push_back({entry.peer, part, entry.version});
    }
  }
  return found;
}

std::vector<Ipv4Range> Ring::owned_ranges(PeerName peer) const {
  std::vector<Ipv4Range> found;
  for (auto const& piece : pieces()) {
    if (piece.peer == peer) found.push_back(piece.range);
  }
  std::ranges::sort(found);
  return found;
}

std::vector<PeerName> Ring::owners() const {
  std::vector<PeerName> found;
  std::unordered_set<PeerName> known;
  for (auto const& entry : state_.tokens) {
    if (known.insert(entry.peer).second) found.push_back(entry.peer);
  }
  return found;
}

std::vector<Donor> Ring::donors(Ipv4Range range, bool even_if_full) const {
  std::vector<Donor> found;
  std::unordered_map<PeerName, std::size_t> places;
  for (std::size_t i = 0; i < state_.tokens.size(); ++i) {
    auto const& entry = state_.tokens[i];
    if (entry.peer == self() || (entry.free == 0 && !even_if_full)) continue;
    auto const parts = split_at_origin(state_.universe, entry.token, next_token(i));
    if (std::ranges::none_of(parts, [&](Ipv4Range const& part) { return part.overlaps(range); })) continue;
    auto const [place, is_new] = places.try_emplace(entry.peer, found.size());
    if (is_new) found.push_back({entry.peer, 0});
    found[place->second].weight += entry.free;
  }
  return found;
}

Result<void> Ring::grant(Ipv4Range range, PeerName to) {
  IntervalSet ours;
  for (auto const& part : owned_ranges(self())) ours.add(part);
  if (range.start >= range.end || !ours.covers(range)) {
    return failure(ErrorKind::refused, fmt::format("range {} is not ours to give", range.to_string()));
  }
  auto const end = range.end == state_.universe.end ? state_.universe.start : range.end;
  auto const span = [&](Ipv4Address a, Ipv4Address b) { return distance(state_.universe, a, b); };
  auto& tokens = state_.tokens;

  auto const before = index_of(range.start);
  auto const length = std::min(span(range.start, next_token(before)), span(range.start, end));
  auto first = before;
  if (tokens[before].token == range.start) {
    tokens[before] = {range.start, to, next_version(tokens[before].version), length};
  } else {
    tokens[before].version = next_version(tokens[before].version);
    tokens[before].free = span(tokens[before].token, range.start);
    auto const place = std::ranges::upper_bound(tokens, range.start, {}, &RingToken::token);
    auto const inserted = tokens.insert(place, {range.start, to, 0, length});
    first = static_cast<std::size_t>(inserted - tokens.begin());
  }
  for (auto i = first + 1; i < tokens.size() && tokens[i].token < range.end; ++i) {
    tokens[i].peer = to;
    tokens[i].version = next_version(tokens[i].version);
    tokens[i].free = std::min(tokens[i].free, span(tokens[i].token, end));
  }
  auto const place = std::ranges::lower_bound(tokens, end, {}, &RingToken::token);
  if (place == tokens.end() || place->token != end) {
    auto const next = place == tokens.end() ? tokens.front().token : place->token;
    tokens.insert(place, {end, self(), 0, span(end, next)});
  }
  return {};
}

std::vector<Ipv4Range> Ring::transfer(PeerName from, PeerName to) {
  auto ranges = owned_ranges(from);
  for (auto& entry : state_.tokens) {
    if (entry.peer != from) continue;
    entry.peer = to;
    entry.version = next_version(entry.version, kTransferBump);
  }
  return ranges;
}

bool Ring::report_free(std::function<std::uint32_t(Ipv4Range)> const& free_in) {
  bool changed = false;
  for (std::size_t i = 0; i < state_.tokens.size(); ++i) {
    auto& entry = state_.tokens[i];
    if (entry.peer != self()) continue;
    std::uint32_t actual = 0;
    for (auto const& part : split_at_origin(state_.universe, entry.token, next_token(i))) actual += free_in(part);
    if (actual == entry.free) continue;
    entry.free = actual;
    entry.version = next_version(entry.version);
    changed = true;
  }
  return changed;
}

} // namespace weave::controller::ipam
