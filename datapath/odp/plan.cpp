#include "datapath/odp/plan.hpp"

#include <algorithm>

#include "datapath/fastpath/user_tag.hpp"

namespace weave::datapath::odp {
namespace {

constexpr std::uint8_t kTimeToLive = 64;

PushVlanAction push(std::uint16_t type, ShortId id, bool flooded) {
  auto const number = static_cast<std::uint16_t>(static_cast<std::uint16_t>(id) & kTagIdMask);
  return {.type = type, .tci = static_cast<std::uint16_t>(number | (flooded ? kTagFloodedBit : 0U))};
}

void add_user_copy(Actions& actions, PortNo port, Plan::ToUser const& copy, bool last) {
  actions.emplace_back(push(kTagOfDestination, copy.destination, copy.flooded));
  if (copy.source) actions.emplace_back(push(kTagOfSource, *copy.source, copy.flooded));
  actions.emplace_back(OutputAction{port});
  // A last output takes the packet itself instead of a clone.
  if (last) return;
  actions.emplace_back(PopVlanAction{});
  if (copy.source) actions.emplace_back(PopVlanAction{});
}

/// Reads actions one by one; whatever a plan would not contain is an error.
class PlanReader {
 public:
  bool operator()(OutputAction const& output) {
    if (tunnel_) {
      if (!tags_.empty()) return false;
      plan_.tunnels.push_back({output.port, *tunnel_});
      tunnel_.reset();
      return true;
    }
    if (tags_.empty()) {
      plan_.local.push_back(output.port);
      return true;
    }
    return user_copy(output.port);
  }
  bool operator()(SetTunnelAction const& set) {
    bool const expected = !tunnel_ && tags_.empty();
    tunnel_ = set.tunnel;
    return expected;
  }
  bool operator()(PushVlanAction const& tag) {
    if (tunnel_ || sent_) return false;
    tags_.push_back(tag);
    return tags_.size() <= 2;
  }
  bool operator()(PopVlanAction const&) {
    if (tunnel_) return false;
    if (tags_.empty()) {
      bool const first = plan_.drops() && !plan_.untag;
      plan_.untag = true;
      return first;
    }
    tags_.pop_back();
    sent_ = !tags_.empty();
    return true;
  }
  bool operator()(RawAttribute const&) { return false; }

  std::optional<Plan> finish() {
    if (tunnel_ || (!tags_.empty() && !sent_)) return std::nullopt;
    return std::move(plan_);
  }

 private:
  bool user_copy(PortNo port) {
    auto const id = [](PushVlanAction const& tag) { return ShortId{static_cast<std::uint16_t>(tag.tci & kTagIdMask)}; };
    if (sent_ || (plan_.user_port && plan_.user_port != port)) return false;
    if (tags_.front().type != kTagOfDestination) return false;
    Plan::ToUser copy{.destination = id(tags_.front()), .flooded = (tags_.front().tci & kTagFloodedBit) != 0};
    if (tags_.size() == 2) {
      if (tags_.back().type != kTagOfSource) return false;
      copy.source = id(tags_.back());
    }
    plan_.user_port = port;
    plan_.user.push_back(copy);
    sent_ = true;
    return true;
  }

  Plan plan_;
  std::optional<TunnelKey> tunnel_;
  std::vector<PushVlanAction> tags_;
  /// The copy with these tags has gone; only pops may follow.
  bool sent_ = false;
};

} // namespace

Actions actions_of(Plan const& plan) {
  Actions actions;
  if (plan.drops()) return actions;
  if (plan.untag) actions.emplace_back(PopVlanAction{});
  for (auto const port : plan.local) actions.emplace_back(OutputAction{port});
  if (plan.user_port) {
    for (auto const& copy : plan.user) {
      add_user_copy(actions, *plan.user_port, copy, plan.tunnels.empty() && &copy == &plan.user.back());
    }
  }
  for (auto const& copy : plan.tunnels) {
    actions.emplace_back(SetTunnelAction{copy.tunnel});
    actions.emplace_back(OutputAction{copy.port});
  }
  return actions;
}

std::optional<Plan> plan_of(Actions const& actions) {
  PlanReader reader;
  if (!std::ranges::all_of(actions, [&](Action const& action) { return std::visit(reader, action); })) {
    return std::nullopt;
  }
  return reader.finish();
}

TunnelKey tunnel_key(TunnelId ids, Ipv4Address source, Ipv4Address destination) {
  return {.id = ids.vni(),
          .source = source,
          .destination = destination,
          .tos = 0,
          .ttl = kTimeToLive,
          .dont_fragment = true,
          .checksum = false};
}

} // namespace weave::datapath::odp
