#include "controller/ipam/donor_requests.hpp"

#include <algorithm>
#include <utility>

namespace weave::controller::ipam {
namespace {

/// Donors answer at the speed of the network; this keeps two peers from talking to each other without end.
constexpr int kMaxSentInRound = 16;

/// Larger weights tend to come first, as with the original: weight times a random number.
std::vector<PeerName> draw_order(std::vector<Donor> const& candidates, RandomSource& random) {
  std::vector<std::pair<double, PeerName>> drawn;
  drawn.reserve(candidates.size());
  for (auto const& donor : candidates)
    drawn.emplace_back(static_cast<double>(donor.weight) * random.unit(), donor.peer);
  std::ranges::stable_sort(drawn, std::greater{}, &std::pair<double, PeerName>::first);
  std::vector<PeerName> order;
  order.reserve(drawn.size());
  for (auto const& [weight, peer] : drawn) order.push_back(peer);
  return order;
}

} // namespace

Result<void> DonorRequests::ask(Ipv4Range range, std::vector<Donor> const& candidates, RandomSource& random,
                                Send const& send) {
  auto& request = requests_[range];
  if (request.asked) return {};
  auto order = draw_order(candidates, random);
  std::ranges::stable_partition(order, [&](PeerName peer) { return peer != request.silent; });
  Result<void> sent = failure(ErrorKind::not_found, "no peer has free addresses there");
  for (auto const donor : order) {
    if (request.refused.contains(donor) || request.sent_this_round >= kMaxSentInRound) continue;
    sent = send(donor, range);
    if (!sent) continue;
    ++request.sent_this_round;
    request.asked = donor;
    return {};
  }
  return sent;
}

bool DonorRequests::on_denied(Ipv4Range range, PeerName donor) {
  auto const found = requests_.find(range);
  if (found == requests_.end() || found->second.asked != donor) return false;
  found->second.asked.reset();
  found->second.refused.insert(donor);
  found->second.settled.erase(donor);
  return true;
}

void DonorRequests::on_answer(PeerName donor) {
  for (auto& [range, request] : requests_) {
    if (request.asked == donor) {
      request.asked.reset();
    } else if (request.refused.contains(donor) && !request.settled.insert(donor).second) {
      request.refused.erase(donor);
    }
  }
}

void DonorRequests::on_gone(PeerName donor) {
  for (auto& [range, request] : requests_) {
    if (request.asked == donor) request.asked.reset();
  }
}

void DonorRequests::next_round() {
  for (auto& [range, request] : requests_) {
    request.silent = std::exchange(request.asked, std::nullopt);
    request.refused_before = std::exchange(request.refused, {});
    request.sent_this_round = 0;
  }
}

void DonorRequests::keep_only(std::set<Ipv4Range> const& wanted) {
  std::erase_if(requests_, [&](auto const& entry) { return !wanted.contains(entry.first); });
}

std::optional<PeerName> DonorRequests::asked(Ipv4Range range) const {
  auto const found = requests_.find(range);
  return found == requests_.end() ? std::nullopt : found->second.asked;
}

std::set<PeerName> DonorRequests::refused(Ipv4Range range) const {
  auto const found = requests_.find(range);
  if (found == requests_.end()) return {};
  auto all = found->second.refused_before;
  all.insert(found->second.refused.begin(), found->second.refused.end());
  if (found->second.asked) all.erase(*found->second.asked);
  return all;
}

} // namespace weave::controller::ipam
