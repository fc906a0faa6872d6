#include "controller/app/metric_samples.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sys/resource.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "base/whole_file.hpp"
#include "datapath/bridge/drop_reason.hpp"
#include "datapath/link/overlay_bridge.hpp"

namespace weave::controller {
namespace {

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\n"), text.size()));
    if (text.empty()) return words;
    auto const word = text.substr(0, text.find_first_of(" \t\n"));
    words.push_back(word);
    text.remove_prefix(word.size());
  }
}

double number_of(std::string_view word) {
  std::uint64_t number = 0;
  std::from_chars(word.data(), word.data() + word.size(), number);
  return static_cast<double>(number);
}

/// Samples of one family that differ in one label.
class Family {
 public:
  Family(MetricSamples& samples, std::string_view name, std::string_view help, std::string_view label)
      : samples_{samples}, name_{name}, help_{help}, label_{label} {}

  void count(std::string_view value, std::uint64_t count) {
    count_labels(fmt::format("{}=\"{}\"", label_, value), count);
  }
  void count_labels(std::string labels, std::uint64_t count) {
    samples_.push_back({name_, "counter", help_, std::move(labels), static_cast<double>(count)});
  }

 private:
  MetricSamples& samples_;
  std::string_view name_;
  std::string_view help_;
  std::string_view label_;
};

/// The reason in `Dropped.no_route` or `DroppedNoRoute`, as `no_route`; empty for other counters.
std::string drop_reason_of(std::string_view name) {
  constexpr std::string_view kDropped = "Dropped";
  if (!name.starts_with(kDropped)) return {};
  std::string reason;
  for (char const c : name.substr(kDropped.size())) {
    if (c == '.') continue;
    bool const is_upper = c >= 'A' && c <= 'Z';
    if (is_upper && !reason.empty()) reason += '_';
    reason += is_upper ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return reason;
}

void add_latency(MetricSamples& samples, std::string_view source, dns::LatencyCounts const& counts) {
  auto const add = [&](std::string_view suffix, std::string labels, double value) {
    samples.push_back({"weave_dns_answer_seconds", "histogram",
                       "Time until a question over UDP was answered, by where the answer came from.", std::move(labels),
                       value, suffix});
  };
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < counts.classes.size(); ++i) {
    total += counts.classes[i];
    auto const bound = i < dns::kLatencyBounds.size() ? fmt::format("{}", dns::kLatencyBounds[i] / 1e6) : "+Inf";
    add("_bucket", fmt::format("le=\"{}\",source=\"{}\"", bound, source), static_cast<double>(total));
  }
  auto const label = fmt::format("source=\"{}\"", source);
  add("_sum", label, std::chrono::duration<double>{counts.sum}.count());
  add("_count", label, static_cast<double>(total));
}

std::optional<double> seconds_of(std::optional<Duration> duration) {
  if (!duration) return std::nullopt;
  return std::chrono::duration<double>{*duration}.count();
}

/// A name that comes from another host, as the text format can hold it.
std::string label_value(std::string_view text) {
  constexpr std::size_t kLongest = 64;
  std::string value;
  for (char const c : text.substr(0, kLongest)) {
    if (c == '"' || c == '\\') value += '\\';
    value += c >= ' ' && c <= '~' ? c : '?';
  }
  return value;
}

std::string path_labels(router::PathStatus const& path) {
  return fmt::format("nickname=\"{}\",path=\"{}\",peer=\"{}\"", label_value(path.nickname), path.path,
                     path.peer.to_string());
}

} // namespace

ProcessFacts process_facts() {
  ProcessFacts facts{.stat = whole_file("/proc/self/stat"),
                     .machine_stat = whole_file("/proc/stat"),
                     .ticks_per_second = static_cast<double>(::sysconf(_SC_CLK_TCK)),
                     .page_size = static_cast<double>(::sysconf(_SC_PAGESIZE))};
  std::error_code error;
  std::filesystem::directory_iterator const files{"/proc/self/fd", error};
  if (!error) facts.open_files = static_cast<double>(std::distance(begin(files), end(files)) - 1); // its own
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) facts.max_files = static_cast<double>(limit.rlim_cur);
  return facts;
}

std::string device_table() { return whole_file("/proc/self/net/dev"); }

MetricSamples process_samples(ProcessFacts const& facts) {
  // The program's name, in parentheses, may have blanks; proc(5) numbers what follows from 3.
  auto const name_end = facts.stat.rfind(')');
  auto const boot = facts.machine_stat.find("\nbtime ");
  if (name_end == std::string::npos || boot == std::string::npos) return {};
  auto const words = words_of(std::string_view{facts.stat}.substr(name_end + 1));
  auto const field = [&words](std::size_t number) {
    return words.size() > number - 3 ? number_of(words[number - 3]) : 0;
  };
  auto const boot_words = words_of(std::string_view{facts.machine_stat}.substr(boot));
  return {
      {"process_cpu_seconds_total", "counter", "Processor time used.", "",
       (field(14) + field(15)) / facts.ticks_per_second},
      {"process_max_fds", "gauge", "Maximum number of open files.", "", facts.max_files},
      {"process_open_fds", "gauge", "Number of open files.", "", facts.open_files},
      {"process_resident_memory_bytes", "gauge", "Resident memory.", "", field(24) * facts.page_size},
      {"process_start_time_seconds", "gauge", "Start of the process, since 1970.", "",
       number_of(boot_words.at(1)) + field(22) / facts.ticks_per_second},
      {"process_virtual_memory_bytes", "gauge", "Virtual memory.", "", field(23)},
  };
}

