// Throughput of the user-space path between containers of two hosts, measured by iperf3 over TCP:
//   sleeve-throughput [seconds] [offload|wire]
// "wire" switches segmentation of the underlay off, like a network card without tunnel offloads. Needs root and iperf3.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <sys/resource.h>

#include "test/system/container_traffic.hpp"

namespace {

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  auto const seconds = [](timeval const& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void print_counters(char const* name, weave::datapath::WorkerCounters const& c) {
  std::printf(
      "%s: captured %lu cut %lu sent packets %lu frames %lu, received packets %lu frames %lu, injected %lu, send "
      "failures %lu too big %lu\n",
      name, c.captured_frames.value(), c.cut_frames.value(), c.sent_packets.value(), c.sent_frames.value(),
      c.received_packets.value(), c.received_frames.value(), c.injected_frames.value(), c.send_failures.value(),
      c.too_big_packets.value());
}

} // namespace

int main(int argc, char** argv) {
  std::string const seconds = argc > 1 ? argv[1] : "5";
  bool const wire = argc > 2 && std::string{argv[2]} == "wire";
  weave::test::WorkerLab lab;
  if (auto const reason = lab.build(2); !reason.empty()) {
    std::fprintf(stderr, "cannot build the lab: %s\n", reason.c_str());
    return 77;
  }
  if (wire) {
    for (auto const& host : lab.hosts) {
      host->net->shell("ethtool -K eth0 tso off gso off gro on tx-udp-segmentation off >/dev/null 2>&1");
    }
  }
  lab.connect_all();
  auto const before = cpu_seconds();
  lab.host(2).container->shell("timeout " + seconds + "9 iperf3 -s -1 >/dev/null 2>&1 &");
  int const status =
      lab.host(1).container->shell("for i in 1 2 3 4 5 6 7 8 9; do sleep 0.2; iperf3 -c 10.32.0.2 -t " + seconds +
                                   " -f m 2>/dev/null | grep -E 'sender|receiver' && exit 0; "
                                   "done; exit 1");
  std::printf("CPU of both workers: %.2f s\n", cpu_seconds() - before);
  print_counters("host 1", lab.host(1).worker->counters());
  print_counters("host 2", lab.host(2).worker->counters());
  return status;
}
