#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/peer_name.hpp"
#include "base/random.hpp"
#include "gossip/peer.hpp"
#include "gossip/short_ids.hpp"

namespace weave::gossip {

/// Everything we know about the mesh: one record a peer, ourself included, merged from topology gossip
/// (protocol/mesh.md §10.2-10.4, §10.6, §12). Pure: it sends nothing and starts no timer. The listeners are called
/// after the table has reached its new state and may call back into it. Control thread only.
class PeerTable {
 public:
  struct Listeners {
    /// A peer that nobody can reach any more has been removed.
    std::function<void(Peer const&)> on_collected = {};
    /// Whoever cached the owner of this short id must forget it.
    std::function<void(ShortId)> on_short_id_invalidated = {};
    /// Our own version or short id changed for a reason other than our connections: tell the mesh.
    std::function<void()> on_ourself_modified = {};
  };
  /// What an update brought.
  struct Merged {
    /// All names the update was about.
    std::set<PeerName> original;
    /// Those that were new or newer than what we had.
    std::set<PeerName> delta;
  };

  /// `ourself` is a permanent member with the short id it should start with.
  PeerTable(Peer ourself, RandomSource& random);

  void set_listeners(Listeners listeners) { listeners_ = std::move(listeners); }

  [[nodiscard]] PeerName our_name() const { return our_name_; }
  [[nodiscard]] Peer const& ourself() const { return entries_.at(our_name_).peer; }
  [[nodiscard]] Peer const* find(PeerName name) const;
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::vector<PeerName> names() const;
  /// Calls `visit(Peer const&)` for each peer in ascending name order; `visit` must not change the table.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (auto const& [name, entry] : entries_) visit(entry.peer);
  }
  /// The peer that frames marked with this short id come from.
  [[nodiscard]] std::optional<PeerName> by_short_id(ShortId id) const { return short_ids_.principal(id); }

  [[nodiscard]] std::map<ShortId, PeerName> short_ids() const { return short_ids_.principals(); }

  /// Takes a reference, which keeps the peer in the table whether reachable or not. Adds `candidate` (version 0, no
  /// connections) if its name is unknown; an existing record stays as it is.
  Peer const& acquire(Peer candidate);
  void release(PeerName name);

  /// Changes of our own record; each adds 1 to our version.
  void add_connection(PeerConnection connection);
  void set_established(PeerName remote);
  void remove_connection(PeerName remote);

  /// Merges a decoded update (never partially: it is decoded in full before).
  Merged merge(std::vector<Peer> const& update);
  /// Removes every unreferenced peer that cannot be reached from ourself; returns how many.
  std::size_t collect_garbage();

 private:
  struct Entry {
    Peer peer;
    std::uint32_t references = 0;
  };
  struct Pending {
    std::vector<Peer> collected;
    std::vector<ShortId> invalidated;
    bool ourself_modified = false;
  };

  [[nodiscard]] Peer& our_record() { return entries_.at(our_name_).peer; }
  void insert(Peer peer, Pending& pending);
  void add_newcomers(std::vector<Peer> const& update, std::set<PeerName>& added, Pending& pending);
  void insert_listed(Peer const& peer, Pending& pending);
  void merge_ourself(Peer const& news, Pending& pending);
  void replace(Peer& known, Peer const& news, Pending& pending);
  void keep_short_id_unique(Pending& pending);
  [[nodiscard]] std::set<PeerName> reachable() const;
  void deliver(Pending pending);

  PeerName our_name_;
  RandomSource& random_;
  Listeners listeners_;
  std::map<PeerName, Entry> entries_;
  ShortIds short_ids_;
};

} // namespace weave::gossip