MetricSamples device_samples(std::string_view table, std::string_view bridge) {
  struct Column {
    std::string_view family;
    std::string_view help;
    std::size_t word;
  };
  constexpr std::array kColumns{
      Column{"weave_device_receive_bytes_total", "Received by a network device of weave.", 0},
      Column{"weave_device_receive_packets_total", "Packets received by a network device of weave.", 1},
      Column{"weave_device_receive_drop_total", "Packets that a network device of weave dropped on receipt.", 3},
      Column{"weave_device_transmit_bytes_total", "Sent by a network device of weave.", 8},
      Column{"weave_device_transmit_packets_total", "Packets sent by a network device of weave.", 9},
      Column{"weave_device_transmit_drop_total", "Packets that a network device of weave dropped instead of sending.",
             11},
  };
  auto const is_ours = [bridge](std::string_view name) {
    return name == bridge || name == datapath::kUserPortName || name.starts_with("vxlan-");
  };
  std::vector<std::pair<std::string_view, std::vector<std::string_view>>> rows;
  while (!table.empty()) {
    auto const line = table.substr(0, table.find('\n'));
    table.remove_prefix(std::min(line.size() + 1, table.size()));
    auto const colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    auto const name = words_of(line.substr(0, colon));
    auto words = words_of(line.substr(colon + 1));
    if (name.size() != 1 || words.size() < 16 || !is_ours(name[0])) continue;
    rows.emplace_back(name[0], std::move(words));
  }
  MetricSamples samples;
  for (auto const& column : kColumns) {
    for (auto const& [name, words] : rows) {
      samples.push_back(
          {column.family, "counter", column.help, fmt::format("device=\"{}\"", name), number_of(words[column.word])});
    }
  }
  return samples;
}

MetricSamples sleeve_samples(datapath::WorkerCounters const& counters) {
  MetricSamples samples;
  Family frames{samples, "weave_sleeve_frames_total", "Containers' frames that passed in user space.", "direction"};
  frames.count("received", counters.received_frames.value());
  frames.count("sent", counters.sent_frames.value());
  Family packets{samples, "weave_sleeve_packets_total", "UDP packets of the path in user space.", "direction"};
  packets.count("received", counters.received_packets.value());
  packets.count("sent", counters.sent_packets.value());
  Family drops{samples, "weave_sleeve_drops_total", "Frames and packets dropped in user space.", "reason"};
  drops.count("malformed_packet", counters.malformed_packets.value());
  drops.count("no_address", counters.no_address.value());
  drops.count("no_path", counters.no_path.value());
  drops.count("not_injected", counters.injection_failures.value());
  drops.count("oversize", counters.oversize.value());
  drops.count("replayed_packet", counters.replayed_packets.value());
  drops.count("send_failure", counters.send_failures.value() + counters.tunnel_failures.value());
  drops.count("too_big", counters.too_big.value());
  drops.count("unauthentic_packet", counters.unauthentic_packets.value());
  drops.count("unknown_sender", counters.unknown_sender.value());
  for (std::size_t index = 1; index < datapath::kDropReasons; ++index) {
    auto const reason = static_cast<datapath::DropReason>(index);
    drops.count(to_string(reason), counters.decisions.count(reason));
  }
  return samples;
}

