#pragma once

#include <cstddef>
#include <cstdint>
#include <poll.h>
#include <sys/socket.h>
#include <thread>

#include <gtest/gtest.h>

#include "base/unique_fd.hpp"
#include "datapath/tunnel/io/socket_address.hpp"
#include "test/system/worker_host.hpp"

namespace weave::test {

/// A byte stream that repeats after 2^64 only: byte i depends on i.
[[nodiscard]] inline std::uint8_t stream_byte(std::uint64_t position) {
  std::uint64_t mixed = (position >> 3) * 0x9e37'79b9'7f4a'7c15ULL;
  mixed ^= mixed >> 29;
  return static_cast<std::uint8_t>(mixed >> (8 * (position & 7)));
}

inline void write_stream(int fd, std::size_t size) {
  Bytes chunk(100'000);
  for (std::size_t sent = 0; sent < size;) {
    auto const part = std::min(chunk.size(), size - sent);
    for (std::size_t i = 0; i < part; ++i) chunk[i] = stream_byte(sent + i);
    auto const written = ::send(fd, chunk.data(), part, MSG_NOSIGNAL);
    if (written <= 0) return;
    sent += static_cast<std::size_t>(written);
  }
}

/// How many bytes came before the stream ended or differed.
inline std::size_t read_stream(int fd) {
  Bytes chunk(100'000);
  std::size_t received = 0;
  while (true) {
    pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, 10'000) <= 0) return received;
    auto const size = ::recv(fd, chunk.data(), chunk.size(), 0);
    if (size <= 0) return received;
    for (std::size_t i = 0; i < static_cast<std::size_t>(size); ++i, ++received) {
      if (chunk[i] != stream_byte(received)) return received;
    }
  }
}

[[nodiscard]] inline UniqueFd socket_in(ScratchNamespace const& net, int family, int type) {
  UniqueFd socket;
  (void)net.run([&]() -> Result<void> {
    socket.reset(::socket(family, type | SOCK_CLOEXEC, 0));
    return {};
  });
  return socket;
}

/// Sends a stream by TCP to `address`, which belongs to `to`; how many bytes arrived in order and unchanged.
inline std::size_t transfer_to(sockaddr const& address, socklen_t length, WorkerHost const& from, WorkerHost const& to,
                               std::size_t size) {
  auto const listener = socket_in(*to.container, address.sa_family, SOCK_STREAM);
  auto const client = socket_in(*from.container, address.sa_family, SOCK_STREAM);
  int const on = 1;
  ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(listener.get(), &address, length) < 0 || ::listen(listener.get(), 1) < 0) return 0;
  std::size_t received = 0;
  std::thread server{[&] {
    pollfd waiting{.fd = listener.get(), .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, 10'000) <= 0) return;
    UniqueFd const connection{::accept(listener.get(), nullptr, nullptr)};
    received = read_stream(connection.get());
  }};
  if (::connect(client.get(), &address, length) == 0) write_stream(client.get(), size);
  ::shutdown(client.get(), SHUT_WR);
  server.join();
  return received;
}

inline std::size_t transfer(WorkerHost const& from, WorkerHost const& to, std::size_t size) {
  auto const address = datapath::to_sockaddr({.address = to.overlay(), .port = 5001});
  return transfer_to(reinterpret_cast<sockaddr const&>(address), sizeof address, from, to, size);
}

/// The same between 2001:db8::1 and so on.
inline std::size_t transfer_ipv6(WorkerHost const& from, WorkerHost const& to, std::size_t size) {
  for (auto const* host : {&from, &to}) {
    auto const command = fmt::format("ip addr add 2001:db8::{}/64 dev ethwe nodad", host->number);
    if (host->container->shell(command) != 0) return 0;
  }
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(5001);
  ::inet_pton(AF_INET6, fmt::format("2001:db8::{}", to.number).c_str(), &address.sin6_addr);
  return transfer_to(reinterpret_cast<sockaddr const&>(address), sizeof address, from, to, size);
}

} // namespace weave::test
