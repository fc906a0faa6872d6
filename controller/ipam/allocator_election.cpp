#include <algorithm>
#include <utility>

#include "controller/ipam/allocator.hpp"

namespace weave::controller::ipam {
namespace {

/// An elector answers a proposal in the time of a round trip through the mesh.
constexpr auto kPatience = std::chrono::seconds{2};

} // namespace

void Allocator::receive_election(PaxosState const& election) {
  if (!election_) return;
  if (election_->update(election)) {
    election_changed_ = true;
    if (awaiting_ring_) election_->set_quorum(quorum());
    if (election_->think()) broadcast_state();
  }
  conclude_election();
}

/// More than half of those who may vote, and never less than the launch said: peers launched with different lists would
/// else agree in groups that do not know of each other, and hand out the same addresses. Peers that were asked and keep
/// silent are observers, or allocate nothing; they do not count.
std::uint32_t Allocator::quorum() const {
  auto const launched = config_.quorum ? config_.quorum() : 1;
  if (launched == 0 || config_.formation.peer_count) return launched;
  auto const now = ports_.scheduler.now();
  auto const votes = [&](PeerName peer) {
    bool const took_part =
        std::ranges::any_of(election_->state(), [&](auto const& entry) { return entry.first.name == peer; });
    auto const asked = asked_to_vote_.find(peer);
    return took_part || asked == asked_to_vote_.end() || now - asked->second < kPatience;
  };
  auto const others = ports_.mesh.reachable_peers();
  auto const voters = 1 + static_cast<std::uint32_t>(std::ranges::count_if(others, votes));
  return std::max(launched, voters / 2 + 1);
}

void Allocator::establish_ring() {
  if (!book_.ring().empty() || awaiting_ring_ || shut_down_) return;
  awaiting_ring_ = true;
  propose();
  if (!awaiting_ring_ || !election_) return;
  patience_timer_ = ports_.scheduler.after(kPatience, [this] {
    if (!awaiting_ring_ || quorum() >= election_->quorum()) return;
    propose();
    static_cast<void>(end_turn());
  });
}

void Allocator::propose() {
  if (election_) {
    for (auto const peer : ports_.mesh.reachable_peers()) asked_to_vote_.try_emplace(peer, ports_.scheduler.now());
    election_->set_quorum(quorum());
    // Peers that all wait would outbid one another for ever; every other time the one in the lead is left alone.
    bool const yield = election_->outbid() && ports_.random.below(2) == 0 && round_ % 3 != 0;
    if (!yield) election_->propose();
    election_changed_ = true;
  }
  broadcast_state();
  conclude_election();
}

void Allocator::conclude_election() {
  if (!election_ || !book_.ring().empty()) return;
  if (auto seeds = election_->consensus()) form_ring(*std::move(seeds));
}

void Allocator::form_ring(std::vector<PeerName> seeds) {
  book_.form(std::move(seeds));
  awaiting_ring_ = false;
  asked_to_vote_.clear();
  retry_needed_ = true;
  broadcast_state();
}

} // namespace weave::controller::ipam
