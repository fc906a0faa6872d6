#include "datapath/ipsec/protection.hpp"

#include <algorithm>
#include <utility>

namespace weave::datapath::ipsec {
namespace {

void note(Result<void>& outcome, Result<void> const& done) {
  if (outcome && !done) outcome = done;
}

} // namespace

Result<void> Protection::start(std::set<Ipv4Address> sources, std::uint16_t udp_port) {
  auto const found = dependencies_.kernel.inventory();
  if (!found) return failure_of(found);
  for (auto const& policy : found->policies) installed_.emplace(policy.id, policy);
  needs_.sources = std::move(sources);
  needs_.ports.insert(udp_port);
  adopt_blocks();
  // First what blocks, then away with what lets pass.
  auto outcome = bring_to_wanted();
  note(outcome, compare_associations(found->associations));
  if (outcome) repeat_audit();
  return outcome;
}

/// What an earlier process has left in the datapath may still send from an address that has gone meanwhile.
void Protection::adopt_blocks() {
  for (auto const& [id, policy] : installed_) {
    if (policy.treatment != Treatment::block) continue;
    needs_.sources.insert(id.source);
    needs_.ports.insert(id.port);
  }
}

Result<void> Protection::cover(TunnelEndpoints const& ends) {
  needs_.ports.insert(ends.udp_port);
  needs_.sources.insert(ends.local);
  // Also when both are known: the kernel may have refused them before.
  return update();
}

void Protection::on_change() {
  if (stopped_ || std::exchange(audit_pending_, true)) return;
  auto const now = dependencies_.scheduler.now();
  auto const pause = last_audit_ ? std::max<Duration>(*last_audit_ + kCalm - now, Duration::zero()) : Duration::zero();
  change_timer_ = dependencies_.scheduler.after(pause, [this] {
    audit_pending_ = false;
    report(audit());
  });
}

void Protection::repeat_audit() {
  audit_timer_ = dependencies_.scheduler.after(kAudit, [this] {
    report(audit());
    repeat_audit();
  });
}

Result<void> Protection::audit() {
  if (stopped_) return {};
  last_audit_ = dependencies_.scheduler.now();
  auto const found = dependencies_.kernel.inventory();
  if (!found) return failure_of(found);
  std::map<PolicyId, Policy> policies;
  for (auto const& policy : found->policies) policies.emplace(policy.id, policy);
  if (policies != installed_) {
    dependencies_.logger.warning("somebody has changed the IPsec policies of the fast path: they are put right");
    installed_ = std::move(policies);
  }
  auto outcome = bring_to_wanted();
  note(outcome, compare_associations(found->associations));
  return outcome;
}

Result<void> Protection::update() {
  if (stopped_) return {};
  auto outcome = bring_to_wanted();
  report(outcome);
  return outcome;
}

Result<void> Protection::bring_to_wanted() {
  auto needs = needs_;
  for (auto const* const link : links_) needs.claims.push_back(link->claim());
  auto const wanted = wanted_policies(needs);
  Result<void> outcome;
  for (auto const& [id, policy] : wanted) {
    auto const found = installed_.find(id);
    if (found != installed_.end() && found->second == policy) continue;
    auto const set = dependencies_.kernel.set(policy);
    if (set) installed_.insert_or_assign(id, policy);
    note(outcome, set);
  }
  for (auto entry = installed_.begin(); entry != installed_.end();) {
    if (wanted.contains(entry->first)) {
      ++entry;
      continue;
    }
    auto const removed = dependencies_.kernel.remove(entry->first);
    note(outcome, removed);
    entry = removed ? installed_.erase(entry) : std::next(entry);
  }
  return outcome;
}

Result<void> Protection::compare_associations(std::vector<AssociationId> const& found) {
  std::set<AssociationId> strangers{found.begin(), found.end()};
  auto const kernel = strangers;
  std::vector<std::pair<Protected*, std::vector<AssociationId>>> losses;
  for (auto* const link : links_) {
    std::vector<AssociationId> lost;
    for (auto const& id : link->associations()) {
      strangers.erase(id);
      if (!kernel.contains(id)) lost.push_back(id);
    }
    if (!lost.empty()) losses.emplace_back(link, std::move(lost));
  }
  Result<void> outcome;
  for (auto const& id : strangers) note(outcome, dependencies_.kernel.remove(id));
  for (auto const& [link, lost] : losses) link->on_lost(lost);
  return outcome;
}

void Protection::report(Result<void> const& outcome) {
  auto const text = outcome ? std::string{} : outcome.error().text();
  if (std::exchange(said_, text) == text || outcome) return;
  dependencies_.logger.error("the protection of the fast path is not complete, trying again: {}", text);
}

Result<void> Protection::stop() {
  if (std::exchange(stopped_, true)) return {};
  audit_timer_.reset();
  change_timer_.reset();
  return remove_everything(dependencies_.kernel);
}

Result<void> remove_everything(Xfrm& kernel) {
  auto const found = kernel.inventory();
  if (!found) return failure_of(found);
  Result<void> outcome;
  for (auto const& id : found->associations) note(outcome, kernel.remove(id));
  for (auto const& policy : found->policies) note(outcome, kernel.remove(policy.id));
  return outcome;
}

} // namespace weave::datapath::ipsec
