#include "datapath/tunnel/path_mtu.hpp"

#include <algorithm>
#include <utility>

namespace weave::datapath {

PathMtuSearch::PathMtuSearch(Scheduler& scheduler, Effects effects, Config config)
    : scheduler_{scheduler},
      effects_{std::move(effects)},
      config_{config},
      sizes_{config.encrypted},
      smallest_{std::min(config.floor, sizes_.mtu(kSmallestPathMtu))} {}

void PathMtuSearch::too_big(std::uint32_t path_mtu) {
  auto const mtu = sizes_.mtu(path_mtu);
  // Nothing that fits can have been refused: such a report is older than what is known by now.
  if (mtu >= (searching() ? candidate_ : mtu_)) return;
  good_is_acknowledged_ = false;
  use(mtu);
  search(std::min(config_.floor, mtu), mtu + 1, mtu);
}

void PathMtuSearch::acknowledged(std::uint32_t mtu) {
  if (!searching() || mtu != candidate_) return;
  high_good_ = candidate_;
  good_is_acknowledged_ = true;
  next();
}

void PathMtuSearch::search(std::uint32_t high_good, std::uint32_t low_bad, std::uint32_t candidate) {
  high_good_ = high_good;
  low_bad_ = low_bad;
  candidate_ = candidate;
  probes_ = 0;
  send_probe();
}

void PathMtuSearch::next() {
  if (high_good_ + 1 < low_bad_) {
    search(high_good_, low_bad_, (high_good_ + low_bad_) / 2);
    return;
  }
  if (config_.search_below_floor && !good_is_acknowledged_ && high_good_ > smallest_) {
    auto const unproven = high_good_;
    use(unproven);
    search(smallest_, unproven + 1, unproven);
    return;
  }
  finish(high_good_);
}

void PathMtuSearch::finish(std::uint32_t mtu) {
  candidate_ = 0;
  timer_.reset();
  use(mtu);
  effects_.verified();
}

void PathMtuSearch::send_probe() {
  auto const delay = kFirstTimeout * (1 << probes_);
  ++probes_;
  timer_ = scheduler_.after(delay, [this] { probe_timed_out(); });
  effects_.probe(candidate_);
}

void PathMtuSearch::probe_timed_out() {
  if (probes_ < kProbes) {
    send_probe();
    return;
  }
  low_bad_ = candidate_;
  next();
}

void PathMtuSearch::use(std::uint32_t mtu) {
  auto const max_payload = sizes_.max_payload(mtu);
  if (mtu == mtu_ && max_payload == max_payload_) return;
  mtu_ = mtu;
  max_payload_ = max_payload;
  effects_.changed();
}

} // namespace weave::datapath
