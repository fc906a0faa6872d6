#include "controller/app/local_ranges.hpp"

#include <utility>

#include "datapath/link/firewall.hpp"

namespace weave::controller {
namespace {

constexpr Duration kCheckInterval = std::chrono::seconds{10};

} // namespace

LocalRanges::LocalRanges(std::unique_ptr<datapath::AddressSet> set, Tell tell, Scheduler& scheduler, Logger logger)
    : set_{std::move(set)}, tell_{std::move(tell)}, scheduler_{scheduler}, logger_{std::move(logger)} {}

void LocalRanges::follow(std::vector<Ipv4Range> const& ranges) {
  wish_ = ipam::covering_cidrs(ranges);
  tell_(wish_);
  if (set_) reconcile();
}

void LocalRanges::watch() {
  timer_ = scheduler_.after(kCheckInterval, [this] { reconcile(); });
}

void LocalRanges::reconcile() {
  watch();
  auto const done = make_so();
  auto const trouble = done ? std::string{} : done.error().text();
  if (trouble == reported_) return;
  reported_ = trouble;
  if (!done) logger_.warning("{}", trouble);
}

Result<void> LocalRanges::make_so() {
  auto const present = set_->entries();
  if (!present) return failure_of(present);
  auto const change = ipam::cidr_change(*present, wish_);
  for (auto const& cidr : change.added) {
    if (auto const added = set_->add(cidr); !added) return added;
  }
  for (auto const& cidr : change.removed) {
    if (auto const removed = set_->remove(cidr); !removed) return removed;
  }
  return {};
}

std::unique_ptr<LocalRanges> make_local_ranges(Scheduler& scheduler, Logger const& logger, LocalRanges::Tell tell) {
  if (datapath::can_have_overlay_table(datapath::kernel_nftables())) {
    return std::make_unique<LocalRanges>(nullptr, std::move(tell), scheduler, logger);
  }
  auto set = datapath::AddressSet::open(std::string{kLocalSet});
  if (set) return std::make_unique<LocalRanges>(*std::move(set), std::move(tell), scheduler, logger);
  logger.warning("--no-masq-local has no effect: {}", set.error().text());
  return nullptr;
}

} // namespace weave::controller
