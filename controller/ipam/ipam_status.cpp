#include "controller/ipam/ipam_status.hpp"

#include <fmt/format.h>

#include "controller/ipam/allocator.hpp"

namespace weave::controller::ipam {
IpamStatus Allocator::status() const {
  IpamStatus status;
  status.universe = config_.universe;
  status.default_subnet = config_.default_subnet;
  status.active_addresses = book_.space().allocated().count();
  status.free_addresses = book_.space().free().count();
  if (awaiting_ring_) {
    status.election = ElectionStatus{election_.has_value(), 0, 0};
    if (election_) {
      status.election->known_nodes = static_cast<std::uint32_t>(election_->state().size());
      status.election->quorum = election_->quorum();
    }
  }
  for (auto const& piece : book_.ring().pieces()) {
    status.entries.push_back({piece.range.start, piece.range.size(), piece.peer, nickname_of(piece.peer),
                              ports_.mesh.is_known(piece.peer), piece.version});
  }
  for (auto const& [id, operation] : operations_.open()) {
    if (auto const* const claim = std::get_if<ClaimRequest>(&operation.request)) {
      status.pending_claims.emplace_back(claim->id, claim->cidr);
    } else if (auto const* const allocate = std::get_if<AllocateRequest>(&operation.request)) {
      status.pending_allocates.emplace_back(allocate->id, allocate->subnet);
    }
  }
  status.conflict = displaced_text();
  if (status.conflict.empty() && !conflict_.text.empty() && ports_.scheduler.now() < conflict_.shown_until) {
    status.conflict = fmt::format("{} (from {})", conflict_.text, describe(conflict_.from));
  }
  return status;
}

} // namespace weave::controller::ipam
