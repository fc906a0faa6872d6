#include "datapath/link/firewall.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "datapath/link/iptables_rules.hpp"
#include "datapath/link/overlay_table_script.hpp"

namespace weave::datapath {
namespace {

constexpr std::string_view kNft = "iptables-nft";
constexpr std::string_view kLegacy = "iptables-legacy";
/// Of before there were two kinds.
constexpr std::string_view kOnly = "iptables";

/// What iptables ends with when somebody else has its lock for too long.
constexpr int kLockHeld = 4;

std::string first_line(std::string_view text) { return std::string{text.substr(0, text.find('\n'))}; }

Error refusal(std::string_view program, CommandResult const& result) {
  return Error{ErrorKind::system,
               fmt::format("{} failed (exit status {}): {}", program, result.status, first_line(result.errors))};
}

std::string_view kind_of(std::string_view version) {
  if (version.find("nf_tables") != std::string_view::npos) return kNft;
  return version.find("legacy") != std::string_view::npos ? kLegacy : kOnly;
}

/// Whether a rule of firewalld's leads what comes from the interface to one of its zones.
bool names_zone(std::string_view rules, std::string_view bridge) {
  return rules.find(fmt::format("iifname \"{}\" goto ", bridge)) != std::string_view::npos ||
         rules.find(fmt::format("_ZONES -i {} -g ", bridge)) != std::string_view::npos;
}

} // namespace

Result<std::string> OverlayFirewall::saved(std::string const& name) const {
  auto const program = name + "-save";
  auto result = converse_({program}, {});
  if (!result) return failure_of(result);
  if (result->status != 0) return std::unexpected{refusal(program, *result)};
  return std::move(result->output);
}

Result<void> OverlayFirewall::restore(std::string const& name, std::string const& script, int* status) const {
  auto const program = name + "-restore";
  auto const result = converse_({program, "-w", "5", "--noflush"}, script);
  if (!result) return failure_of(result);
  if (status != nullptr) *status = result->status;
  if (result->status != 0) return std::unexpected{refusal(program, *result)};
  return {};
}

std::string OverlayFirewall::table() const { return nftables_(overlay_table_query()).value_or(std::string{}); }

Result<void> OverlayFirewall::find_usual() {
  usual_.clear();
  auto const version = converse_({std::string{kOnly}, "--version"}, {});
  if (!version) return version.error().kind() == ErrorKind::not_found ? Result<void>{} : failure_of(version);
  usual_ = kind_of(version->output);
  return {};
}

Result<std::vector<OverlayFirewall::Kind>> OverlayFirewall::kinds() const {
  std::vector<Kind> kinds;
  if (usual_.empty()) return kinds;
  auto own = saved(usual_);
  if (!own) return failure_of(own);
  kinds.push_back({.name = usual_, .saved = std::move(*own)});
  if (usual_ != kOnly) {
    std::string const other{usual_ == kNft ? kLegacy : kNft};
    // Kernels without it have no rules of it.
    if (auto rules = saved(other)) kinds.push_back({.name = other, .saved = std::move(*rules)});
  }
  for (auto& kind : kinds) kind.chosen = iptables_filter(kind.saved);
  if (std::ranges::none_of(kinds, &Kind::chosen)) kinds.front().chosen = true;
  return kinds;
}

void OverlayFirewall::look_around(std::vector<Kind> const& kinds, std::string const& bridge) {
  state_.iptables.clear();
  for (auto const& kind : kinds) {
    if (kind.chosen) state_.iptables.push_back(kind.name);
  }
  state_.mixed = state_.iptables.size() > 1;
  state_.foreign = read_foreign_tables(nftables_("list chains\n").value_or(std::string{}));
  auto const holder = std::ranges::find_if(kinds, [](Kind const& kind) { return iptables_have_firewalld(kind.saved); });
  state_.firewalld = state_.foreign.firewalld || holder != kinds.end();
  state_.zoned = holder != kinds.end() ? names_zone(holder->saved, bridge)
                                       : state_.foreign.firewalld &&
                                             names_zone(nftables_("list table inet firewalld\n").value_or(""), bridge);
}

OverlayFirewall::Left OverlayFirewall::left_in(std::string table, std::vector<Kind> const& kinds) {
  Left left{.table = std::move(table), .iptables = {}};
  for (auto const& kind : kinds) {
    left.iptables.push_back({.name = kind.name, .chosen = kind.chosen, .rules = own_iptables_rules(kind.saved)});
  }
  return left;
}

Result<void> OverlayFirewall::apply_iptables(FirewallWish const& wish, Kind& kind) {
  if (!kind.chosen) {
    auto const script = iptables_removal(kind.saved);
    return script.empty() ? Result<void>{} : restore(kind.name, script);
  }
  auto const share = state_.table_refusal ? IptablesShare::everything : IptablesShare::accepts;
  int status = 0;
  kind.script = iptables_script(wish, kind.saved, share);
  auto restored = restore(kind.name, kind.script, &status);
  bool const has_set = share == IptablesShare::everything && wants_masquerading(wish) && !wish.local_set.empty();
  if (!restored && has_set && status != 0 && status != kLockHeld) {
    // The rest of the rules is worth more than this one.
    auto plain = wish;
    plain.local_set.clear();
    state_.set_refusal = restored.error();
    kind.script = iptables_script(plain, kind.saved, share);
    restored = restore(kind.name, kind.script);
  }
  return restored;
}

Result<void> OverlayFirewall::apply(FirewallWish const& wish) {
  left_.reset();
  bridge_ = wish.bridge;
  state_ = {};
  auto const script = overlay_table_script(wish);
  if (auto const done = nftables_(script); !done) {
    state_.table_refusal = done.error();
    // What an earlier one wanted must not stay in force beside what iptables does now.
    (void)nftables_(overlay_table_removal());
  }
  if (auto const found = find_usual(); !found) return found;
  auto before = kinds();
  if (!before) return failure_of(before);
  if (before->empty() && state_.table_refusal && wants_masquerading(wish)) {
    return failure(ErrorKind::not_found, "addresses cannot be masqueraded: iptables is not installed on this host");
  }
  Result<void> outcome;
  for (auto& kind : *before) {
    if (auto const done = apply_iptables(wish, kind); !done) outcome = done;
  }
  if (!outcome) return outcome;
  auto const after = kinds();
  if (!after) return failure_of(after);
  look_around(*after, wish.bridge);
  auto left = left_in(table(), *after);
  // Otherwise somebody was there in between, which must not pass for what we left.
  if (is_whole(left, script, *before, *after)) left_ = std::move(left);
  return {};
}

bool OverlayFirewall::is_whole(Left const& left, std::string_view script, std::vector<Kind> const& before,
                               std::vector<Kind> const& after) const {
  if (!state_.table_refusal && count_overlay_rules(left.table) != count_overlay_rules(script)) return false;
  return std::ranges::equal(before, after, [](Kind const& was, Kind const& is) {
    return was.name == is.name && was.chosen == is.chosen && iptables_hold(is.saved, was.script);
  });
}

Result<bool> OverlayFirewall::intact() {
  auto const now = kinds();
  if (!now) return failure_of(now);
  look_around(*now, bridge_);
  return left_in(table(), *now) == left_;
}

Result<void> OverlayFirewall::remove() {
  left_.reset();
  (void)nftables_(overlay_table_removal());
  if (auto const found = find_usual(); !found) return found;
  auto const now = kinds();
  if (!now) return failure_of(now);
  Result<void> outcome;
  for (auto const& kind : *now) {
    auto const script = iptables_removal(kind.saved);
    if (script.empty()) continue;
    if (auto const done = restore(kind.name, script); !done) outcome = done;
  }
  return outcome;
}

bool can_have_overlay_table(RunNftables const& nftables) {
  FirewallWish const everything{.bridge = "weave",
                                .docker_bridge = "docker0",
                                .exposures = {{.address = {Ipv4Address{0x0a000001}, 24}}},
                                .local_ranges = {{Ipv4Address{0x0a000000}, 24}},
                                .tcp_ports = {1},
                                .loopback_ports = {1}};
  constexpr std::string_view kAttempt = "weave-attempt";
  return nftables(overlay_table_script(everything, kAttempt) + overlay_table_removal(kAttempt)).has_value();
}

} // namespace weave::datapath
