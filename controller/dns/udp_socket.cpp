#include "controller/dns/udp_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <netdb.h>

#include <fmt/format.h>

namespace weave::controller::dns {
namespace {

constexpr int kReceiveBuffer = 2 << 20;

void set_option(int fd, int level, int option, int value) { ::setsockopt(fd, level, option, &value, sizeof value); }

void set_options(int fd, int family, bool wildcard) {
  // Beyond the system's limit if we may, else up to it.
  if (int const size = kReceiveBuffer; ::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0) {
    set_option(fd, SOL_SOCKET, SO_RCVBUF, kReceiveBuffer);
  }
  if (family == AF_INET) {
    set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
    if (wildcard) set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
  } else {
    set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
    if (wildcard) set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  }
}

bool is_unspecified(RawAddress const& address) {
  if (address.storage.ss_family == AF_INET) {
    return reinterpret_cast<sockaddr_in const*>(&address.storage)->sin_addr.s_addr == INADDR_ANY;
  }
  return IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<sockaddr_in6 const*>(&address.storage)->sin6_addr);
}

template <class Info>
void write_control(ReplySource& source, int level, int type, Info const& info) {
  source.size = CMSG_SPACE(sizeof info);
  msghdr message{};
  message.msg_control = source.control.data();
  message.msg_controllen = source.size;
  auto* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = level;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(header), &info, sizeof info);
}

} // namespace

ClientAddress RawAddress::client() const {
  ClientAddress client{};
  if (storage.ss_family == AF_INET6) {
    std::memcpy(client.data(), &reinterpret_cast<sockaddr_in6 const*>(&storage)->sin6_addr, client.size());
  } else {
    client[10] = client[11] = 0xff;
    std::memcpy(client.data() + 12, &reinterpret_cast<sockaddr_in const*>(&storage)->sin_addr, 4);
  }
  return client;
}

SocketAddress RawAddress::to_socket_address() const {
  char host[NI_MAXHOST] = {};
  if (::getnameinfo(generic(), length, host, sizeof host, nullptr, 0, NI_NUMERICHOST) != 0) return {};
  // Both families have the port at the same place.
  return {.host = host, .port = ntohs(reinterpret_cast<sockaddr_in const*>(&storage)->sin_port)};
}

Result<RawAddress> raw_address(SocketAddress const& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  auto const* host = address.host.empty() ? "0.0.0.0" : address.host.c_str();
  if (::getaddrinfo(host, std::to_string(address.port).c_str(), &hints, &found) != 0) {
    return failure(ErrorKind::malformed, fmt::format("not an IP address to listen on: {}", address.host));
  }
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> const owned{found, &::freeaddrinfo};
  RawAddress raw;
  std::memcpy(&raw.storage, found->ai_addr, found->ai_addrlen);
  raw.length = found->ai_addrlen;
  return raw;
}

Result<UdpSocket> UdpSocket::bind(SocketAddress const& address, bool joins) {
  auto raw = raw_address(address);
  if (!raw) return failure_of(raw);
  auto const text = fmt::format("listen udp {}", address.to_string());
  int const family = raw->storage.ss_family;
  UdpSocket made;
  made.fd_.reset(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!made.fd_) return std::unexpected{system_error(text, errno)};
  made.wildcard_ = is_unspecified(*raw);
  set_options(made.fd(), family, made.wildcard_);
  if (joins) made.let_join();
  if (::bind(made.fd(), raw->generic(), raw->length) != 0) return std::unexpected{system_error(text, errno)};
  RawAddress local;
  local.length = sizeof local.storage;
  if (::getsockname(made.fd(), local.generic(), &local.length) != 0) return std::unexpected{system_error(text, errno)};
  made.local_ = local.to_socket_address();
  return made;
}

void UdpSocket::let_join() const { set_option(fd(), SOL_SOCKET, SO_REUSEPORT, 1); }

ReplySource UdpSocket::source_of(msghdr const& received) {
  ReplySource source;
  for (auto* header = CMSG_FIRSTHDR(&received); header != nullptr;
       header = CMSG_NXTHDR(const_cast<msghdr*>(&received), header)) {
    if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(header), sizeof info);
      // Routing decides the interface; ipi_spec_dst is the local address, also for a broadcast query.
      info.ipi_ifindex = 0;
      write_control(source, IPPROTO_IP, IP_PKTINFO, info);
    } else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(header), sizeof info);
      if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) info.ipi6_ifindex = 0;
      write_control(source, IPPROTO_IPV6, IPV6_PKTINFO, info);
    }
  }
  return source;
}

void UdpSocket::send(UdpClient const& client, ByteView message) const {
  iovec part{const_cast<std::uint8_t*>(message.data()), message.size()};
  msghdr header{};
  header.msg_name = const_cast<sockaddr*>(client.address.generic());
  header.msg_namelen = client.address.length;
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (client.source.size > 0) {
    header.msg_control = const_cast<std::uint8_t*>(client.source.control.data());
    header.msg_controllen = client.source.size;
  }
  [[maybe_unused]] auto const sent = ::sendmsg(fd(), &header, MSG_DONTWAIT | MSG_NOSIGNAL);
}

} // namespace weave::controller::dns
