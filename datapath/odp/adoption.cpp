#include "datapath/odp/adoption.hpp"

#include <algorithm>

#include "datapath/odp/datapath_interface.hpp"

namespace weave::datapath::odp {
namespace {

bool is_exact_or_any(MaskedMac const& mac) { return mac.mask.is_zero() || mac == MaskedMac::exactly(mac.value); }

bool names_strangers(TunnelMatch const& tunnel, StateView const& state) {
  auto const ids = TunnelId::of_vni(static_cast<std::uint32_t>(tunnel.id));
  return !state.is_known(ids.source) || (ids.destination != state.self_id() && !state.is_known(ids.destination));
}

/// What the mesh may still find a way for.
bool is_nowhere_yet(DropReason reason) {
  return reason == DropReason::no_route || reason == DropReason::unknown_peer || reason == DropReason::backwards;
}

/// The plan with ports of today; none if they do not fit.
std::optional<Plan> replug(Plan plan, PortMap const& ports) {
  auto const fits = [&](PortNo port, PortRole role) { return ports.role(port) == role; };
  auto const local = std::ranges::all_of(plan.local, [&](PortNo port) { return fits(port, PortRole::local); });
  auto const tunnels =
      std::ranges::all_of(plan.tunnels, [&](Plan::ToTunnel const& copy) { return fits(copy.port, PortRole::tunnel); });
  if (!local || !tunnels) return std::nullopt;
  // The device of the earlier process went with it.
  plan.user_port = ports.user();
  if (!plan.user_port) plan.user.clear();
  if (plan.user.empty()) plan.user_port.reset();
  return plan;
}

/// Adds the copies of `old` to peers that are not known again.
Plan with_copies_to_strangers(Plan plan, Plan const& old, StateView const& state) {
  for (auto const& copy : old.user) {
    if (state.is_known(copy.destination)) continue;
    plan.user_port = old.user_port;
    plan.user.push_back(copy);
  }
  for (auto const& copy : old.tunnels) {
    auto const ids = TunnelId::of_vni(static_cast<std::uint32_t>(copy.tunnel.id));
    if (!state.is_known(ids.destination)) plan.tunnels.push_back(copy);
  }
  return plan;
}

} // namespace

std::optional<Plan> plan_of_ours(Flow const& flow, PortMap const& ports) {
  auto const& match = flow.match;
  if (!match.other.empty() || flow.ufid != ufid_of(match)) return std::nullopt;
  if (!is_exact_or_any(match.source) || !is_exact_or_any(match.destination)) return std::nullopt;
  auto const role = ports.role(match.in_port);
  if (role == PortRole::ignored || (role == PortRole::tunnel) != match.tunnel.has_value()) return std::nullopt;
  return plan_of(flow.actions);
}

std::optional<Plan> kept_plan(FlowMatch const& match, Plan const& found, FlowDecision const& decision,
                              StateView const& state, PortMap const& ports, MacLearning const& macs) {
  auto const old = replug(found, ports);
  if (!old || old->drops()) return std::nullopt;
  if (match.tunnel && names_strangers(*match.tunnel, state)) return old;
  if (is_nowhere_yet(decision.drop)) return old;
  if (decision.match != match) return std::nullopt;
  auto const destination = match.destination.value;
  if (destination.is_group()) return with_copies_to_strangers(decision.plan, *old, state);
  bool const captured = ports.role(match.in_port) == PortRole::local;
  if (captured && !macs.find(destination)) return old;
  return std::nullopt;
}

} // namespace weave::datapath::odp
