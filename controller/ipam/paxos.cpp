#include "controller/ipam/paxos.hpp"

#include <algorithm>
#include <limits>

namespace weave::controller::ipam {
namespace {

constexpr std::size_t kMaxNodes = 4096;

ProposalId highest(PaxosState const& state) {
  ProposalId best;
  for (auto const& [node, claims] : state) best = std::max({best, claims.promise, claims.accepted});
  return best;
}

} // namespace

void PaxosNode::propose() {
  auto const round = highest(state_).round;
  auto const next = round == std::numeric_limits<std::uint64_t>::max() ? round : round + 1;
  state_[self_].promise = {next, self_};
  if (quorum_ == 1) think();
}

bool PaxosNode::update(PaxosState const& from) {
  bool changed = false;
  for (auto const& [node, theirs] : from) {
    auto const known = state_.find(node);
    if (known == state_.end()) {
      if (state_.size() >= kMaxNodes) continue;
      state_.emplace(node, theirs);
      changed = true;
      continue;
    }
    auto& ours = known->second;
    if (ours.promise < theirs.promise) {
      ours.promise = theirs.promise;
      changed = true;
    }
    if (ours.accepted < theirs.accepted) {
      ours.accepted = theirs.accepted;
      ours.accepted_value = theirs.accepted_value;
      changed = true;
    }
  }
  return changed;
}

bool PaxosNode::think() {
  ProposalId promise;
  for (auto const& [node, claims] : state_) promise = std::max(promise, claims.promise);

  auto& ours = state_[self_];
  auto const before = ours;
  ours.promise = promise;
  if (promise.valid() && promise.proposer == self_) consider_own_proposal(ours);
  for (auto const& [node, claims] : state_) {
    if (!claims.accepted.valid() || claims.accepted != ours.promise) continue;
    ours.accepted = claims.accepted;
    ours.accepted_value = claims.accepted_value;
    break;
  }
  return before.promise != ours.promise || before.accepted != ours.accepted ||
         before.accepted_value.origin != ours.accepted_value.origin;
}

void PaxosNode::consider_own_proposal(NodeClaims& ours) const {
  std::uint32_t count = 0;
  NodeClaims const* best = nullptr;
  for (auto const& [node, claims] : state_) {
    if (claims.promise != ours.promise) continue;
    ++count;
    if (claims.accepted.valid() && (best == nullptr || best->accepted < claims.accepted)) best = &claims;
  }
  if (quorum_ == 0 || count < quorum_) return;
  AcceptedValue value;
  if (best != nullptr) {
    value = best->accepted_value;
  } else {
    value.origin = ours.promise;
    for (auto const& [node, claims] : state_) value.value.push_back(node.name);
  }
  ours.accepted = ours.promise;
  ours.accepted_value = std::move(value);
}

std::optional<std::vector<PeerName>> PaxosNode::consensus() const {
  if (quorum_ == 0) return std::nullopt;
  std::map<ProposalId, std::uint32_t> votes;
  for (auto const& [node, claims] : state_) {
    if (!claims.accepted.valid()) continue;
    if (++votes[claims.accepted_value.origin] >= quorum_) return claims.accepted_value.value;
  }
  return std::nullopt;
}

bool PaxosNode::outbid() const {
  auto const best = highest(state_);
  return best.valid() && best.proposer != self_;
}

} // namespace weave::controller::ipam
