#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "controller/ipam/allocator.hpp"
#include "controller/ipam/ranges.hpp"

namespace weave::controller::ipam {

std::string Allocator::nickname_of(PeerName peer) const {
  auto const known = nicknames_.find(peer);
  if (known != nicknames_.end()) return known->second;
  return ports_.mesh.nickname(peer).value_or("");
}

std::string Allocator::describe(PeerName peer) const {
  auto const nickname = nickname_of(peer);
  return nickname.empty() ? peer.to_string() : fmt::format("{}({})", peer.to_string(), nickname);
}

std::string Allocator::denial_text(Ipv4Cidr cidr, PeerName owner) const {
  auto const nickname = nickname_of(owner);
  return fmt::format("address {} is owned by other peer {}{}", cidr.to_string(), owner.to_string(),
                     nickname.empty() ? "" : fmt::format(" ({})", nickname));
}

std::string Allocator::wait_reason(OperationRequest const& request) const {
  if (book_.ring().empty()) return ring_wait_reason();
  if (auto const* const claim = std::get_if<ClaimRequest>(&request)) {
    auto const address = claim->cidr.address;
    auto const owner = book_.ring().owner(address);
    bool const asked = requests_.asked(just(address)).has_value();
    return fmt::format("timed out: {} - {}", denial_text(claim->cidr, owner),
                       asked ? "it has not answered yet" : "it cannot be reached");
  }
  if (auto const* const allocate = std::get_if<AllocateRequest>(&request)) return space_wait_reason(allocate->subnet);
  return "timed out";
}

std::string Allocator::ring_wait_reason() const {
  auto text = election_ ? fmt::format(
                              "timed out: the peers have not agreed on the address ring yet (quorum: {}, "
                              "known: {})",
                              election_->quorum(), election_->state().size())
                        : std::string{"timed out: no peer has given us the address ring yet (we are an observer)"};
  if (auto const initial = ports_.mesh.initial_peers(); !initial.empty()) text += "; " + initial;
  return text;
}

std::string Allocator::space_wait_reason(Ipv4Cidr subnet) const {
  auto const range = subnet.range();
  auto const asked = requests_.asked(range);
  auto const refused = requests_.refused(range);
  std::vector<std::string> full;
  std::vector<std::string> unreachable;
  std::vector<std::string> unasked;
  bool others = false;
  for (auto const& donor : book_.ring().donors(range, true)) {
    others = true;
    if (donor.peer == asked) continue;
    if (!ports_.mesh.is_known(donor.peer)) {
      unreachable.push_back(describe(donor.peer));
    } else if (donor.weight == 0 || refused.contains(donor.peer)) {
      full.push_back(describe(donor.peer));
    } else {
      unasked.push_back(describe(donor.peer));
    }
  }
  auto text = fmt::format("timed out: no free address in {} here", subnet.to_string());
  if (asked) text += fmt::format("; no answer yet from {}", describe(*asked));
  if (!full.empty()) text += fmt::format("; none left at {}", fmt::join(full, ", "));
  if (!unasked.empty()) text += fmt::format("; no time to ask {}", fmt::join(unasked, ", "));
  if (!others) text += "; no other peer owns any of it";
  if (!unreachable.empty()) {
    text += fmt::format("; unreachable: {} (use 'rmpeer' if dead)", fmt::join(unreachable, ", "));
  }
  return text;
}

} // namespace weave::controller::ipam
