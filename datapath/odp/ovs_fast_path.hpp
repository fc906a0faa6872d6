#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/logger.hpp"
#include "base/result.hpp"
#include "base/scheduler.hpp"
#include "datapath/bridge/mac_table.hpp"
#include "datapath/fastpath/fast_path.hpp"
#include "datapath/link/links.hpp"
#include "datapath/odp/datapath_interface.hpp"
#include "datapath/odp/fault_log.hpp"
#include "datapath/odp/flow_keeper.hpp"
#include "datapath/odp/format.hpp"
#include "datapath/odp/mac_changes.hpp"
#include "datapath/odp/ovs_devices.hpp"
#include "datapath/odp/port_keeper.hpp"

namespace weave::datapath::odp {

/// The fast path through an Open vSwitch kernel datapath (protocol/datapath.md §5):
///
///   containers - Linux bridge - vethwe-bridge/vethwe-datapath - datapath - { vethwe-user, vxlan-<port>, … }
///
/// or, without a bridge, containers as vports of the datapath. Packets without a flow are decided here once, and by
/// flows from then on; see FlowKeeper. What others break (datapath, vports, devices, flows deleted, buffers overrun) is
/// made again within a second, said once when it begins and once when it is over. on_failed comes only when the
/// datapath cannot be made again for kGiveUp. Kernel state outlives this object.
class OvsFastPath final : public FastPath {
 public:
  struct Dependencies {
    Scheduler& scheduler;
    Logger logger;
    /// For a datapath of this name; owned, see KernelOvsDevices.
    std::unique_ptr<OvsDevices> devices;
    /// Opens the datapath, which is made if there is none; asked again after it was deleted.
    std::function<Result<std::unique_ptr<DatapathInterface>>()> open;
    /// Any thread; runs the call on the control thread.
    std::function<void(std::function<void()>)> post;
    /// For flows() to describe what somebody else has put into the datapath.
    RawWords words = {};
  };
  struct Config {
    PeerName self;
    std::string datapath = "datapath";
    /// False: there is no Linux bridge, containers are plugged in by plug_in_container().
    bool bridged = true;
  };

  static constexpr Duration kAudit = std::chrono::seconds{1};
  static constexpr Duration kAgeInterval = std::chrono::minutes{1};
  static constexpr Duration kRebuildRetry = std::chrono::milliseconds{200};
  static constexpr Duration kGiveUp = std::chrono::seconds{2};

  /// Opens the datapath, plugs it into the bridge and adopts what an earlier process has left. Errors as of
  /// DatapathInterface; nothing may be used then.
  [[nodiscard]] static Result<std::unique_ptr<OvsFastPath>> create(Dependencies dependencies, Config config);
  ~OvsFastPath() override;

  /// Where there is no bridge: makes a device, the host end of a container's veth pair, a port for as long as it
  /// exists, also when the datapath has to be made again. Idempotent. not_found: no such device.
  [[nodiscard]] Result<void> plug_in_container(std::string const& device);

  [[nodiscard]] std::string_view name() const override { return "openvswitch"; }
  void start(FastPathEvents events) override;
  [[nodiscard]] Result<void> attach_user_port(std::string const& device) override;
  [[nodiscard]] Result<void> open_tunnel_port(std::uint16_t udp_port) override;
  void apply(std::shared_ptr<ForwardingState const> state) override;
  [[nodiscard]] Result<void> send_heartbeat(TunnelEndpoints const& endpoints, TunnelId ids, ByteView frame) override;
  [[nodiscard]] MacLearning& macs() override { return macs_; }
  [[nodiscard]] Result<std::vector<FlowDescription>> flows() override;
  [[nodiscard]] Result<std::vector<PortDescription>> ports() override;
  [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> statistics() override;

 private:
  OvsFastPath(Dependencies dependencies, Config config);

  /// Runs `call` later on the control thread, unless this object has gone.
  void later(std::function<void()> call);
  [[nodiscard]] Result<void> open();
  [[nodiscard]] DatapathEvents events();
  void on_upcall(Upcall const& upcall);
  void on_ports_changed();
  void on_deleted();
  void on_overrun();
  void sync_ports();
  void report_ports();
  void rebuild();
  void give_up(Error const& error);
  void audit();
  void age();

  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  Dependencies dependencies_;
  Config config_;
  FaultLog faults_;
  FastPathEvents report_;
  MacChanges changes_;
  MacTable macs_;
  PortKeeper plugs_;
  FlowKeeper keeper_;
  std::unique_ptr<DatapathInterface> datapath_;
  struct {
    std::uint64_t upcalls = 0;
    std::uint64_t heartbeats = 0;
    std::uint64_t overruns = 0;
    std::uint64_t rebuilds = 0;
  } counters_;
  /// When the datapath was found missing; absent: it is there.
  std::optional<TimePoint> lost_since_;
  bool failed_ = false;
  bool sync_pending_ = false;
  TimePoint last_overrun_{};
  Timer audit_timer_;
  Timer age_timer_;
  Timer rebuild_timer_;
};

/// Deletes what a fast path of this kind leaves: VXLAN devices with our mark, the veth pair and the datapath, for which
/// `delete_datapath` is called. Goes on after a failure and reports the first.
[[nodiscard]] Result<void> remove_ovs_path(Links& links, std::function<Result<void>()> const& delete_datapath);

} // namespace weave::datapath::odp
