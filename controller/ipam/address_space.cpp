#include "controller/ipam/address_space.hpp"

#include "controller/ipam/ranges.hpp"

namespace weave::controller::ipam {
namespace {

void keep_only(IntervalSet& set, IntervalSet const& wanted) {
  for (auto const& range : set.ranges()) {
    for (auto const& lost : wanted.gaps(range)) set.remove(lost);
  }
}

} // namespace

void AddressSpace::follow(std::vector<Ipv4Range> const& owned, std::vector<Ipv4Address> const& in_use) {
  IntervalSet wanted;
  for (auto const& range : owned) wanted.add(range);
  keep_only(free_, wanted);
  keep_only(allocated_, wanted);

  IntervalSet known = free_;
  for (auto const& range : allocated_.ranges()) known.add(range);
  for (auto const& range : wanted.ranges()) {
    for (auto const& fresh : known.gaps(range)) free_.add(fresh);
  }
  for (auto const address : in_use) {
    if (!wanted.contains(address)) continue;
    free_.remove(just(address));
    allocated_.add(just(address));
  }
}

std::optional<Ipv4Address> AddressSpace::allocate(Ipv4Range range) {
  auto const address = free_.lowest_in(range);
  if (!address) return std::nullopt;
  free_.remove(just(*address));
  allocated_.add(just(*address));
  return address;
}

bool AddressSpace::claim(Ipv4Address address) {
  if (!free_.contains(address)) return false;
  free_.remove(just(address));
  allocated_.add(just(address));
  return true;
}

void AddressSpace::release(Ipv4Address address) {
  if (!allocated_.contains(address)) return;
  allocated_.remove(just(address));
  free_.add(just(address));
}

std::optional<Ipv4Range> AddressSpace::donation_candidate(Ipv4Range request) const {
  std::optional<Ipv4Range> best;
  for (auto const& chunk : free_.clipped(request)) {
    if (best && chunk.size() < best->size()) continue;
    auto const block = largest_aligned_block(chunk);
    if (!best || block.size() >= best->size()) best = block;
  }
  return best;
}

std::optional<Ipv4Range> AddressSpace::donate(Ipv4Range request) {
  auto given = donation_candidate(request);
  if (!given) return std::nullopt;
  if (given->size() > free_.count_in(request) / 2) given->start = given->start + given->size() / 2;
  free_.remove(*given);
  return given;
}

} // namespace weave::controller::ipam