MetricSamples fast_path_samples(std::vector<std::pair<std::string, std::uint64_t>> const& statistics) {
  struct Counter {
    std::string_view name; ///< in the statistics
    std::string_view family;
    std::string_view help;
    std::string_view label;
  };
  constexpr std::string_view kUpcalls = "Frames that the kernel asked about, since it had no flow for them.";
  constexpr std::string_view kLookups = "Frames in the kernel's datapath, by whether there was a flow for them.";
  constexpr std::string_view kHeartbeats = "Heartbeats that came by the kernel's path.";
  constexpr std::string_view kChanges = "Changes of the kernel's flows.";
  constexpr std::string_view kFlooded = "Frames for many peers, once each, in the kernel.";
  constexpr std::array kCounters{
      Counter{"KernelHits", "weave_datapath_lookups_total", kLookups, "result=\"hit\""},
      Counter{"KernelLost", "weave_datapath_lookups_total", kLookups, "result=\"lost\""},
      Counter{"KernelMisses", "weave_datapath_lookups_total", kLookups, "result=\"missed\""},
      Counter{"FlowsExpired", "weave_fastdp_flow_changes_total", kChanges, "change=\"expired\""},
      Counter{"FlowsFailed", "weave_fastdp_flow_changes_total", kChanges, "change=\"failed\""},
      Counter{"FlowsInstalled", "weave_fastdp_flow_changes_total", kChanges, "change=\"installed\""},
      Counter{"FlowsRefused", "weave_fastdp_flow_changes_total", kChanges, "change=\"refused\""},
      Counter{"FlowsRemoved", "weave_fastdp_flow_changes_total", kChanges, "change=\"removed\""},
      Counter{"FlowsRewritten", "weave_fastdp_flow_changes_total", kChanges, "change=\"rewritten\""},
      Counter{"BytesFlooded", "weave_fastdp_flooded_bytes_total", kFlooded, ""},
      Counter{"FramesFlooded", "weave_fastdp_flooded_frames_total", kFlooded, ""},
      Counter{"HeartbeatsLost", "weave_fastdp_heartbeats_total", kHeartbeats, "result=\"lost\""},
      Counter{"HeartbeatsReceived", "weave_fastdp_heartbeats_total", kHeartbeats, "result=\"received\""},
      Counter{"UpcallsLost", "weave_upcalls_total", kUpcalls, "result=\"lost\""},
      Counter{"UpcallOverruns", "weave_upcalls_total", kUpcalls, "result=\"overrun\""},
      Counter{"UpcallsReceived", "weave_upcalls_total", kUpcalls, "result=\"received\""},
  };
  MetricSamples samples;
  for (auto const& counter : kCounters) {
    auto const found = std::ranges::find(statistics, counter.name, [](auto const& entry) { return entry.first; });
    if (found == statistics.end()) continue;
    samples.push_back(
        {counter.family, "counter", counter.help, std::string{counter.label}, static_cast<double>(found->second)});
  }
  Family drops{samples, "weave_fastdp_drops_total", "Frames dropped on the kernel's path.", "reason"};
  for (auto const& [name, value] : statistics) {
    if (auto const reason = drop_reason_of(name); !reason.empty()) drops.count(reason, value);
  }
  return samples;
}

MetricSamples path_samples(std::vector<router::PathStatus> const& paths) {
  MetricSamples samples;
  auto const add = [&](std::string_view family, std::string_view type, std::string_view help, auto const& value_of) {
    for (auto const& path : paths) {
      std::optional<double> const value = value_of(path.quality);
      if (value) samples.push_back({family, type, help, path_labels(path), *value});
    }
  };
  using Quality = datapath::PathQuality;
  add("weave_path_round_trip_seconds", "gauge", "Smoothed round trip of the probes of a path to a neighbour.",
      [](Quality const& quality) { return seconds_of(quality.round_trip); });
  add("weave_path_round_trip_variation_seconds", "gauge", "Mean deviation of the round trip.",
      [](Quality const& quality) {
        return quality.round_trip ? seconds_of(quality.variation) : std::optional<double>{};
      });
  add("weave_path_loss_ratio", "gauge", "Share of a neighbour's last probes that did not come in.",
      [](Quality const& quality) { return quality.lost_in; });
  add("weave_path_outbound_loss_ratio", "gauge", "Share of our last probes that did not come in at a neighbour.",
      [](Quality const& quality) { return quality.lost_out; });
  add("weave_path_probes_sent_total", "counter", "Probes sent to a neighbour.",
      [](Quality const& quality) { return std::optional{static_cast<double>(quality.sent)}; });
  add("weave_path_probes_received_total", "counter", "Probes of a neighbour that came in.",
      [](Quality const& quality) { return std::optional{static_cast<double>(quality.received)}; });
  add("weave_path_probes_lost_total", "counter", "Probes of a neighbour that did not come in, but later ones did.",
      [](Quality const& quality) { return std::optional{static_cast<double>(quality.lost)}; });
  return samples;
}

MetricSamples dns_samples(dns::ServerStatistics const& statistics) {
  MetricSamples samples;
  Family queries{samples, "weave_dns_queries_total", "Questions to the name server, by what became of them.", ""};
  auto const count = [&queries](std::string_view transport, dns::QueryCounts const& counts) {
    for (auto const& [result, number] :
         {std::pair{"dropped", counts.dropped}, std::pair{"forwarded", counts.forwarded},
          std::pair{"malformed", counts.malformed}, std::pair{"negative", counts.negative},
          std::pair{"positive", counts.positive}}) {
      queries.count_labels(fmt::format("result=\"{}\",transport=\"{}\"", result, transport), number);
    }
  };
  count("tcp", statistics.tcp);
  count("udp", statistics.udp);
  Family upstream{samples, "weave_dns_forwarded_total", "Questions for other servers, by what became of them.",
                  "result"};
  upstream.count("cache_hit", statistics.forwarding.cache_hits);
  upstream.count("failure", statistics.forwarding.failures);
  upstream.count("overload", statistics.overloaded + statistics.forwarding.refused);
  upstream.count("sent", statistics.forwarding.sent);
  upstream.count("timeout", statistics.forwarding.timeouts);
  add_latency(samples, "forwarded", statistics.forwarded_latency);
  add_latency(samples, "names", statistics.local_latency);
  return samples;
}

} // namespace weave::controller
