#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/peer_name.hpp"
#include "controller/ipam/address_space.hpp"
#include "controller/ipam/owned_table.hpp"
#include "controller/ipam/ring.hpp"

namespace weave::controller::ipam {

/// The id that stands for "no container id": its addresses are filed under their own text.
inline constexpr std::string_view kAnonymous = "_";

struct MergeNews {
  /// Somebody's ownership or newer data was taken over.
  bool updated = false;
  /// Entries of ours are newer now, so that others agree; they should hear of it soon.
  bool restated = false;
  /// Addresses in use here went to other peers: what `Ring::merge` says about it.
  std::optional<std::string> conflict;
};

/// Ring, local space and owned table kept in step: whatever changes one of them goes through here. Pure. Nothing is
/// persistent by itself; `ring_changed` and `owned().changed()` say what has to be saved.
///
/// An address that is recorded here but lies in a range of another peer is *displaced*. That happens when a peer is
/// taken over although it, or a container of it, lives on; when a daemon lost its state; when its name changed.
class AddressBook {
 public:
  AddressBook(Ipv4Range universe, PeerName self) : ring_{universe, self} {}

  [[nodiscard]] Ring const& ring() const { return ring_; }
  [[nodiscard]] AddressSpace const& space() const { return space_; }
  [[nodiscard]] OwnedTable const& owned() const { return owned_; }
  [[nodiscard]] bool ring_changed() const { return ring_changed_; }
  void saved();

  /// Stored data, before anything else happens. Rows that repeat an address already known are dropped.
  void recall(std::string const& id, OwnedAddresses const& row);
  /// Drops a stored row at the next save.
  void forget(std::string const& id) { owned_.mark_changed(id); }
  void adopt(Ring ring);

  void form(std::vector<PeerName> seeds);
  /// Takes in a received ring, also if it takes addresses in use away: all peers must end with the same ring, and a
  /// range that we kept for ourselves would be handed out twice. Errors other than conflicts change nothing.
  [[nodiscard]] std::expected<MergeNews, MergeError> merge(RingState const& theirs);
  [[nodiscard]] std::optional<Ipv4Range> donate(Ipv4Range request, PeerName to);
  /// Everything of `from` becomes ours; returns by how much our free space grew.
  std::uint32_t take_over(PeerName from);
  /// Everything of ours becomes `heir`'s. The owned table stays.
  void hand_over(PeerName heir);
  void update_free_counts();

  /// The lowest free own host address of `subnet`, recorded with its prefix length.
  [[nodiscard]] std::optional<Ipv4Cidr> allocate(std::string_view id, bool is_container, Ipv4Cidr subnet);
  /// Records an address; inside the universe it must be ours and free.
  [[nodiscard]] bool take(std::string_view id, bool is_container, Ipv4Cidr cidr);
  /// Records an address that a container has although the ring gives it to another peer; false if it is recorded.
  bool note_displaced(std::string_view id, bool is_container, Ipv4Cidr cidr);
  bool release(std::string_view id, Ipv4Address address);
  /// False if there was nothing.
  bool release_all(std::string_view id);
  /// Forgets the addresses of `id` that belong to other peers; false if there was none.
  bool release_displaced(std::string_view id);
  [[nodiscard]] std::set<Ipv4Address> const& displaced() const { return displaced_; }

 private:
  void follow_ring();

  Ring ring_;
  AddressSpace space_;
  OwnedTable owned_;
  std::set<Ipv4Address> displaced_;
  bool ring_changed_ = false;
};

/// The id under which `id` files an address.
[[nodiscard]] std::string filing_id(std::string_view id, Ipv4Address address);

} // namespace weave::controller::ipam
