#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/address.hpp"

namespace weave::datapath {

[[nodiscard]] inline sockaddr_in to_sockaddr(Ipv4Endpoint endpoint) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(endpoint.port);
  address.sin_addr.s_addr = htonl(endpoint.address.value());
  return address;
}

[[nodiscard]] inline Ipv4Endpoint to_endpoint(sockaddr_in const& address) {
  return {.address = Ipv4Address{ntohl(address.sin_addr.s_addr)}, .port = ntohs(address.sin_port)};
}

/// 0 if the socket is not bound.
[[nodiscard]] inline std::uint16_t local_port(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) < 0) return 0;
  return ntohs(address.sin_port);
}

} // namespace weave::datapath
