#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/logger.hpp"
#include "base/scheduler.hpp"
#include "controller/ipam/range_tracker.hpp"
#include "datapath/link/address_set.hpp"

namespace weave::controller {

/// The kernel's set that rules of the firewall refer to, and what GET /ipinfo/tracker calls whoever keeps it.
inline constexpr std::string_view kLocalSet = "weaver-no-masq-local";
inline constexpr std::string_view kLocalTracker = "no-masq-local";

/// Tells the firewall which subnets the ring gives to this host (`--no-masq-local`), and keeps a set in the kernel at
/// them where the firewall can only be told by one: at start whatever an earlier daemon has left in it, and every ten
/// seconds whatever others have done to it. Control thread. A failure is logged once and tried again.
class LocalRanges final : public ipam::RangeTracker {
 public:
  using Tell = std::function<void(std::vector<Ipv4Cidr>)>;

  /// `set` may be none.
  LocalRanges(std::unique_ptr<datapath::AddressSet> set, Tell tell, Scheduler& scheduler, Logger logger);

  void follow(std::vector<Ipv4Range> const& ranges) override;

 private:
  void watch();
  void reconcile();
  [[nodiscard]] Result<void> make_so();

  std::unique_ptr<datapath::AddressSet> set_;
  Tell tell_;
  Scheduler& scheduler_;
  Logger logger_;
  std::vector<Ipv4Cidr> wish_;
  std::string reported_;
  Timer timer_;
};

/// Nothing, and a warning, where the kernel can neither keep them in a table of nftables nor has such sets.
[[nodiscard]] std::unique_ptr<LocalRanges> make_local_ranges(Scheduler& scheduler, Logger const& logger,
                                                             LocalRanges::Tell tell);

} // namespace weave::controller
