#include "datapath/link/isolation.hpp"

#include <algorithm>
#include <linux/netfilter.h>
#include <utility>

namespace weave::datapath {

Result<PortIsolation> PortIsolation::open() {
  auto watch = NftablesWatch::open({{.family = NFPROTO_BRIDGE, .name = std::string{kIsolationTable}}});
  if (!watch) return failure_of(watch);
  auto nftables = Nftables::open();
  if (!nftables) return failure_of(nftables);
  return PortIsolation{std::move(*nftables), std::move(*watch)};
}

Result<void> PortIsolation::run(std::string const& script) {
  auto const done = nftables_.run(script);
  return done ? Result<void>{} : failure_of(done);
}

Result<void> PortIsolation::apply(IsolatedNetworks wanted) {
  if (applied_ == wanted) return {};
  auto const changes = applied_ && !wanted.empty() ? isolation_changes(*applied_, wanted) : std::nullopt;
  if (!changes || !run(*changes)) {
    // Also where somebody has just taken away what the changes build on.
    auto done = wanted.empty() ? remove() : run(isolation_script(wanted));
    if (!done) return done;
  }
  if (!wanted.empty()) ++own_;
  wanted_ = wanted;
  applied_ = std::move(wanted);
  return {};
}

Result<void> PortIsolation::restore() {
  if (!wanted_) return {};
  // Whoever asks for the same before this succeeds must not be told that it is in force.
  applied_.reset();
  return apply(*wanted_);
}

Result<void> PortIsolation::remove() {
  auto removed = run(isolation_removal());
  if (removed) {
    ++own_;
    return {};
  }
  return run(isolation_listing()) ? removed : Result<void>{};
}

Result<bool> PortIsolation::disturbed() {
  auto const seen = watch_.read();
  if (!seen) return failure_of(seen);
  auto const expected = std::exchange(own_, 0);
  if (!*seen) return true;
  if (**seen <= expected) own_ = expected - **seen;
  return **seen > expected;
}

bool is_isolation_there() {
  auto nftables = Nftables::open();
  return nftables && nftables->run(isolation_listing());
}

Result<void> remove_isolation() {
  auto isolation = PortIsolation::open();
  // Where there are no nftables, there is no table.
  return isolation ? isolation->apply({}) : Result<void>{};
}

} // namespace weave::datapath
