#include "gossip/peer_table.hpp"

#include <limits>
#include <utility>

namespace weave::gossip {
namespace {

/// Whether `news` says more than what is known (mesh.md §10.4). A higher version wins even with a lower UID; with equal
/// versions, and with placeholders, the UID decides.
[[nodiscard]] bool supersedes(Peer const& news, Peer const& known) {
  if (news.version != known.version) return news.version > known.version;
  if (news.uid != known.uid) return news.uid > known.uid;
  return news.short_id.has_value() && !known.short_id.has_value();
}

[[nodiscard]] Peer placeholder(PeerName name) {
  Peer peer;
  peer.name = name;
  return peer;
}

/// Stays at the top instead of wrapping: a hostile version must not make our news look ancient for ever.
[[nodiscard]] std::uint64_t next_version(std::uint64_t version) {
  return version == std::numeric_limits<std::uint64_t>::max() ? version : version + 1;
}

} // namespace

PeerTable::PeerTable(Peer ourself, RandomSource& random) : our_name_{ourself.name}, random_{random} {
  Pending pending;
  insert(std::move(ourself), pending);
  entries_.at(our_name_).references = 1;
}

Peer const* PeerTable::find(PeerName name) const {
  auto const at = entries_.find(name);
  return at == entries_.end() ? nullptr : &at->second.peer;
}

std::vector<PeerName> PeerTable::names() const {
  std::vector<PeerName> names;
  names.reserve(entries_.size());
  for (auto const& [name, entry] : entries_) names.push_back(name);
  return names;
}

Peer const& PeerTable::acquire(Peer candidate) {
  auto const name = candidate.name;
  Pending pending;
  if (!entries_.contains(name)) {
    candidate.version = 0;
    candidate.connections.clear();
    insert(std::move(candidate), pending);
    keep_short_id_unique(pending);
  }
  ++entries_.at(name).references;
  deliver(std::move(pending));
  return entries_.at(name).peer;
}

void PeerTable::release(PeerName name) {
  auto const at = entries_.find(name);
  if (at != entries_.end() && at->second.references > 0) --at->second.references;
}

void PeerTable::add_connection(PeerConnection connection) {
  auto& ourself = our_record();
  auto const remote = connection.remote;
  ourself.connections.insert_or_assign(remote, std::move(connection));
  ourself.version = next_version(ourself.version);
  // While the remote was out of reach, peers that only it lists may have been collected.
  Pending pending;
  if (auto const at = entries_.find(remote); at != entries_.end()) insert_listed(at->second.peer, pending);
}

void PeerTable::set_established(PeerName remote) {
  auto& ourself = our_record();
  auto const at = ourself.connections.find(remote);
  if (at == ourself.connections.end() || at->second.established) return;
  at->second.established = true;
  ourself.version = next_version(ourself.version);
}

void PeerTable::remove_connection(PeerName remote) {
  auto& ourself = our_record();
  if (ourself.connections.erase(remote) > 0) ourself.version = next_version(ourself.version);
}

PeerTable::Merged PeerTable::merge(std::vector<Peer> const& update) {
  Pending pending;
  Merged merged;
  add_newcomers(update, merged.delta, pending);
  for (auto const& news : update) {
    merged.original.insert(news.name);
    if (news.name == our_name_) {
      merge_ourself(news, pending);
      continue;
    }
    auto& known = entries_.at(news.name).peer;
    if (!supersedes(news, known)) continue;
    replace(known, news, pending);
    merged.delta.insert(news.name);
  }
  keep_short_id_unique(pending);
  deliver(std::move(pending));
  return merged;
}

std::size_t PeerTable::collect_garbage() {
  auto const kept = reachable();
  Pending pending;
  for (auto at = entries_.begin(); at != entries_.end();) {
    auto& [name, entry] = *at;
    if (entry.references > 0 || kept.contains(name)) {
      ++at;
      continue;
    }
    if (entry.peer.short_id) short_ids_.remove(*entry.peer.short_id, name, pending.invalidated);
    pending.collected.push_back(std::move(entry.peer));
    at = entries_.erase(at);
  }
  auto const removed = pending.collected.size();
  if (removed > 0) keep_short_id_unique(pending);
  deliver(std::move(pending));
  return removed;
}

void PeerTable::insert(Peer peer, Pending& pending) {
  auto const name = peer.name;
  auto const short_id = peer.short_id;
  entries_.insert_or_assign(name, Entry{.peer = std::move(peer), .references = 0});
  if (short_id) short_ids_.add(*short_id, name, pending.invalidated);
}

void PeerTable::add_newcomers(std::vector<Peer> const& update, std::set<PeerName>& added, Pending& pending) {
  for (auto const& news : update) {
    if (entries_.contains(news.name)) continue;
    insert(news, pending);
    added.insert(news.name);
  }
  for (auto const& news : update) insert_listed(news, pending);
}

void PeerTable::insert_listed(Peer const& peer, Pending& pending) {
  for (auto const& [remote, connection] : peer.connections) {
    if (!entries_.contains(remote)) insert(placeholder(remote), pending);
  }
}

void PeerTable::merge_ourself(Peer const& news, Pending& pending) {
  auto& ourself = our_record();
  if (news.uid == ourself.uid || news.version < ourself.version) return;
  // The mesh remembers an earlier life of ours: step over its version, or our news would be ignored.
  ourself.version = next_version(news.version);
  pending.ourself_modified = true;
}

void PeerTable::replace(Peer& known, Peer const& news, Pending& pending) {
  if (known.short_id != news.short_id) {
    if (known.short_id) short_ids_.remove(*known.short_id, known.name, pending.invalidated);
    if (news.short_id) short_ids_.add(*news.short_id, known.name, pending.invalidated);
  }
  known = news;
}

void PeerTable::keep_short_id_unique(Pending& pending) {
  auto& ourself = our_record();
  if (!ourself.short_id || short_ids_.principal(*ourself.short_id) == our_name_) return;
  auto const replacement = short_ids_.choose_free(random_);
  if (!replacement) return;
  short_ids_.remove(*ourself.short_id, our_name_, pending.invalidated);
  ourself.short_id = replacement;
  short_ids_.add(*replacement, our_name_, pending.invalidated);
  ourself.version = next_version(ourself.version);
  pending.ourself_modified = true;
}

std::set<PeerName> PeerTable::reachable() const {
  std::set<PeerName> reached{our_name_};
  std::vector<PeerName> to_visit{our_name_};
  while (!to_visit.empty()) {
    auto const at = entries_.find(to_visit.back());
    to_visit.pop_back();
    if (at == entries_.end()) continue;
    for (auto const& [remote, connection] : at->second.peer.connections) {
      if (reached.insert(remote).second) to_visit.push_back(remote);
    }
  }
  return reached;
}

void PeerTable::deliver(Pending pending) {
  for (auto const& peer : pending.collected) {
    if (listeners_.on_collected) listeners_.on_collected(peer);
  }
  for (auto const id : pending.invalidated) {
    if (listeners_.on_short_id_invalidated) listeners_.on_short_id_invalidated(id);
  }
  if (pending.ourself_modified && listeners_.on_ourself_modified) listeners_.on_ourself_modified();
}

} // namespace weave::gossip
