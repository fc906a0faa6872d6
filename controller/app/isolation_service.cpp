#include "controller/app/isolation_service.hpp"

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "plugin/network_driver.hpp"

namespace weave::controller {
namespace {

constexpr Duration kRetry = std::chrono::seconds{1};

datapath::IsolatedNetworks networks_of(plugin::IsolationPlan const& plan) {
  datapath::IsolatedNetworks networks;
  for (auto const& [subnet, ports] : plan) {
    auto const first = subnet.network().address;
    auto const last = Ipv4Address{first.value() | ~subnet.mask()};
    networks[subnet] = {
        .first_mac = plugin::mac_of_address(first), .last_mac = plugin::mac_of_address(last), .ports = ports};
  }
  return networks;
}

} // namespace

void IsolationService::ensure(std::function<Result<void>()> apply) {
  ensured_ = std::move(apply);
  restore();
}

Result<void> IsolationService::open() {
  if (isolation_) return {};
  auto opened = datapath::PortIsolation::open();
  if (!opened) return failure_of(opened);
  isolation_.emplace(std::move(*opened));
  watch_ = ports_.watcher.watch_readable(isolation_->fd(), [this] { on_changes(); });
  return {};
}

Result<void> IsolationService::apply(plugin::IsolationPlan const& plan) {
  auto done = put(plan);
  if (done) settle();
  return done;
}

Result<void> IsolationService::put(plugin::IsolationPlan const& plan) {
  if (held_) {
    return failure(ErrorKind::unavailable,
                   "weave has lost its record of networks, and Docker has not told yet which of them are isolated: try "
                   "again in a moment");
  }
  if (plan.empty() && !isolation_) return datapath::remove_isolation();
  if (impossible_) return failure(ErrorKind::refused, *impossible_);
  if (auto opened = open(); !opened) return opened;
  return isolation_->apply(networks_of(plan));
}

void IsolationService::on_changes() {
  auto const disturbed = isolation_->disturbed();
  if (!disturbed) {
    ports_.logger.error("{}: changes of the isolation's rules are not noticed any more", disturbed.error().text());
    return watch_.reset();
  }
  if (!*disturbed) return;
  ports_.logger.warning(
      "somebody changed the rules that keep networks apart (nftables, table bridge {}): putting them "
      "back",
      datapath::kIsolationTable);
  restore();
}

void IsolationService::restore() {
  // A copy: what it calls may end it.
  auto const ensured = ensured_;
  auto const done = ensured ? ensured() : isolation_->restore();
  if (done) return settle();
  if (failed_ != done.error()) {
    ports_.logger.error("isolated networks are not kept apart: {}", done.error().text());
  }
  failed_ = done.error();
  retry_ = ports_.scheduler.after(kRetry, [this] { restore(); });
}

void IsolationService::settle() {
  ensured_ = nullptr;
  failed_.reset();
  retry_.reset();
}

std::optional<std::string> IsolationService::not_ready() const {
  if (!failed_) return std::nullopt;
  return fmt::format("isolated networks are not kept apart: {}", failed_->text());
}

} // namespace weave::controller
