#include "controller/app/expose_service.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "controller/app/firewall_ports.hpp"
#include "controller/app/firewall_remarks.hpp"
#include "datapath/link/attached_interface.hpp"
#include "datapath/link/firewalld.hpp"
#include "datapath/link/gratuitous_arp.hpp"

namespace weave::controller {
namespace {

constexpr Duration kCheckInterval = std::chrono::seconds{10};
/// The older back end of iptables tells nobody.
constexpr Duration kOlderInterval = std::chrono::milliseconds{250};
/// Whoever loads a ruleset changes it many times.
constexpr Duration kSettling = std::chrono::milliseconds{100};
/// The same where rules of ours may have gone.
constexpr Duration kLossSettling = std::chrono::milliseconds{10};
constexpr Duration kZonePatience = std::chrono::seconds{1};
constexpr Duration kLossRest = std::chrono::milliseconds{250};
/// A check prints all of iptables. Where that takes long and others change it all the time, it shall not take more than
/// a fifth of a processor.
constexpr int kRestPerCheck = 4;
/// Our end of what `weave attach-bridge` makes.
constexpr std::string_view kJoinedPrefix = "vethwebl";
constexpr std::string_view kMasquerade = "masquerade";
constexpr std::string_view kPlain = "plain";
constexpr std::string_view kSeparator = ", ";

using Exposures = std::vector<datapath::Exposure>;

Exposures without(Exposures exposures, Ipv4Address address) {
  std::erase_if(exposures, [&](auto const& each) { return each.address.address == address; });
  return exposures;
}

} // namespace

std::string to_text(Exposures const& exposures) {
  std::string text;
  for (auto const& each : exposures) {
    if (!text.empty()) text += kSeparator;
    text += fmt::format("{} {}", each.address.to_string(), each.masquerade ? kMasquerade : kPlain);
  }
  return text;
}

Result<Exposures> parse_exposures(std::string_view text) {
  Exposures exposures;
  while (!text.empty()) {
    auto const item = text.substr(0, text.find(kSeparator));
    text.remove_prefix(std::min(text.size(), item.size() + kSeparator.size()));
    auto const blank = item.find(' ');
    auto const cidr = Ipv4Cidr::parse(item.substr(0, blank));
    if (!cidr) return failure_of(cidr);
    auto const kind = blank == std::string_view::npos ? std::string_view{} : item.substr(blank + 1);
    if (kind != kMasquerade && kind != kPlain) {
      return failure(ErrorKind::malformed, fmt::format("stored exposure \"{}\"", item));
    }
    exposures.push_back({.address = *cidr, .masquerade = kind == kMasquerade});
  }
  return exposures;
}

Result<std::unique_ptr<ExposeService>> ExposeService::create(Settings settings, Ports ports) {
  auto socket = datapath::RouteSocket::open();
  if (!socket) return failure_of(socket);
  return std::unique_ptr<ExposeService>{new ExposeService{std::move(settings), std::move(ports), std::move(*socket)}};
}

ExposeService::ExposeService(Settings settings, Ports ports, datapath::RouteSocket socket)
    : settings_{std::move(settings)}, ports_{std::move(ports)}, socket_{std::move(socket)} {}

void ExposeService::start() {
  auto const warn = [this](Result<void> const& outcome) {
    if (!outcome) ports_.logger.warning("{}", outcome.error().text());
  };
  warn(datapath::shorten_neighbour_timers(settings_.firewall.bridge));
  warn(adopt());
  warn(put_on_bridge());
  watch_firewall();
  apply(warn);
  watch();
}

Result<void> ExposeService::adopt() {
  auto const bridge = links_.find(settings_.firewall.bridge);
  if (!bridge) return failure_of(bridge);
  auto const present = addresses_.list(bridge->index);
  if (!present) return failure_of(present);
  auto exposures = settings_.exposures;
  for (auto const& each : *present) {
    if (std::ranges::find(exposures, each.address, &datapath::Exposure::address) != exposures.end()) continue;
    ports_.logger.info("bridge {} has address {}: exposed", settings_.firewall.bridge, each.address.to_string());
    exposures.push_back({.address = each.address, .masquerade = true});
  }
  return exposures == settings_.exposures ? Result<void>{} : keep(std::move(exposures));
}

Result<void> ExposeService::put_on_bridge() {
  if (settings_.exposures.empty()) return {};
  auto const bridge = links_.find(settings_.firewall.bridge);
  if (!bridge) return failure_of(bridge);
  auto const present = addresses_.list(bridge->index);
  if (!present) return failure_of(present);
  for (auto const& each : settings_.exposures) {
    datapath::InterfaceAddress const wanted{.link = bridge->index, .address = each.address};
    if (std::ranges::find(*present, wanted) != present->end()) continue;
    if (auto const added = addresses_.add(wanted); !added) return added;
    auto const told = datapath::send_gratuitous_arp(settings_.firewall.bridge, bridge->mac, each.address.address);
    if (!told) return told;
  }
  return {};
}

Result<void> ExposeService::keep(Exposures exposures) {
  if (auto const saved = ports_.save(exposures); !saved) return saved;
  settings_.exposures = std::move(exposures);
  return {};
}

datapath::FirewallWish ExposeService::wish() {
  auto wish = settings_.firewall;
  wish.exposures = settings_.exposures;
  // Without them the rest is worth having.
  for (auto const& link : links_.list().value_or(std::vector<datapath::Link>{})) {
    if (is_docker_bridge(link)) wish.container_bridges.push_back(link.name);
    wish.keep_sources |= link.name.starts_with(kJoinedPrefix);
  }
  std::ranges::sort(wish.container_bridges);
  return wish;
}

void ExposeService::expose(Ipv4Cidr address, bool masquerade, api::Completion<void> done) {
  auto const before = settings_.exposures;
  auto exposures = before;
  auto const known = std::ranges::find(exposures, address, &datapath::Exposure::address);
  bool const fresh = known == exposures.end();
  if (fresh) {
    exposures.push_back({.address = address, .masquerade = masquerade});
  } else {
    known->masquerade = masquerade;
  }
  auto const taken_back = [this, address, fresh, before]() {
    auto left = without(settings_.exposures, address.address);
    auto const old = std::ranges::find(before, address, &datapath::Exposure::address);
    if (old != before.end()) left.push_back(*old);
    (void)keep(std::move(left));
    if (!fresh) return;
    if (auto const bridge = links_.find(settings_.firewall.bridge)) {
      (void)addresses_.remove({.link = bridge->index, .address = address});
    }
  };
  // On disk first: an address on the bridge that nobody remembers could not be told from somebody else's.
  if (auto const kept = keep(std::move(exposures)); !kept) return done(kept);
  if (auto const placed = put_on_bridge(); !placed) {
    taken_back();
    return done(placed);
  }
  apply([this, taken_back, done = std::move(done)](Result<void> applied) {
    if (applied) return done(std::move(applied));
    // An address that does not do what it is for must not stay, nor keep the rules of the others out.
    taken_back();
    apply([done, applied](Result<void> const&) { done(applied); });
  });
}

void ExposeService::hide(Ipv4Address address, api::Completion<void> done) {
  auto const bridge = links_.find(settings_.firewall.bridge);
  if (!bridge) return done(failure_of(bridge));
  auto const present = addresses_.list(bridge->index);
  if (!present) return done(failure_of(present));
  for (auto const& each : *present) {
    if (each.address.address != address) continue;
    if (auto const removed = addresses_.remove(each); !removed) return done(removed);
  }
  if (auto const kept = keep(without(settings_.exposures, address)); !kept) return done(kept);
  // The kernel takes the other addresses of a subnet along with its first.
  if (auto const placed = put_on_bridge(); !placed) return done(placed);
  apply(std::move(done));
}

void ExposeService::apply(api::Completion<void> done) {
  struct Applied {
    Result<void> outcome;
    datapath::FirewallState state;
  };
  auto wanted = wish();
  applied_ = wanted;
  ports_.worker.run<Applied>(
      [firewall = firewall_, wanted = std::move(wanted)] {
        auto outcome = firewall->apply(wanted);
        return Applied{.outcome = std::move(outcome), .state = firewall->state()};
      },
      [this, done = std::move(done)](Applied applied) {
        see(std::move(applied.state));
        done(std::move(applied.outcome));
      });
}

void ExposeService::spare(std::vector<Ipv4Cidr> ranges) {
  if (ranges == settings_.firewall.local_ranges) return;
  settings_.firewall.local_ranges = std::move(ranges);
  apply([this](Result<void> const& applied) { note(applied ? std::string{} : applied.error().text()); });
}

void ExposeService::see(datapath::FirewallState state) {
  if (state.table_refusal && state.table_refusal != state_.table_refusal) {
    ports_.logger.warning("firewall: all rules are in iptables, where a flush opens ports for a moment: {}",
                          state.table_refusal->text());
  }
  state_ = std::move(state);
  if (!state_.firewalld || state_.zoned) zone_obstacle_.clear();
  auto const now = firewall_remarks(state_, settings_.firewall, zone_obstacle_);
  for (auto const& remark : now) {
    if (std::ranges::find(remarks_, remark) != remarks_.end()) continue;
    ports_.logger.warning("{}: {}. Next: {}", remark.what, remark.cause, remark.next);
  }
  remarks_ = now;
  if (state_.firewalld && !state_.zoned && !joining_) join_zone_soon();
}

void ExposeService::join_zone_soon() {
  joining_ = true;
  zone_timer_ = ports_.scheduler.after(zone_obstacle_.empty() ? kZonePatience : kCheckInterval, [this] {
    if (state_.firewalld && !state_.zoned) return join_zone();
    joining_ = false;
  });
}

void ExposeService::join_zone() {
  if (!zone_worker_) zone_worker_ = ports_.worker.sibling();
  zone_worker_->run<Result<void>>([bridge = settings_.firewall.bridge] { return datapath::join_firewalld(bridge); },
                                  [this](Result<void> const& joined) {
                                    joining_ = false;
                                    // One that does not run (any more) rejects nothing.
                                    bool const absent = !joined && joined.error().kind() == ErrorKind::unavailable;
                                    zone_obstacle_ = joined || absent ? std::string{} : joined.error().text();
                                    if (joined) {
                                      ports_.logger.info("firewalld has the bridge {} in its zone {} now",
                                                         settings_.firewall.bridge, datapath::kFirewalldZone);
                                    }
                                    check_soon(true);
                                  });
}

void ExposeService::watch() {
  timer_ = ports_.scheduler.after(kCheckInterval, [this] {
    watch();
    check();
  });
}

/// Others flush iptables (firewalld, an administrator).
void ExposeService::watch_firewall() {
  auto opened = datapath::FirewallWatch::open();
  if (!opened) {
    return ports_.logger.warning("a flushed firewall is noticed within {} s only: {}",
                                 std::chrono::seconds{kCheckInterval / std::chrono::seconds{1}}.count(),
                                 opened.error().text());
  }
  firewall_watch_ = std::make_unique<datapath::FirewallWatch>(std::move(*opened));
  notices_ = ports_.watcher.watch_readable(firewall_watch_->fd(), [this] {
    auto const touched = firewall_watch_->touched();
    if (!touched) {
      ports_.logger.warning("a flushed firewall is not noticed at once any more: {}", touched.error().text());
      return notices_.reset();
    }
    if (*touched != datapath::FirewallTouch::none) check_soon(*touched == datapath::FirewallTouch::loss);
  });
  ask_older_tables();
}

void ExposeService::ask_older_tables() {
  if (firewall_watch_->older_tables_changed()) check_soon(true);
  older_timer_ = ports_.scheduler.after(kOlderInterval, [this] { ask_older_tables(); });
}

void ExposeService::check_soon(bool loss) {
  bool const urgent = loss && !std::exchange(loss_, true);
  loss_ |= loss;
  if ((std::exchange(again_, true) && !urgent) || checking_) return;
  auto const rest = rested_at_ - ports_.scheduler.now();
  auto const delay = loss_ ? std::max(kLossSettling, std::min(rest, kLossRest)) : std::max(kSettling, rest);
  soon_ = ports_.scheduler.after(delay, [this] { check(); });
}

void ExposeService::check() {
  if (checking_) return;
  again_ = loss_ = false;
  if (auto const placed = put_on_bridge(); !placed) return note(placed.error().text());
  checking_ = true;
  auto const began = ports_.scheduler.now();
  ports_.worker.run<Checked>(
      [firewall = firewall_] {
        auto intact = firewall->intact();
        return Checked{.intact = std::move(intact), .state = firewall->state()};
      },
      [this, began](Checked checked) {
        checking_ = false;
        auto const now = ports_.scheduler.now();
        rested_at_ = now + std::min(kRestPerCheck * (now - began), kCheckInterval);
        if (std::exchange(again_, false)) check_soon(std::exchange(loss_, false));
        on_checked(checked);
      });
}

void ExposeService::on_checked(Checked const& checked) {
  if (!checked.intact) return note(checked.intact.error().text());
  see(checked.state);
  bool const other_wish = applied_ != wish();
  if (*checked.intact && !other_wish) return note({});
  apply([this, gone = !*checked.intact](Result<void> const& applied) {
    note(applied ? std::string{} : applied.error().text());
    if (applied && gone) ports_.logger.info("firewall rules of the overlay were gone and are back");
  });
}

void ExposeService::note(std::string obstacle) {
  if (obstacle == obstacle_) return;
  obstacle_ = std::move(obstacle);
  if (!obstacle_.empty()) ports_.logger.warning("{}", obstacle_);
}

} // namespace weave::controller
