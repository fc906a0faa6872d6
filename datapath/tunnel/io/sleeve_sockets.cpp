#include "datapath/tunnel/io/sleeve_sockets.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

#include "datapath/tunnel/io/socket_address.hpp"
#include "datapath/tunnel/io/socket_options.hpp"

namespace weave::datapath {

namespace {

Result<UniqueFd> make_socket(int discovery) {
  UniqueFd socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (!socket || !set_option(socket, IPPROTO_IP, IP_MTU_DISCOVER, discovery)) {
    return std::unexpected(system_error("create UDP socket", errno));
  }
  (void)set_option(socket, SOL_SOCKET, SO_SNDTIMEO, kSendTimeout);
  set_buffer(socket, SO_SNDBUFFORCE, SO_SNDBUF);
  return socket;
}

Result<void> bind_socket(UniqueFd const& socket, Ipv4Endpoint endpoint) {
  auto const address = to_sockaddr(endpoint);
  if (::bind(socket.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0) return {};
  auto const kind = errno == EADDRINUSE ? ErrorKind::already_exists : ErrorKind::system;
  return failure(kind, system_error(fmt::format("listen on UDP {}", endpoint.to_string()), errno).text());
}

/// Both since Linux 5.0 or before; whether payloads may be sent in segments. Sending turns it on for each datagram.
bool use_segments(UniqueFd const& fragmentable, UniqueFd const& df) {
  int const on = 1;
  int const none = 0;
  // Also at the socket that receives nothing: while packets are joined, the kernel asks one of the two by a hash of
  // addresses and ports whether it wants that.
  for (auto const* socket : {&fragmentable, &df}) (void)set_option(*socket, SOL_UDP, UDP_GRO, on);
  return set_option(fragmentable, SOL_UDP, UDP_SEGMENT, none);
}

} // namespace

Result<SleeveSockets> SleeveSockets::open(Ipv4Endpoint listen, PacketIo io) {
  auto fragmentable = make_socket(IP_PMTUDISC_DONT);
  if (!fragmentable) return failure_of(fragmentable);
  auto df = make_socket(IP_PMTUDISC_DO);
  if (!df) return failure_of(df);
  set_buffer(*fragmentable, SO_RCVBUFFORCE, SO_RCVBUF);
  // The first bind is exclusive, so that a second daemon on this port is noticed; then both sockets share the port as a
  // group whose packets all go to its first member, and the second would drop what reached it before that was said.
  if (auto const bound = bind_socket(*fragmentable, listen); !bound) return failure_of(bound);
  int const on = 1;
  if (!set_option(*fragmentable, SOL_SOCKET, SO_REUSEPORT, on) || !set_option(*df, SOL_SOCKET, SO_REUSEPORT, on) ||
      !attach_constant(*df, SO_ATTACH_FILTER, 0)) {
    return std::unexpected(system_error("share the UDP port", errno));
  }
  auto port = listen;
  if (port.port == 0) port.port = local_port(fragmentable->get());
  if (auto const bound = bind_socket(*df, port); !bound) return failure_of(bound);
  if (!attach_constant(*fragmentable, SO_ATTACH_REUSEPORT_CBPF, 0)) {
    return std::unexpected(system_error("steer the shared UDP port", errno));
  }
  bool const segmentation = io == PacketIo::batched && use_segments(*fragmentable, *df);
  return SleeveSockets{std::move(*fragmentable), std::move(*df), io, segmentation};
}

Result<std::uint32_t> SleeveSockets::path_mtu(Ipv4Address from, Ipv4Endpoint to) {
  UniqueFd const socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  auto const fail = [&] { return std::unexpected(system_error("look up the path MTU to " + to.to_string(), errno)); };
  if (!socket) return fail();
  if (!from.is_unspecified()) {
    auto const source = to_sockaddr({.address = from, .port = 0});
    if (::bind(socket.get(), reinterpret_cast<sockaddr const*>(&source), sizeof source) < 0) return fail();
  }
  auto const target = to_sockaddr(to);
  if (::connect(socket.get(), reinterpret_cast<sockaddr const*>(&target), sizeof target) < 0) return fail();
  int mtu = 0;
  socklen_t size = sizeof mtu;
  if (::getsockopt(socket.get(), IPPROTO_IP, IP_MTU, &mtu, &size) < 0) return fail();
  return static_cast<std::uint32_t>(mtu);
}

Result<void> SleeveSockets::forget_path_mtus() {
  UniqueFd const file{::open("/proc/sys/net/ipv4/route/flush", O_WRONLY | O_CLOEXEC)};
  if (file && ::write(file.get(), "1", 1) == 1) return {};
  return std::unexpected(system_error("write /proc/sys/net/ipv4/route/flush", errno));
}

void SleeveSockets::set_past_kernel(bool on) const {
  int const discovery = on ? IP_PMTUDISC_PROBE : IP_PMTUDISC_DO;
  (void)set_option(df_, IPPROTO_IP, IP_MTU_DISCOVER, discovery);
}

} // namespace weave::datapath
