#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/peer_name.hpp"
#include "base/result.hpp"
#include "controller/ipam/interval_set.hpp"

namespace weave::controller::ipam {

/// One entry of the ring: the piece from `token` to the next token (the last one wraps to the first) belongs to `peer`.
struct RingToken {
  Ipv4Address token;
  PeerName peer;
  std::uint32_t version = 0;
  /// Unallocated addresses in the piece; a hint for others, never a promise.
  std::uint32_t free = 0;

  friend bool operator==(RingToken const&, RingToken const&) = default;
};

/// The ring as it travels and is stored; any content, nothing checked.
struct RingState {
  Ipv4Range universe;
  /// Whose copy this is; merging ignores it.
  PeerName peer;
  std::vector<RingToken> tokens;
  std::vector<PeerName> seeds;

  friend bool operator==(RingState const&, RingState const&) = default;
};

/// A piece for reports: never wraps (a wrapping token gives two).
struct RingPiece {
  PeerName peer;
  Ipv4Range range;
  std::uint32_t version = 0;

  friend bool operator==(RingPiece const&, RingPiece const&) = default;
};

struct Donor {
  PeerName peer;
  /// Sum of the free counts of its pieces that touch the wanted range.
  std::uint64_t weight = 0;

  friend bool operator==(Donor const&, Donor const&) = default;
};

struct MergeOutcome {
  /// Somebody's ownership or newer data was taken over.
  bool updated = false;
  /// Anything of our copy differs from before (also versions and seeds): must be saved.
  bool changed = false;
  /// Entries of ours that somebody else holds differently under the same version; see `Ring::restate`.
  std::vector<Ipv4Address> restate;
};

struct MergeError {
  enum class Kind {
    invalid,         ///< the received ring breaks §4.3
    different_seeds, ///< formed by another election: two rings over one universe
    different_range, ///< another universe
    conflict         ///< would take addresses in use from us (`contested` lists the pieces), or is invalid once merged
  };
  Kind kind;
  std::string text;
  std::vector<Ipv4Range> contested;
};

/// Who owns which addresses, as far as this peer knows (protocol/ipam-dns.md §4). Value type, pure, single-threaded.
/// Remote input enters only through `merge`, which checks it completely before anything changes; a failed merge leaves
/// the ring as it was. Better than the original here: every foreign token is checked against what is allocated locally,
/// at every place of the ring, so an address in use never changes owner unnoticed; and an unused range may always be
/// lost.
///
/// Order independence. A ring is a set of tokens, and a merge is the union of the tokens with, for each of them, the
/// highest entry by (version, free count, owner's name). Versions of one token only grow, and one owner never says two
/// things under one version, so on what histories produce the merge is commutative, associative and idempotent: peers
/// that have heard the same rings, in whatever order and however often, agree on every owner. Two things stand outside:
/// - An owner merging what others say of its own entries keeps its free count and goes above their version (§4.9),
/// which
///   nobody else does; ownership is not touched by it.
/// - Equal version, different owner (two peers took over the same dead one). The original decides by free count and, if
///   that is equal too, keeps what it has, so two originals never agree; the free count must come first here as well.
///   Since it is cut to the length of the piece, the same entry may carry two counts while a new token spreads, and
///   then the order of arrival can matter for a moment. Therefore the owner that sees itself win makes its entry newer
///   (`restate`), to which every peer, an original too, gives way.
class Ring {
 public:
  Ring(Ipv4Range universe, PeerName self) : state_{universe, self, {}, {}} {}
  /// Adopts a stored state; the error texts are those of `validate`.
  [[nodiscard]] static Result<Ring> restore(RingState state);

  [[nodiscard]] RingState const& state() const { return state_; }
  [[nodiscard]] bool empty() const { return state_.tokens.empty(); }
  [[nodiscard]] PeerName self() const { return state_.peer; }
  [[nodiscard]] Ipv4Range universe() const { return state_.universe; }

  /// Divides the universe among the seeds, which are sorted and made unique first (§4.4). Replaces what was there.
  void form(std::vector<PeerName> seeds);

  /// kUnknownPeer for an empty ring or an address outside the universe.
  [[nodiscard]] PeerName owner(Ipv4Address address) const;
  /// In address order, adjacent pieces apart, a wrapping piece as two.
  [[nodiscard]] std::vector<Ipv4Range> owned_ranges(PeerName peer) const;
  [[nodiscard]] std::vector<RingPiece> pieces() const;
  /// Each owner once, in ring order.
  [[nodiscard]] std::vector<PeerName> owners() const;
  /// Whom to ask for space inside `range` (§4.8), peers other than us with a free count, in ring order. With
  /// `even_if_full` also those that report no free address.
  [[nodiscard]] std::vector<Donor> donors(Ipv4Range range, bool even_if_full = false) const;

  /// Gives `range` to another peer (§4.5). Refused unless every address of it is ours.
  [[nodiscard]] Result<void> grant(Ipv4Range range, PeerName to);
  /// Makes `to` the owner of everything of `from` (§4.6); returns what `from` owned.
  std::vector<Ipv4Range> transfer(PeerName from, PeerName to);
  /// Corrects the free counts of our entries (§4.7); true if something changed.
  bool report_free(std::function<std::uint32_t(Ipv4Range)> const& free_in);

  /// Takes in a received ring (§4.9); `allocated` are the addresses in use here.
  [[nodiscard]] std::expected<MergeOutcome, MergeError> merge(RingState const& theirs, IntervalSet const& allocated);
  /// The same without regard to what is in use, after `merge` has found a conflict: whoever the entries name owns the
  /// pieces from now on, as everywhere else in the mesh. Free counts that are too large are cut. Never a conflict.
  [[nodiscard]] std::expected<MergeOutcome, MergeError> settle(RingState const& theirs);
  /// Makes these entries newer, as far as they are ours; false if nothing changed.
  bool restate(std::vector<Ipv4Address> const& tokens);

 private:
  [[nodiscard]] std::size_t index_of(Ipv4Address address) const;
  [[nodiscard]] Ipv4Address next_token(std::size_t index) const;

  RingState state_;
};

/// Checks of §4.3 against the state's own universe.
[[nodiscard]] Result<void> validate(RingState const& state);
/// Distance from `from` to `to` going up and round the end of the universe; equal points are a whole turn apart.
[[nodiscard]] std::uint32_t distance(Ipv4Range universe, Ipv4Address from, Ipv4Address to);
/// [from, to) as one or two plain ranges, split at the end of the universe; the part at its start comes first.
[[nodiscard]] std::vector<Ipv4Range> split_at_origin(Ipv4Range universe, Ipv4Address from, Ipv4Address to);
/// Sorted numerically, without duplicates.
[[nodiscard]] std::vector<PeerName> normalise_seeds(std::vector<PeerName> seeds);

} // namespace weave::controller::ipam
