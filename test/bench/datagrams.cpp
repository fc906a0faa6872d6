// Small UDP datagrams at a rate that measures the path and not the programs at its ends: many with each system call.
//   bench-datagrams receive PORT SECONDS            prints how many arrived each second, from the first on
//   bench-datagrams send ADDRESS PORT SECONDS SIZE  prints how many were sent each second

#include <arpa/inet.h>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <netinet/in.h>
#include <poll.h>
#include <string_view>
#include <sys/socket.h>
#include <vector>

namespace {

constexpr std::size_t kBatch = 64;
constexpr std::size_t kLargest = 2048;

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

int receive(char const* port, double limit) {
  int const fd = ::socket(AF_INET, SOCK_DGRAM, 0);
  int const buffer = 4 << 20;
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  auto const local = endpoint("0.0.0.0", port);
  if (::bind(fd, reinterpret_cast<sockaddr const*>(&local), sizeof local) < 0) return 1;
  Messages messages{kLargest};
  pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
  if (::poll(&waiting, 1, 10'000) <= 0) return 1;
  std::uint64_t count = 0;
  auto const start = Clock::now();
  double spent = 0;
  while ((spent = seconds_since(start)) < limit) {
    int const taken = ::recvmmsg(fd, messages.headers.data(), kBatch, MSG_DONTWAIT, nullptr);
    if (taken > 0) count += static_cast<std::uint64_t>(taken);
    if (taken <= 0) (void)::poll(&waiting, 1, 10);
  }
  std::printf("%.0f\n", static_cast<double>(count) / spent);
  return 0;
}

int send(sockaddr_in const& to, double limit, std::size_t size) {
  int const fd = ::socket(AF_INET, SOCK_DGRAM, 0);
  if (::connect(fd, reinterpret_cast<sockaddr const*>(&to), sizeof to) < 0) return 1;
  Messages messages{size};
  std::uint64_t count = 0;
  auto const start = Clock::now();
  double spent = 0;
  while ((spent = seconds_since(start)) < limit) {
    int const sent = ::sendmmsg(fd, messages.headers.data(), kBatch, 0);
    if (sent > 0) count += static_cast<std::uint64_t>(sent);
  }
  std::printf("%.0f\n", static_cast<double>(count) / spent);
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  std::string_view const what = argc > 1 ? argv[1] : "";
  if (what == "receive" && argc == 4) return receive(argv[2], std::atof(argv[3]));
  if (what == "send" && argc == 6) {
    auto const size = static_cast<std::size_t>(std::atoi(argv[5]));
    if (size > 0 && size <= kLargest) return send(endpoint(argv[2], argv[3]), std::atof(argv[4]), size);
  }
  std::fprintf(stderr, "usage: bench-datagrams receive PORT SECONDS | send ADDRESS PORT SECONDS SIZE\n");
  return 2;
}
