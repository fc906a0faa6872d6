#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/result.hpp"
#include "base/scheduler.hpp"
#include "datapath/bridge/drop_reason.hpp"
#include "datapath/bridge/mac_table.hpp"
#include "datapath/fastpath/fast_path.hpp"
#include "datapath/odp/datapath_interface.hpp"
#include "datapath/odp/flow_decision.hpp"
#include "datapath/odp/flow_table.hpp"
#include "datapath/odp/local_places.hpp"
#include "datapath/odp/mac_changes.hpp"
#include "datapath/odp/port_map.hpp"
#include "datapath/odp/state_view.hpp"

namespace weave::datapath::odp {

/// A flow without packets for longer is removed.
inline constexpr Duration kFlowIdle = std::chrono::minutes{5};
/// The same when there is no room for new ones.
inline constexpr Duration kFlowIdleWhenFull = std::chrono::seconds{10};

/// Keeps the flows of one datapath right: decides about packets without flow, installs what it decided, and changes
/// the flows concerned when routes, ports or addresses change (protocol/datapath.md §5.4-§5.6, §13 W1-W4, W9). Flows of
/// an earlier process are adopted. Control thread only; every call may take a few netlink round trips.
class FlowKeeper {
 public:
  /// All outlive this object. `changes` is filled by the on_change of `macs`.
  FlowKeeper(Scheduler& scheduler, MacTable& macs, MacChanges& changes, std::size_t capacity = FlowTable::kCapacity);

  /// Works on this datapath from now on; it outlives the use. Adopts the flows found there that fit `ports`, removes
  /// the others.
  Result<void> attach(DatapathInterface& datapath, PortMap ports);
  void set_ports(PortMap ports);
  [[nodiscard]] PortMap const& ports() const { return ports_; }
  void apply(std::shared_ptr<ForwardingState const> state);

  /// Acts on the packet, learns from it, and may install a flow. A packet that is the daemon's own is returned.
  std::optional<HeartbeatArrival> on_upcall(Upcall const& upcall);
  /// Takes the changes that wait.
  void on_macs_changed();

  /// Every minute: compares with the kernel's flows, keeps the addresses of active ones fresh, removes idle ones.
  Result<void> age(Duration idle = kFlowIdle);
  /// Every second or so: writes that failed are tried again.
  void retry();

  [[nodiscard]] FlowTable const& table() const { return table_; }
  [[nodiscard]] DropCounters const& drops() const { return drops_; }

 private:
  [[nodiscard]] std::optional<Actions> wanted(KnownFlow const& flow) const;
  [[nodiscard]] bool has_moved(PacketKey const& key) const;
  void review();
  void learn(PacketKey const& key);
  void learn_from_adopted();
  void refresh_addresses();
  void install(FlowDecision const& decision, Actions const& actions);
  void install_permanent();
  [[nodiscard]] bool is_permanent(FlowMatch const& match) const;

  Scheduler& scheduler_;
  MacTable& macs_;
  MacChanges& changes_;
  DatapathInterface* datapath_ = nullptr;
  StateView state_;
  PortMap ports_;
  LocalPlaces places_;
  FlowDecider decider_;
  FlowTable table_;
  DropCounters drops_;
  TimePoint last_relief_{};
};

} // namespace weave::datapath::odp
