#include "controller/ipam/ipam_status.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "controller/ipam/allocator.hpp"

namespace weave::controller::ipam {
namespace {

std::vector<OwnerStatus> owners_of(std::vector<RingEntryStatus> const& entries, PeerName self, double universe) {
  std::vector<OwnerStatus> owners;
  for (auto const& entry : entries) {
    auto owner = std::ranges::find(owners, entry.peer, &OwnerStatus::peer);
    if (owner == owners.end()) {
      owners.push_back({entry.peer, entry.nickname, 0, 0, entry.peer == self, entry.is_known_peer});
      owner = owners.end() - 1;
    }
    owner->addresses += entry.size;
  }
  for (auto& owner : owners) owner.share = owner.addresses / universe;
  std::ranges::sort(owners, [](OwnerStatus const& a, OwnerStatus const& b) {
    return a.is_us != b.is_us ? a.is_us : a.peer < b.peer;
  });
  return owners;
}

} // namespace

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
  status.owners = owners_of(status.entries, config_.self, config_.universe.size());
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

std::string state_text(IpamStatus const& status) {
  if (!status.entries.empty()) {
    bool const reachable = std::ranges::any_of(
        status.entries, [](RingEntryStatus const& entry) { return entry.size > 0 && entry.is_known_peer; });
    if (!reachable) return "all IP ranges owned by unreachable peers - use 'rmpeer' if they are dead";
    return status.pending_allocates.empty() ? "ready" : "waiting for IP(s) to become available";
  }
  if (!status.election) return "idle";
  if (!status.election->elector) return "priming";
  return fmt::format("awaiting consensus (quorum: {}, known: {})", status.election->quorum,
                     status.election->known_nodes);
}

std::string owner_lines(IpamStatus const& status) {
  std::string text;
  for (auto const& owner : status.owners) {
    std::string note;
    if (owner.is_us) {
      note = fmt::format("({} active)", status.active_addresses);
    } else if (!owner.is_known_peer) {
      note = "- unreachable!";
    }
    text += fmt::format("{:<37} {:>8} IPs ({:04.1f}% of total) {}\n",
                        fmt::format("{}({})", owner.peer.to_string(), owner.nickname), owner.addresses,
                        owner.share * 100, note);
  }
  if (!status.conflict.empty()) text += fmt::format("Conflict: {}\n", status.conflict);
  return text;
}

} // namespace weave::controller::ipam
