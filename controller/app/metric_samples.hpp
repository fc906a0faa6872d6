#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/api/metric_samples.hpp"
#include "controller/dns/server.hpp"
#include "controller/router/overlay_adapter.hpp"
#include "datapath/tunnel/io/worker_counters.hpp"

namespace weave::controller {

using MetricSamples = std::vector<api::MetricSample>;

/// What Prometheus' clients call `process_…` (protocol/surfaces.md §8).
struct ProcessFacts {
  std::string stat;         ///< of /proc/self/stat
  std::string machine_stat; ///< of /proc/stat
  double ticks_per_second = 0;
  double page_size = 0; ///< bytes
  double open_files = 0;
  double max_files = 0;
};

/// Reads them. What cannot be read stays empty.
[[nodiscard]] ProcessFacts process_facts();
/// The text of /proc/self/net/dev; empty if it cannot be read.
[[nodiscard]] std::string device_table();

// Pure. Times and sizes are in seconds and bytes.

/// Empty if the texts are none of the kernel's.
[[nodiscard]] MetricSamples process_samples(ProcessFacts const& facts);
/// Of the bridge, the user port and the tunnels.
[[nodiscard]] MetricSamples device_samples(std::string_view table, std::string_view bridge);
/// The user-space path: frames and packets each way, and what was dropped, by reason.
[[nodiscard]] MetricSamples sleeve_samples(datapath::WorkerCounters const& counters);
/// The kernel's path, of FastPath::statistics(): upcalls, flows, heartbeats and what was dropped, by reason. Only what
/// this path has.
[[nodiscard]] MetricSamples fast_path_samples(std::vector<std::pair<std::string, std::uint64_t>> const& statistics);
/// Round trip, loss and probes of each path to each neighbour. A loss that is not known has no sample.
[[nodiscard]] MetricSamples path_samples(std::vector<router::PathStatus> const& paths);
[[nodiscard]] MetricSamples dns_samples(dns::ServerStatistics const& statistics);

} // namespace weave::controller
