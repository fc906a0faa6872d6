#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/scheduler.hpp"
#include "controller/dns/name_entry.hpp"
#include "controller/dns/name_snapshot.hpp"

namespace weave::controller::dns {

/// Which of our entries; what is absent matches everything. The hostname is compared with case.
struct NameFilter {
  std::optional<std::string> container_id = {};
  std::optional<Ipv4Address> address = {};
  std::optional<std::string> hostname = {};

  /// A NameKey or an OwnName.
  template <class Name>
  [[nodiscard]] bool matches(Name const& key) const {
    return (!container_id || *container_id == key.container_id) && (!address || *address == key.address) &&
           (!hostname || *hostname == key.hostname);
  }
};

/// The moment of an event, on both clocks: the calendar for what is told to others, the steady one for how long things
/// are kept here.
struct Moment {
  std::int64_t unix_seconds = 0;
  TimePoint steady;
};

/// All names of the mesh and the rules by which peers agree on them (protocol/ipam-dns.md §12). Pure; control thread.
/// No rule of who wins depends on a clock, and entries of one peer are changed by that peer only.
class NameTable {
 public:
  explicit NameTable(PeerName self) : self_{self} {}

  /// Registers a name of ours, or revives it; the entry to be told to all, also if it was there already.
  NameSet add(NameKey const& key, Moment now);
  /// Deletes matching live entries of ours; those deleted, as they are now.
  NameSet remove(NameFilter const& filter, Moment now);

  /// What to do with entries received (§12.4), apart from having merged them.
  struct Received {
    /// All that were acceptable, entries of ours corrected.
    NameSet accepted;
    /// Those that changed something here.
    NameSet news;
    /// Entries in our name that others have wrong.
    NameSet corrections;
    /// Entries of peers that are not in the mesh as far as we know.
    NameSet strangers;
  };
  [[nodiscard]] Received receive(NameSet entries, std::function<bool(PeerName)> const& is_known, Moment now);

  /// The peer is gone: its entries go, tombstones too.
  void forget_peer(PeerName peer);
  /// Drops tombstones that everybody has seen.
  void expire(Moment now);

  /// Every entry, in the order of the wire.
  [[nodiscard]] NameSet entries() const;
  [[nodiscard]] NameSet entries_of(PeerName origin) const;
  [[nodiscard]] bool has_entries_of(PeerName origin) const { return by_origin_.contains(origin); }
  [[nodiscard]] std::optional<NameState> find(NameKey const& key) const;
  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  [[nodiscard]] std::size_t live_count() const { return live_; }
  /// Counts changes of any kind.
  [[nodiscard]] std::uint64_t revision() const { return revision_; }

  /// Whether a question would now be answered differently than from the last snapshot.
  [[nodiscard]] bool answers_changed() const { return !stale_names_.empty() || !stale_addresses_.empty(); }
  [[nodiscard]] NameSnapshot snapshot();

 private:
  struct Row {
    NameState state;
    /// When this state came to be known here.
    TimePoint since;
    std::string lower_case_name;
  };
  using Rows = std::unordered_map<NameKey, Row, NameKeyHash>;
  using Node = Rows::value_type;
  template <class Key>
  using Index = std::unordered_map<Key, std::vector<Node const*>>;

  [[nodiscard]] bool correct(NameKey const& key, NameState& theirs, Moment now) const;
  [[nodiscard]] bool merge(NameKey const& key, NameState state, Moment now);
  Node& insert(NameKey const& key, NameState state, Moment now);
  void set_state(Node& node, NameState state, Moment now);
  void erase(Rows::iterator at);
  void mark_stale(Node const& node);
  [[nodiscard]] static bool is_expired(Row const& row, Moment now);
  void refresh_name(std::string const& name);
  void refresh_address(Ipv4Address address);

  PeerName self_;
  Rows rows_;
  Index<std::string> by_name_;
  Index<Ipv4Address> by_address_;
  std::unordered_map<PeerName, std::unordered_set<Node const*>> by_origin_;
  std::size_t live_ = 0;
  std::uint64_t revision_ = 0;
  /// What `answers_` has not seen yet.
  std::unordered_set<std::string> stale_names_;
  std::unordered_set<Ipv4Address> stale_addresses_;
  NameSnapshot answers_;
};

} // namespace weave::controller::dns
