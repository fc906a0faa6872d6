#include "controller/api/metrics_text.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace weave::controller::api {
namespace {

class Exposition {
 public:
  /// A metric without labels.
  template <class Number>
  void add(std::string_view name, std::string_view type, std::string_view help, Number value) {
    head(name, type, help);
    line(name, value);
  }
  void head(std::string_view name, std::string_view type, std::string_view help) {
    fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  template <class Number>
  void line(std::string_view name_and_labels, Number value) {
    fmt::format_to(std::back_inserter(text_), "{} {}\n", name_and_labels, value);
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string_view type_of(ConnectionStatus const& connection) {
  using enum ConnectionState;
  bool const has_overlay = connection.state == established || connection.state == pending;
  return has_overlay && !connection.overlay.empty() ? std::string_view{connection.overlay} : "unknown";
}

void add_router(Exposition& out, RouterStatus const& router) {
  std::map<std::pair<std::string_view, std::string_view>, std::map<std::string_view, int>> counts;
  for (auto const& connection : router.connections) {
    auto& by_encryption = counts[{to_string(connection.state), type_of(connection)}];
    // Both rows of what occurs at all, so that a change does not make one vanish.
    by_encryption.try_emplace("", 0);
    by_encryption.try_emplace("yes", 0);
    ++by_encryption[connection.encrypted.value_or(false) ? "yes" : ""];
  }
  out.head("weave_connections", "gauge", "Number of peer-to-peer connections.");
  for (auto const& [key, by_encryption] : counts) {
    for (auto const& [encryption, count] : by_encryption) {
      out.line(fmt::format("weave_connections{{encryption=\"{}\",state=\"{}\",type=\"{}\"}}", encryption, key.first,
                           key.second),
               count);
    }
  }
  out.add("weave_connection_terminations_total", "counter", "Number of peer-to-peer connections terminated.",
          router.termination_count);
  if (!router.fast_path) return;
  out.add("weave_flows", "gauge", "Number of flows of the kernel fast path.", router.fast_path->flows.size());
}

void add_ipam(Exposition& out, IpamStatus const& ipam) {
  std::set<PeerName> unreachable;
  std::uint64_t lost = 0;
  for (auto const& entry : ipam.entries) {
    if (entry.is_known_peer) continue;
    unreachable.insert(entry.peer);
    lost += entry.size;
  }
  auto const share =
      ipam.range_addresses == 0 ? 0.0 : 100.0 * static_cast<double>(lost) / static_cast<double>(ipam.range_addresses);
  out.head("weave_ips", "gauge", "Number of IP addresses.");
  out.line("weave_ips{state=\"local-used\"}", ipam.active_addresses);
  out.add("weave_max_ips", "gauge", "Size of IP address space used by allocator.", ipam.range_addresses);
  out.add("weave_ipam_unreachable_count", "gauge", "Number of unreachable peers that own IP addresses.",
          unreachable.size());
  out.add("weave_ipam_unreachable_percentage", "gauge", "Percentage of all IP addresses owned by unreachable peers.",
          share);
  out.add("weave_ipam_pending_allocates", "gauge", "Number of pending allocates.", ipam.pending_allocates.size());
  out.add("weave_ipam_pending_claims", "gauge", "Number of pending claims.", ipam.pending_claims.size());
}

std::ptrdiff_t own_names(StatusReport const& report) {
  return std::ranges::count_if(report.dns->entries, [&](DnsEntryStatus const& entry) {
    return entry.tombstone == 0 && (!report.router || entry.origin == report.router->name);
  });
}

void add_samples(Exposition& out, std::vector<MetricSample> const& samples) {
  std::string_view family;
  for (auto const& sample : samples) {
    if (sample.family != family) out.head(sample.family, sample.type, sample.help);
    family = sample.family;
    auto const labels = sample.labels.empty() ? std::string{} : fmt::format("{{{}}}", sample.labels);
    out.line(fmt::format("{}{}{}", sample.family, sample.suffix, labels), sample.value);
  }
}

} // namespace

std::string metrics_text(StatusReport const& report, std::vector<MetricSample> const& samples) {
  Exposition out;
  if (report.router) add_router(out, *report.router);
  if (report.ipam) add_ipam(out, *report.ipam);
  if (report.dns) out.add("weave_dns_entries", "gauge", "Number of DNS entries of this peer.", own_names(report));
  add_samples(out, samples);
  return out.take();
}

} // namespace weave::controller::api
