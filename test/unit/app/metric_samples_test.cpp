#include "controller/app/metric_samples.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace weave::controller {
namespace {

double value_of(MetricSamples const& samples, std::string_view family, std::string_view labels = "") {
  auto const found = std::ranges::find_if(
      samples, [&](api::MetricSample const& sample) { return sample.family == family && sample.labels == labels; });
  EXPECT_NE(found, samples.end()) << family << "{" << labels << "}";
  return found == samples.end() ? -1 : found->value;
}

TEST(MetricSamples, ReadTheKernelsTextsOfAProcess) {
  // A name that tries to look like more fields.
  ProcessFacts const facts{.stat =
                               "77 (we) ave 1 2) S 1 77 77 0 -1 4194560 900 0 0 0 150 50 0 0 20 0 4 0 30000 123456789 "
                               "2500 18446744073709551615\n",
                           .machine_stat = "cpu  1 2 3\nbtime 1700000000\nprocesses 5\n",
                           .ticks_per_second = 100,
                           .page_size = 4096,
                           .open_files = 12,
                           .max_files = 65536};
  auto const samples = process_samples(facts);
  EXPECT_EQ(value_of(samples, "process_cpu_seconds_total"), 2);
  EXPECT_EQ(value_of(samples, "process_start_time_seconds"), 1700000300);
  EXPECT_EQ(value_of(samples, "process_virtual_memory_bytes"), 123456789);
  EXPECT_EQ(value_of(samples, "process_resident_memory_bytes"), 2500 * 4096);
  EXPECT_EQ(value_of(samples, "process_open_fds"), 12);
  EXPECT_EQ(value_of(samples, "process_max_fds"), 65536);
  EXPECT_TRUE(process_samples({}).empty());
}

TEST(MetricSamples, OfThisProcessAreTrue) {
  auto const samples = process_samples(process_facts());
  auto const start = value_of(samples, "process_start_time_seconds");
  auto const now = static_cast<double>(std::time(nullptr));
  EXPECT_LE(start, now + 1);
  EXPECT_GE(start, now - 3600);
  EXPECT_GT(value_of(samples, "process_resident_memory_bytes"), 1e6);
  EXPECT_GE(value_of(samples, "process_open_fds"), 3);
}

TEST(MetricSamples, OfDevicesAreThoseOfWeaveOnly) {
  constexpr std::string_view kTable =
      "Inter-|   Receive                                                |  Transmit\n"
      " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier "
      "compressed\n"
      "    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0 "
      "         0\n"
      " weave:    1001      11    0    2    0     0          0         0     1003      13    0    4    0     0       0 "
      "         0\n"
      "vxlan-6784: 2001    21    0    0    0     0          0         0     2003      23    0    0    0     0       0  "
      "        0\n"
      "cut: 1 2 3\n";
  auto const samples = device_samples(kTable, "weave");
  EXPECT_EQ(samples.size(), 12U);
  EXPECT_EQ(value_of(samples, "weave_device_receive_bytes_total", "device=\"weave\""), 1001);
  EXPECT_EQ(value_of(samples, "weave_device_receive_packets_total", "device=\"weave\""), 11);
  EXPECT_EQ(value_of(samples, "weave_device_receive_drop_total", "device=\"weave\""), 2);
  EXPECT_EQ(value_of(samples, "weave_device_transmit_bytes_total", "device=\"weave\""), 1003);
  EXPECT_EQ(value_of(samples, "weave_device_transmit_packets_total", "device=\"vxlan-6784\""), 23);
  EXPECT_EQ(value_of(samples, "weave_device_transmit_drop_total", "device=\"weave\""), 4);
  EXPECT_TRUE(device_samples("", "weave").empty());
  EXPECT_FALSE(device_table().empty());
}

TEST(MetricSamples, OfSleeveTellDropsByReason) {
  datapath::WorkerCounters counters;
  counters.sent_frames.add(5);
  counters.replayed_packets.add(2);
  counters.decisions.add(datapath::DropReason::no_route);
  auto const samples = sleeve_samples(counters);
  EXPECT_EQ(value_of(samples, "weave_sleeve_frames_total", "direction=\"sent\""), 5);
  EXPECT_EQ(value_of(samples, "weave_sleeve_drops_total", "reason=\"replayed_packet\""), 2);
  EXPECT_EQ(value_of(samples, "weave_sleeve_drops_total", "reason=\"no_route\""), 1);
}

TEST(MetricSamples, OfTheFastPathTellUpcallsAndDropsByReason) {
  auto const samples = fast_path_samples({{"UpcallsReceived", 7},
                                          {"DroppedNoRoute", 2},
                                          {"Dropped.held_down", 3},
                                          {"UpcallsLost", 1},
                                          {"FlowsInstalled", 5},
                                          {"SomethingNew", 9}});
  EXPECT_EQ(samples.size(), 5U) << "nothing is invented";
  EXPECT_EQ(value_of(samples, "weave_upcalls_total", "result=\"received\""), 7);
  EXPECT_EQ(value_of(samples, "weave_upcalls_total", "result=\"lost\""), 1);
  EXPECT_EQ(value_of(samples, "weave_fastdp_flow_changes_total", "change=\"installed\""), 5);
  EXPECT_EQ(value_of(samples, "weave_fastdp_drops_total", "reason=\"no_route\""), 2);
  EXPECT_EQ(value_of(samples, "weave_fastdp_drops_total", "reason=\"held_down\""), 3);
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (i > 0 && samples[i].family == samples[i - 1].family) continue;
    EXPECT_TRUE(seen.insert(samples[i].family).second) << samples[i].family << " is in two places";
  }
}

