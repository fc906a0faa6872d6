#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/logger.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/scheduler.hpp"
#include "datapath/ipsec/policy_plan.hpp"
#include "datapath/ipsec/xfrm.hpp"

namespace weave::datapath::ipsec {

/// One connection's part in the protection of VXLAN.
class Protected {
 public:
  virtual ~Protected() = default;

  [[nodiscard]] virtual TunnelClaim claim() const = 0;
  /// Which associations in the kernel are this connection's.
  [[nodiscard]] virtual std::vector<AssociationId> associations() const = 0;
  /// Those of them that the kernel does not have (any more).
  virtual void on_lost(std::vector<AssociationId> const& lost) = 0;
};

/// Keeps VXLAN encrypted on a host with a password: no packet leaves in clear, and none is taken, but between ends that
/// trust the network (protocol/datapath.md §7). What the kernel has is compared with what it must have at the start,
/// each minute and after each change by others: what is missing is made again, what an earlier process of ours has
/// left is removed, but for what blocks. Destroying it leaves everything in the kernel as it is. Control thread only.
class Protection {
 public:
  struct Dependencies {
    Xfrm& kernel;
    Scheduler& scheduler;
    RandomSource& random;
    Logger logger;
    PeerName self;
  };
  static constexpr Duration kAudit = std::chrono::minutes{1};
  /// Between two comparisons for changes: other IPsec software changes its own all the time.
  static constexpr Duration kCalm = std::chrono::milliseconds{100};

  /// All dependencies outlive it.
  explicit Protection(Dependencies dependencies) : dependencies_{std::move(dependencies)} {}
  Protection(Protection const&) = delete;
  Protection& operator=(Protection const&) = delete;

  /// Before VXLAN is opened on this port; `sources`: this host's addresses as they are known now. Nothing clear leaves
  /// from them afterwards, whatever an earlier process has left in the kernel.
  [[nodiscard]] Result<void> start(std::set<Ipv4Address> sources, std::uint16_t udp_port);
  /// Before VXLAN is opened on another port or a connection with these ends is used. Idempotent.
  [[nodiscard]] Result<void> cover(TunnelEndpoints const& ends);
  /// Something in the kernel has been changed by others.
  void on_change();
  /// Removes everything from the kernel; from here on nothing is put there. Only when nothing sends VXLAN any more.
  [[nodiscard]] Result<void> stop();

  /// `link` stays until removed. `update`: its claim has changed.
  void add(Protected& link) { links_.push_back(&link); }
  void remove(Protected& link) { std::erase(links_, &link); }
  [[nodiscard]] Result<void> update();

  [[nodiscard]] Dependencies const& dependencies() const { return dependencies_; }
  [[nodiscard]] bool stopped() const { return stopped_; }

 private:
  [[nodiscard]] Result<void> audit();
  void repeat_audit();
  void adopt_blocks();
  [[nodiscard]] Result<void> bring_to_wanted();
  [[nodiscard]] Result<void> compare_associations(std::vector<AssociationId> const& found);
  void report(Result<void> const& outcome);

  Dependencies dependencies_;
  PolicyNeeds needs_;
  std::vector<Protected*> links_;
  /// As the kernel has them, to our knowledge.
  std::map<PolicyId, Policy> installed_;
  std::string said_;
  bool stopped_ = false;
  bool audit_pending_ = false;
  std::optional<TimePoint> last_audit_;
  Timer change_timer_;
  Timer audit_timer_;
};

/// Takes all of ours out of the kernel. Goes on after a failure and reports the first.
[[nodiscard]] Result<void> remove_everything(Xfrm& kernel);

} // namespace weave::datapath::ipsec
