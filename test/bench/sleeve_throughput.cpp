// Throughput of the user-space path between containers of two hosts, measured by iperf3 over TCP:
//   sleeve-throughput [seconds] [wire] [encrypted [aes]] [udp|ping] [reference] [counters]
// "wire": an underlay like a network card without tunnel offloads; "udp": small datagrams; "ping": round trips;
// "reference": one packet for each system call. Needs root, iperf3, ethtool, and bench-datagrams beside it.

#include <algorithm>
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
      "%s: captured %lu cut %lu sent packets %lu frames %lu, received packets %lu frames %lu, injected %lu joined %lu, "
      "send "
      "failures %lu too big %lu\n",
      name, c.captured_frames.value(), c.cut_frames.value(), c.sent_packets.value(), c.sent_frames.value(),
      c.received_packets.value(), c.received_frames.value(), c.injected_frames.value(), c.joined_frames.value(),
      c.send_failures.value(), c.too_big_packets.value());
}

/// As far as a network card without tunnel offloads can be played: packets cross the wire one by one and are joined by
/// the receiver. A veth joins only what the other end has not joined before, so both ends have to be told.
void make_wire(weave::test::WorkerLab& lab) {
  std::string const options = " tso off gso off gro on tx-udp-segmentation off >/dev/null 2>&1";
  for (auto const& host : lab.hosts) {
    host->net->shell("ethtool -K eth0" + options);
    lab.underlay->shell("ethtool -K port" + std::to_string(host->number) + options);
  }
}

int send_stream(weave::test::WorkerLab& lab, std::string const& seconds) {
  lab.host(2).container->shell("timeout " + seconds + "9 iperf3 -s -1 >/dev/null 2>&1 &");
  return lab.host(1).container->shell("for i in 1 2 3 4 5 6 7 8 9; do sleep 0.2; iperf3 -c 10.32.0.2 -t " + seconds +
                                      " -f m 2>/dev/null | grep -E 'sender|receiver' && exit 0; done; exit 1");
}

int send_datagrams(weave::test::WorkerLab& lab, std::string const& program, std::string const& seconds) {
  auto const tool = program.substr(0, program.rfind('/') + 1) + "bench-datagrams ";
  lab.host(2).container->shell(tool + "receive 5002 " + seconds + " 18 | sed 's/$/ packets\\/s receiver/' &");
  int const status = lab.host(1).container->shell("sleep 0.2; " + tool + "send 10.32.0.2 5002 " + seconds +
                                                  " 18 >/dev/null; sleep 0.2");
  return status;
}

/// A few hundred a second.
int send_pings(weave::test::WorkerLab& lab, std::string const& seconds) {
  return lab.host(1).container->shell(
      "ping -i 0.002 -w " + seconds +
      " 10.32.0.2 | sed -nE 's/.*time=([0-9.]+) ms/\\1/p' | sort -g | "
      "awk '{ t[NR] = $1 } END { print NR \" pings, p50 \" t[int(NR / 2)] \" ms, p99 \" "
      "t[int(NR * 0.99)] \" ms\" }'");
}

} // namespace

int main(int argc, char** argv) {
  std::string const seconds = argc > 1 ? argv[1] : "5";
  auto const asked = [&](char const* word) {
    return std::any_of(argv + std::min(argc, 2), argv + argc,
                       [&](char const* given) { return std::string{given} == word; });
  };
  using weave::datapath::PacketIo;
  weave::test::WorkerLab lab;
  auto const io = asked("reference") ? PacketIo::one_by_one : PacketIo::batched;
  if (auto const reason = lab.build(2, 1500, weave::datapath::kDefaultBridgeMtu, io); !reason.empty()) {
    std::fprintf(stderr, "cannot build the lab: %s\n", reason.c_str());
    return 77;
  }
  if (asked("wire")) make_wire(lab);
  lab.connect_all();
  if (asked("encrypted")) lab.encrypt(lab.host(1), lab.host(2), asked("aes") ? "aes-256-gcm" : "");
  auto const before = cpu_seconds();
  int const status = asked("udp")    ? send_datagrams(lab, argv[0], seconds)
                     : asked("ping") ? send_pings(lab, seconds)
                                     : send_stream(lab, seconds);
  std::printf("CPU of both workers: %.2f s\n", cpu_seconds() - before);
  if (asked("counters")) {
    print_counters("host 1", lab.host(1).worker->counters());
    print_counters("host 2", lab.host(2).worker->counters());
  }
  return status;
}
