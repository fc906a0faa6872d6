#include "datapath/odp/flow_table.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace weave::datapath::odp {
namespace {

/// The addresses by which a flow is found when one of them moves.
std::array<MacAddress, 2> addresses(FlowMatch const& match) { return {match.source.value, match.destination.value}; }

bool is_indexed(MacAddress mac) { return !mac.is_zero() && !mac.is_group(); }

std::optional<TimePoint> time_of(std::optional<std::chrono::milliseconds> monotonic) {
  // steady_clock is the kernel's CLOCK_MONOTONIC.
  if (!monotonic) return std::nullopt;
  return TimePoint{std::chrono::duration_cast<TimePoint::duration>(*monotonic)};
}

} // namespace

void FlowTable::attach(DatapathInterface& datapath) {
  datapath_ = &datapath;
  flows_.clear();
  by_mac_.clear();
  uncertain_.clear();
  has_adopted_ = false;
}

void FlowTable::adopt(Flow const& flow, Plan plan, TimePoint now) {
  auto const ufid = ufid_of(flow.match);
  auto const [place, added] = flows_.emplace(ufid, KnownFlow{.match = flow.match,
                                                             .actions = flow.actions,
                                                             .created = now,
                                                             .written = now,
                                                             .used = time_of(flow.stats.used),
                                                             .adopted = std::move(plan)});
  if (added) index(ufid, flow.match);
  has_adopted_ = true;
}

Result<void> FlowTable::install(FlowMatch const& match, Actions const& actions, TimePoint now) {
  auto const ufid = ufid_of(match);
  auto const found = flows_.find(ufid);
  if (found != flows_.end()) {
    auto& flow = found->second;
    if (flow.actions == actions && !flow.uncertain && now - flow.written < kSettle) return {};
    return write(ufid, flow, actions, now);
  }
  if (is_full()) {
    ++counters_.refused;
    return failure(ErrorKind::unavailable, "as many flows as may be");
  }
  auto& flow = flows_[ufid];
  flow.match = match;
  flow.created = now;
  index(ufid, match);
  auto written = write(ufid, flow, actions, now);
  if (!written) forget(ufid);
  return written;
}

Result<void> FlowTable::ensure(FlowMatch const& match, Actions const& actions, TimePoint now) {
  auto const found = flows_.find(ufid_of(match));
  bool const right = found != flows_.end() && found->second.actions == actions && !found->second.uncertain;
  return right ? Result<void>{} : install(match, actions, now);
}

Result<void> FlowTable::write(Ufid const& ufid, KnownFlow& flow, Actions actions, TimePoint now) {
  bool const is_new = flow.written == TimePoint{};
  flow.actions = std::move(actions);
  flow.written = now;
  auto const put = datapath_->put_flow(Flow{.match = flow.match, .actions = flow.actions, .ufid = ufid});
  flow.uncertain = !put;
  if (!put) {
    ++counters_.failed;
    uncertain_.insert(ufid);
    return put;
  }
  uncertain_.erase(ufid);
  ++(is_new ? counters_.installed : counters_.rewritten);
  return {};
}

void FlowTable::review(Wanted const& wanted, TimePoint now) {
  std::vector<Ufid> all;
  all.reserve(flows_.size());
  for (auto const& [ufid, flow] : flows_) all.push_back(ufid);
  review(all, wanted, now);
}

void FlowTable::review(MacAddress mac, Wanted const& wanted, TimePoint now) {
  auto const found = by_mac_.find(mac);
  if (found == by_mac_.end()) return;
  review(std::vector<Ufid>(found->second.begin(), found->second.end()), wanted, now);
}

void FlowTable::retry(Wanted const& wanted, TimePoint now) {
  review(std::vector<Ufid>(uncertain_.begin(), uncertain_.end()), wanted, now);
}

void FlowTable::review(std::span<Ufid const> ufids, Wanted const& wanted, TimePoint now) {
  for (auto const& ufid : ufids) {
    auto const found = flows_.find(ufid);
    if (found == flows_.end()) continue;
    auto& flow = found->second;
    auto actions = wanted(flow);
    if (!actions) {
      remove(ufid);
    } else if (flow.uncertain || *actions != flow.actions) {
      (void)write(ufid, flow, std::move(*actions), now);
    }
  }
}

void FlowTable::remove(Ufid const& ufid) {
  auto const found = flows_.find(ufid);
  if (found == flows_.end()) return;
  auto& flow = found->second;
  if (auto const gone = datapath_->remove_flow(Flow{.match = flow.match, .ufid = ufid}); !gone) {
    // Kept, so that it is tried again.
    ++counters_.failed;
    flow.uncertain = true;
    uncertain_.insert(ufid);
    return;
  }
  ++counters_.removed;
  forget(ufid);
}

void FlowTable::compare(std::span<Flow const> installed) {
  Set seen;
  seen.reserve(installed.size());
  for (auto const& flow : installed) {
    auto const found = flow.ufid ? flows_.find(*flow.ufid) : flows_.end();
    if (found == flows_.end()) {
      ++counters_.foreign;
      (void)datapath_->remove_flow(flow);
      continue;
    }
    auto& known = found->second;
    seen.insert(*flow.ufid);
    known.used = time_of(flow.stats.used);
    if (known.actions == flow.actions || known.uncertain) continue;
    // Somebody else has changed it.
    known.uncertain = true;
    uncertain_.insert(*flow.ufid);
  }
  std::vector<Ufid> lost;
  for (auto const& [ufid, flow] : flows_) {
    if (!seen.contains(ufid)) lost.push_back(ufid);
  }
  counters_.lost += lost.size();
  for (auto const& ufid : lost) forget(ufid);
}

void FlowTable::expire(std::function<bool(KnownFlow const&)> const& is_over) {
  std::vector<Ufid> over;
  for (auto const& [ufid, flow] : flows_) {
    if (is_over(flow)) over.push_back(ufid);
  }
  auto const before = counters_.removed;
  for (auto const& ufid : over) remove(ufid);
  counters_.expired += counters_.removed - before;
}

void FlowTable::for_each(std::function<void(KnownFlow const&)> const& visit) const {
  for (auto const& [ufid, flow] : flows_) visit(flow);
}

void FlowTable::confirm_adopted() {
  for (auto& [ufid, flow] : flows_) flow.adopted.reset();
  has_adopted_ = false;
}

void FlowTable::index(Ufid const& ufid, FlowMatch const& match) {
  for (auto const mac : addresses(match)) {
    if (is_indexed(mac)) by_mac_[mac].insert(ufid);
  }
}

void FlowTable::forget(Ufid const& ufid) {
  auto const node = flows_.extract(ufid);
  if (node.empty()) return;
  uncertain_.erase(ufid);
  for (auto const mac : addresses(node.mapped().match)) {
    auto const found = by_mac_.find(mac);
    if (found == by_mac_.end()) continue;
    found->second.erase(ufid);
    if (found->second.empty()) by_mac_.erase(found);
  }
}

} // namespace weave::datapath::odp
