#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/address.hpp"
#include "base/peer_name.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "controller/ipam/ring.hpp"

namespace weave::controller::ipam {

/// Who has been asked for space in which range. One donor at a time for each range, so that a burst of containers does
/// not cut up the ring; the next donor at once when one refuses; a new round (the allocator's tick) asks everybody
/// again. A donor that kept silent in the last round comes last. Pure.
class DonorRequests {
 public:
  using Send = std::function<Result<void>(PeerName donor, Ipv4Range range)>;

  /// Succeeds if somebody has been asked who may still answer, or could be asked now. The error is that of the last
  /// attempt to send, or of kind not_found if no candidate is left in this round.
  [[nodiscard]] Result<void> ask(Ipv4Range range, std::vector<Donor> const& candidates, RandomSource& random,
                                 Send const& send);
  /// False if this donor had not been asked for this range.
  [[nodiscard]] bool on_denied(Ipv4Range range, PeerName donor);
  /// The donor has sent its ring, which is how requests are answered. Once it has refused and its ring has come after
  /// that, another one that comes unasked means that it has got something to give, and it is asked again.
  void on_answer(PeerName donor);
  /// The donor has left the mesh: whatever it was asked, others can be asked now.
  void on_gone(PeerName donor);
  void next_round();
  /// Forgets ranges that nobody waits for any more.
  void keep_only(std::set<Ipv4Range> const& wanted);

  [[nodiscard]] std::optional<PeerName> asked(Ipv4Range range) const;
  [[nodiscard]] std::set<PeerName> refused(Ipv4Range range) const;

 private:
  struct Request {
    std::optional<PeerName> asked;
    std::optional<PeerName> silent;
    std::set<PeerName> refused;
    std::set<PeerName> refused_before;
    /// Of the refused, those whose ring has come since.
    std::set<PeerName> settled;
    int sent_this_round = 0;
  };

  std::map<Ipv4Range, Request> requests_;
};

} // namespace weave::controller::ipam
