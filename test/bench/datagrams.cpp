// Small UDP datagrams at a rate that measures the path and not the programs at its ends: many with each system call.
//   bench-datagrams receive PORT SECONDS SIZE       prints how many arrived each second, from the first on
//   bench-datagrams send ADDRESS PORT SECONDS SIZE  prints how many were sent each second
// With a word "segments" behind, the kernel cuts and joins them (UDP_SEGMENT, UDP_GRO) as it does for QUIC servers,
// which leaves the ends of the path next to nothing to do.

#include <arpa/inet.h>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string_view>
#include <sys/socket.h>
#include <vector>

namespace {

constexpr std::size_t kBatch = 64;
constexpr std::size_t kLargest = 2048;
constexpr std::size_t kSegments = 64;
constexpr std::size_t kJoined = 65536;

struct Kind {
  std::size_t size;
  bool segments;
};

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

struct Messages {
  explicit Messages(std::size_t size) : memory(kBatch * size) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      parts[i] = {.iov_base = memory.data() + i * size, .iov_len = size};
      headers[i].msg_hdr.msg_iov = &parts[i];
      headers[i].msg_hdr.msg_iovlen = 1;
    }
  }
  std::vector<std::uint8_t> memory;
  std::array<iovec, kBatch> parts{};
  std::array<mmsghdr, kBatch> headers{};
};

sockaddr_in endpoint(char const* address, char const* port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
  result.sin_addr.s_addr = ::inet_addr(address);
  return result;
}

int receive(char const* port, double limit, Kind kind) {
  int const fd = ::socket(AF_INET, SOCK_DGRAM, 0);
  int const buffer = 4 << 20;
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  auto const local = endpoint("0.0.0.0", port);
  if (::bind(fd, reinterpret_cast<sockaddr const*>(&local), sizeof local) < 0) return 1;
  int const on = 1;
  if (kind.segments && ::setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof on) < 0) return 1;
  Messages messages{kind.segments ? kJoined : kLargest};
  pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
  if (::poll(&waiting, 1, 10'000) <= 0) return 1;
  std::uint64_t count = 0;
  auto const start = Clock::now();
  double spent = 0;
  while ((spent = seconds_since(start)) < limit) {
    int const taken = ::recvmmsg(fd, messages.headers.data(), kBatch, MSG_DONTWAIT, nullptr);
    for (int i = 0; i < taken; ++i) count += messages.headers[static_cast<std::size_t>(i)].msg_len / kind.size;
    if (taken <= 0) (void)::poll(&waiting, 1, 10);
  }
  std::printf("%.0f\n", static_cast<double>(count) / spent);
  return 0;
}

int send(sockaddr_in const& to, double limit, Kind kind) {
  int const fd = ::socket(AF_INET, SOCK_DGRAM, 0);
  if (::connect(fd, reinterpret_cast<sockaddr const*>(&to), sizeof to) < 0) return 1;
  auto const each = kind.segments ? kSegments : 1;
  int const segment = static_cast<int>(kind.size);
  if (kind.segments && ::setsockopt(fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment) < 0) return 1;
  Messages messages{kind.size * each};
  std::uint64_t count = 0;
  auto const start = Clock::now();
  double spent = 0;
  while ((spent = seconds_since(start)) < limit) {
    int const sent = ::sendmmsg(fd, messages.headers.data(), kBatch, 0);
    if (sent > 0) count += static_cast<std::uint64_t>(sent) * each;
  }
  std::printf("%.0f\n", static_cast<double>(count) / spent);
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  std::string_view const what = argc > 1 ? argv[1] : "";
  bool const segments = argc > 2 && std::string_view{argv[argc - 1]} == "segments";
  if (segments) --argc;
  auto const size = argc > 4 ? static_cast<std::size_t>(std::atoi(argv[argc - 1])) : 0;
  bool const fits = size > 0 && size <= kLargest && (!segments || size * kSegments < kJoined);
  Kind const kind{.size = size, .segments = segments};
  if (what == "receive" && argc == 5 && fits) return receive(argv[2], std::atof(argv[3]), kind);
  if (what == "send" && argc == 6 && fits) return send(endpoint(argv[2], argv[3]), std::atof(argv[4]), kind);
  std::fprintf(stderr,
               "usage: bench-datagrams receive PORT SECONDS SIZE [segments]\n"
               "       bench-datagrams send ADDRESS PORT SECONDS SIZE [segments]\n");
  return 2;
}
