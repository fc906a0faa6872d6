#include <utility>

#include "controller/ipam/allocator.hpp"
#include "controller/ipam/persisted_state.hpp"

namespace weave::controller::ipam {

Result<bool> Allocator::restore() {
  auto const stored = ports_.store.load();
  if (!stored) return failure_of(stored);
  auto adopted = adopt(*stored);
  if (!adopted) return adopted;
  if (book_.ring().empty() && config_.formation.mode == Formation::Mode::seeds) form_ring(config_.formation.seeds);
  // With a full disk too: what is held is known, and nothing is given out or told to others until it has been saved.
  static_cast<void>(end_turn());
  return adopted;
}

Result<bool> Allocator::adopt(StoredIpam const& stored) {
  auto const universe = config_.universe.range();
  if (stored.state.empty()) {
    ports_.log.info("No valid persisted data");
    forget_rows(stored);
    return false;
  }
  auto persisted = decode_persisted(stored.state);
  if (!persisted) return failure_of(persisted);
  if (persisted->self != config_.self) {
    ports_.log.info("Deleting persisted data for peername {}", persisted->self.to_string());
    forget_rows(stored);
    return false;
  }
  if (persisted->universe != universe) {
    ports_.log.info("Deleting persisted data for IPAM range {}; our range is {}", persisted->universe.to_string(),
                    universe.to_string());
    forget_rows(stored);
    return false;
  }
  auto& state = persisted->state;
  merge_nicknames(state.nicknames, config_.self);
  bool const has_ring = state.ring && !state.ring->tokens.empty();
  for (auto const& [id, text] : stored.owned) {
    auto const row = parse_owned(text);
    if (!row) return failure_of(row);
    book_.recall(id, *row);
  }
  if (has_ring) {
    state.ring->peer = config_.self;
    auto ring = Ring::restore(*std::move(state.ring));
    if (!ring) return failure_of(ring);
    book_.adopt(*std::move(ring));
    return true;
  }
  ports_.log.info("No valid persisted data");
  if (state.paxos && election_) {
    election_.emplace(NodeId{config_.self, persisted->uid});
    election_->restore(*std::move(state.paxos));
  }
  return false;
}

void Allocator::forget_rows(StoredIpam const& stored) {
  for (auto const& [id, text] : stored.owned) book_.forget(id);
  election_changed_ = true;
}

void Allocator::reclaim(std::vector<ReclaimedAddress> const& addresses) {
  for (auto const& [id, cidr, is_container] : addresses) {
    // Kept up for as long as it takes: giving up would leave the address to be handed out to somebody else.
    bool const keep_trying = true;
    operations_.add(ClaimRequest{id, cidr, is_container, keep_trying, false, std::nullopt}, nullptr);
  }
  // Without a ring they wait for the first tick, which leaves time to hear of one before an election is started.
  retry_needed_ = !book_.ring().empty();
  static_cast<void>(end_turn());
}

void Allocator::keep_only_running(std::set<std::string> const& containers) {
  std::vector<std::string> gone;
  for (auto const& [id, owned] : book_.owned().all()) {
    if (owned.is_container && !containers.contains(id)) gone.push_back(id);
  }
  for (auto const& id : gone) {
    ports_.log.info("Freeing the addresses of container {}, which is not running", id);
    book_.release_all(id);
  }
  retry_needed_ = true;
  static_cast<void>(end_turn());
}

} // namespace weave::controller::ipam
