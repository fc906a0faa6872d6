#include "controller/ipam/interval_set.hpp"

#include <algorithm>
#include <iterator>

namespace weave::controller::ipam {

void IntervalSet::add(Ipv4Range range) {
  if (range.start >= range.end) return;
  remove(range);
  count_ += range.size();
  auto const after = ends_.lower_bound(range.start);
  if (after != ends_.end() && after->first == range.end) {
    range.end = after->second;
    ends_.erase(after);
  }
  auto const next = ends_.lower_bound(range.start);
  if (next != ends_.begin()) {
    auto const before = std::prev(next);
    if (before->second == range.start) {
      before->second = range.end;
      return;
    }
  }
  ends_[range.start] = range.end;
}

void IntervalSet::remove(Ipv4Range range) {
  if (range.start >= range.end) return;
  auto at = first_beyond(range.start);
  while (at != ends_.end() && at->first < range.end) {
    Ipv4Range const old{at->first, at->second};
    at = ends_.erase(at);
    auto const cut_start = std::max(old.start, range.start);
    auto const cut_end = std::min(old.end, range.end);
    count_ -= cut_end - cut_start;
    if (old.start < cut_start) ends_[old.start] = cut_start;
    if (cut_end < old.end) ends_[cut_end] = old.end;
  }
}

IntervalSet::Ends::const_iterator IntervalSet::first_beyond(Ipv4Address address) const {
  auto at = ends_.upper_bound(address);
  if (at != ends_.begin() && std::prev(at)->second > address) --at;
  return at;
}

bool IntervalSet::contains(Ipv4Address address) const {
  auto const at = first_beyond(address);
  return at != ends_.end() && at->first <= address;
}

bool IntervalSet::covers(Ipv4Range range) const {
  if (range.start >= range.end) return true;
  auto const at = first_beyond(range.start);
  return at != ends_.end() && at->first <= range.start && at->second >= range.end;
}

bool IntervalSet::overlaps(Ipv4Range range) const {
  if (range.start >= range.end) return false;
  auto const at = first_beyond(range.start);
  return at != ends_.end() && at->first < range.end;
}

std::uint32_t IntervalSet::count_in(Ipv4Range range) const {
  std::uint32_t count = 0;
  for (auto const& part : clipped(range)) count += part.size();
  return count;
}

std::optional<Ipv4Address> IntervalSet::lowest_in(Ipv4Range range) const {
  if (range.start >= range.end) return std::nullopt;
  auto const at = first_beyond(range.start);
  if (at == ends_.end() || at->first >= range.end) return std::nullopt;
  return std::max(at->first, range.start);
}

std::vector<Ipv4Range> IntervalSet::ranges() const {
  std::vector<Ipv4Range> found;
  found.reserve(ends_.size());
  for (auto const& [start, end] : ends_) found.push_back({start, end});
  return found;
}

std::vector<Ipv4Range> IntervalSet::clipped(Ipv4Range range) const {
  std::vector<Ipv4Range> found;
  if (range.start >= range.end) return found;
  for (auto at = first_beyond(range.start); at != ends_.end() && at->first < range.end; ++at) {
    found.push_back({std::max(at->first, range.start), std::min(at->second, range.end)});
  }
  return found;
}

std::vector<Ipv4Range> IntervalSet::gaps(Ipv4Range range) const {
  std::vector<Ipv4Range> found;
  auto from = range.start;
  for (auto const& part : clipped(range)) {
    if (from < part.start) found.push_back({from, part.start});
    from = part.end;
  }
  if (from < range.end) found.push_back({from, range.end});
  return found;
}

} // namespace weave::controller::ipam
