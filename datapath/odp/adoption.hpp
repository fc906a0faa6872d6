#pragma once

#include <optional>

#include "datapath/bridge/mac_learning.hpp"
#include "datapath/odp/flow_decision.hpp"
#include "datapath/odp/plan.hpp"
#include "datapath/odp/port_map.hpp"
#include "datapath/odp/state_view.hpp"
#include "datapath/odp/types.hpp"

namespace weave::datapath::odp {

/// What a flow found in the kernel does. None unless a process of ours could have installed it.
[[nodiscard]] std::optional<Plan> plan_of_ours(Flow const& flow, PortMap const& ports);

/// What a flow that an earlier process installed goes on doing while the mesh has not come together yet, so that its
/// traffic is not cut: everything, if peers that it names are not known again or cannot be reached yet; of a flood the
/// copies to such peers besides what is wanted now. None: nothing of it is worth keeping, the decision holds.
[[nodiscard]] std::optional<Plan> kept_plan(FlowMatch const& match, Plan const& found, FlowDecision const& decision,
                                            StateView const& state, PortMap const& ports, MacLearning const& macs);

} // namespace weave::datapath::odp