TEST(MetricSamples, OfPathsTellWhatIsKnown) {
  router::PathStatus measured{.peer = PeerName{1}, .nickname = "h\"1\\\n\xc3", .path = "fastdp", .quality = {}};
  measured.quality.round_trip = std::chrono::microseconds{1500};
  measured.quality.variation = std::chrono::microseconds{250};
  measured.quality.lost_in = 0.25;
  measured.quality.lost_out = 0.5;
  measured.quality.sent = 10;
  measured.quality.received = 6;
  measured.quality.lost = 2;
  router::PathStatus fresh{.peer = PeerName{2}, .nickname = std::string(300, 'n'), .path = "sleeve", .quality = {}};
  auto const samples = path_samples({measured, fresh});
  constexpr std::string_view kMeasured = R"(nickname="h\"1\\??",path="fastdp",peer="00:00:00:00:00:01")";
  auto const fresh_labels = "nickname=\"" + std::string(64, 'n') + "\",path=\"sleeve\",peer=\"00:00:00:00:00:02\"";
  EXPECT_EQ(value_of(samples, "weave_path_round_trip_seconds", kMeasured), 0.0015);
  EXPECT_EQ(value_of(samples, "weave_path_round_trip_variation_seconds", kMeasured), 0.00025);
  EXPECT_EQ(value_of(samples, "weave_path_loss_ratio", kMeasured), 0.25);
  EXPECT_EQ(value_of(samples, "weave_path_outbound_loss_ratio", kMeasured), 0.5);
  EXPECT_EQ(value_of(samples, "weave_path_probes_sent_total", kMeasured), 10);
  EXPECT_EQ(value_of(samples, "weave_path_probes_received_total", kMeasured), 6);
  EXPECT_EQ(value_of(samples, "weave_path_probes_lost_total", kMeasured), 2);
  EXPECT_EQ(value_of(samples, "weave_path_probes_sent_total", fresh_labels), 0);
  EXPECT_EQ(samples.size(), 7U + 3U) << "what is not known is not told";
  EXPECT_TRUE(path_samples({}).empty());
}

TEST(MetricSamples, OfDnsTellResultsByTransport) {
  dns::ServerStatistics statistics;
  statistics.udp.positive = 3;
  statistics.tcp.negative = 4;
  statistics.overloaded = 1;
  statistics.forwarding.refused = 2;
  auto const samples = dns_samples(statistics);
  EXPECT_EQ(value_of(samples, "weave_dns_queries_total", "result=\"positive\",transport=\"udp\""), 3);
  EXPECT_EQ(value_of(samples, "weave_dns_queries_total", "result=\"negative\",transport=\"tcp\""), 4);
  EXPECT_EQ(value_of(samples, "weave_dns_forwarded_total", "result=\"overload\""), 3);
}

TEST(MetricSamples, OfDnsHaveAHistogramOfTimes) {
  using std::chrono_literals::operator""us;
  using std::chrono_literals::operator""s;
  dns::LatencyHistogram times;
  times.add(40us, 10);
  times.add(50us);
  times.add(60us);
  times.add(3s);
  dns::ServerStatistics statistics;
  statistics.local_latency = times.counts();
  statistics.local_latency += times.counts();
  auto samples = dns_samples(statistics);
  std::erase_if(samples, [](auto const& sample) {
    return sample.family != "weave_dns_answer_seconds" || !sample.labels.ends_with("source=\"names\"");
  });
  ASSERT_EQ(samples.size(), dns::kLatencyBounds.size() + 3);
  EXPECT_EQ(samples.front().labels, "le=\"5e-05\",source=\"names\"");
  EXPECT_EQ(samples.front().suffix, "_bucket");
  EXPECT_EQ(samples.front().value, 22);
  EXPECT_EQ(samples[1].value, 24) << "each class has those before it";
  EXPECT_EQ(samples[samples.size() - 4].labels, "le=\"2.5\",source=\"names\"");
  EXPECT_EQ(samples[samples.size() - 4].value, 24);
  EXPECT_EQ(samples[samples.size() - 3].labels, "le=\"+Inf\",source=\"names\"");
  EXPECT_EQ(samples[samples.size() - 3].value, 26);
  EXPECT_EQ(samples[samples.size() - 2].suffix, "_sum");
  EXPECT_NEAR(samples[samples.size() - 2].value, 2 * (10 * 40e-6 + 50e-6 + 60e-6 + 3), 1e-9);
  EXPECT_EQ(samples.back().suffix, "_count");
  EXPECT_EQ(samples.back().value, 26);
}

} // namespace
} // namespace weave::controller
