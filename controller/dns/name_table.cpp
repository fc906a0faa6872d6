#include "controller/dns/name_table.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <tuple>
#include <utility>

namespace weave::controller::dns {
namespace {

constexpr std::int64_t kTombstoneLife = 1800; // seconds; the original's
/// Whatever the clock of the peer that deleted an entry says, its tombstone is kept here for so long, and not longer.
constexpr auto kMinTombstoneStay = std::chrono::minutes{5};
constexpr auto kMaxTombstoneStay = std::chrono::hours{1};
/// Far beyond any cluster; keeps a peer that invents names from filling memory.
constexpr std::size_t kMaxEntries = 500'000;

/// What outranks `version`. At the end of the numbers nothing does.
std::int64_t next(std::int64_t version) {
  return version == std::numeric_limits<std::int64_t>::max() ? version : version + 1;
}

/// How far the moment of a deletion is from now; clocks of others may be ahead.
bool is_of_this_half_hour(std::int64_t tombstone, Moment now) {
  return tombstone >= now.unix_seconds - kTombstoneLife && tombstone <= now.unix_seconds + kTombstoneLife;
}

template <class Index, class Key, class Node>
void remove_from(Index& index, Key const& key, Node const* node) {
  auto const at = index.find(key);
  std::erase(at->second, node);
  if (at->second.empty()) index.erase(at);
}

} // namespace

NameSet NameTable::add(NameKey const& key, Moment now) {
  auto const at = rows_.find(key);
  if (at == rows_.end()) {
    insert(key, {}, now);
    return {{key, {}}};
  }
  if (!at->second.state.is_live()) set_state(*at, {next(at->second.state.version), 0}, now);
  return {{key, at->second.state}};
}

NameSet NameTable::remove(NameFilter const& filter, Moment now) {
  NameSet removed;
  for (auto const& [key, state] : entries_of(self_)) {
    if (!state.is_live() || !filter.matches(key)) continue;
    NameState const dead{next(state.version), now.unix_seconds};
    set_state(*rows_.find(key), dead, now);
    removed.emplace(key, dead);
  }
  return removed;
}

NameTable::Received NameTable::receive(NameSet entries, std::function<bool(PeerName)> const& is_known, Moment now) {
  Received received{.accepted = std::move(entries), .news = {}, .corrections = {}, .strangers = {}};
  for (auto at = received.accepted.begin(); at != received.accepted.end();) {
    auto const current = at++;
    if (!is_known(current->first.origin)) received.strangers.insert(received.accepted.extract(current));
  }
  for (auto& [key, state] : received.accepted) {
    if (key.origin == self_ && correct(key, state, now)) received.corrections.emplace(key, state);
  }
  for (auto const& [key, state] : received.accepted) {
    if (merge(key, state, now)) received.news.emplace(key, state);
  }
  return received;
}

/// Only we say what is true of our names, in this life as in earlier ones.
bool NameTable::correct(NameKey const& key, NameState& theirs, Moment now) const {
  auto const ours = find(key);
  if (!ours) {
    if (!theirs.is_live()) return false;
    theirs = {next(theirs.version), now.unix_seconds};
    return true;
  }
  bool const is_wrong =
      ours->version < theirs.version || (ours->version == theirs.version && ours->tombstone != theirs.tombstone);
  if (is_wrong) theirs = {next(theirs.version), ours->tombstone};
  return is_wrong;
}

bool NameTable::merge(NameKey const& key, NameState state, Moment now) {
  auto const at = rows_.find(key);
  if (at != rows_.end()) {
    if (!state.is_newer_than(at->second.state)) return false;
    set_state(*at, state, now);
    return true;
  }
  // A tombstone that was dropped here would otherwise come back from those who keep it longer.
  if (!state.is_live() && !is_of_this_half_hour(state.tombstone, now)) return false;
  if (rows_.size() >= kMaxEntries) return false;
  insert(key, state, now);
  return true;
}

void NameTable::forget_peer(PeerName peer) {
  auto const at = by_origin_.find(peer);
  if (at == by_origin_.end()) return;
  auto const nodes = at->second;
  for (auto const* const node : nodes) erase(rows_.find(node->first));
}

void NameTable::expire(Moment now) {
  for (auto at = rows_.begin(); at != rows_.end();) {
    auto const current = at++;
    if (is_expired(current->second, now)) erase(current);
  }
}

bool NameTable::is_expired(Row const& row, Moment now) {
  if (row.state.is_live()) return false;
  auto const stay = now.steady - row.since;
  if (stay > kMaxTombstoneStay) return true;
  return stay > kMinTombstoneStay && row.state.tombstone < now.unix_seconds - kTombstoneLife;
}

NameSet NameTable::entries() const {
  NameSet set;
  for (auto const& [key, row] : rows_) set.emplace(key, row.state);
  return set;
}

NameSet NameTable::entries_of(PeerName origin) const {
  NameSet set;
  auto const at = by_origin_.find(origin);
  if (at == by_origin_.end()) return set;
  for (auto const* const node : at->second) set.emplace(node->first, node->second.state);
  return set;
}

std::optional<NameState> NameTable::find(NameKey const& key) const {
  auto const at = rows_.find(key);
  if (at == rows_.end()) return std::nullopt;
  return at->second.state;
}

NameTable::Node& NameTable::insert(NameKey const& key, NameState state, Moment now) {
  Row row{.state = state, .since = now.steady, .lower_case_name = lower_case(key.hostname)};
  auto& node = *rows_.emplace(key, std::move(row)).first;
  by_name_[node.second.lower_case_name].push_back(&node);
  by_address_[key.address].push_back(&node);
  by_origin_[key.origin].insert(&node);
  ++revision_;
  if (state.is_live()) {
    ++live_;
    mark_stale(node);
  }
  return node;
}

void NameTable::set_state(Node& node, NameState state, Moment now) {
  auto const was_live = node.second.state.is_live();
  node.second.state = state;
  node.second.since = now.steady;
  ++revision_;
  if (was_live == state.is_live()) return;
  was_live ? --live_ : ++live_;
  mark_stale(node);
}

void NameTable::erase(Rows::iterator at) {
  auto const& node = *at;
  if (node.second.state.is_live()) {
    --live_;
    mark_stale(node);
  }
  remove_from(by_name_, node.second.lower_case_name, &node);
  remove_from(by_address_, node.first.address, &node);
  auto const origin = by_origin_.find(node.first.origin);
  origin->second.erase(&node);
  if (origin->second.empty()) by_origin_.erase(origin);
  ++revision_;
  rows_.erase(at);
}

void NameTable::mark_stale(Node const& node) {
  stale_names_.insert(node.second.lower_case_name);
  stale_addresses_.insert(node.first.address);
}

NameSnapshot NameTable::snapshot() {
  for (auto const& name : std::exchange(stale_names_, {})) refresh_name(name);
  for (auto const address : std::exchange(stale_addresses_, {})) refresh_address(address);
  return answers_.share();
}

void NameTable::refresh_name(std::string const& name) {
  std::vector<Ipv4Address> addresses;
  if (auto const at = by_name_.find(name); at != by_name_.end()) {
    for (auto const* const node : at->second) {
      if (node->second.state.is_live()) addresses.push_back(node->first.address);
    }
  }
  std::ranges::sort(addresses);
  auto const [last, end] = std::ranges::unique(addresses);
  addresses.erase(last, end);
  answers_.set_addresses(name, std::move(addresses));
}

void NameTable::refresh_address(Ipv4Address address) {
  std::vector<Node const*> nodes;
  if (auto const at = by_address_.find(address); at != by_address_.end()) {
    std::ranges::copy_if(at->second, std::back_inserter(nodes),
                         [](Node const* node) { return node->second.state.is_live(); });
  }
  std::ranges::sort(nodes, {}, [](Node const* node) {
    return std::tuple{std::string_view{node->second.lower_case_name}, node->first.origin,
                      std::string_view{node->first.container_id}, std::string_view{node->first.hostname}};
  });
  std::vector<std::string> names;
  for (auto const* const node : nodes) {
    if (std::ranges::find(names, node->first.hostname) == names.end()) names.push_back(node->first.hostname);
  }
  answers_.set_names(address, std::move(names));
}

} // namespace weave::controller::dns
