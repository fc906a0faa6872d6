#include "datapath/netlink/socket_handle.hpp"

#include <linux/netlink.h>
#include <string>
#include <sys/socket.h>

#include <netlink/errno.h>
#include <netlink/socket.h>

namespace weave::datapath::netlink {

void SocketHandle::Free::operator()(nl_sock* socket) const { nl_socket_free(socket); }

Result<SocketHandle> SocketHandle::open(Buffers buffers, int protocol) {
  SocketHandle opened{nl_socket_alloc()};
  if (!opened.socket_) return failure(ErrorKind::unavailable, "open netlink socket: out of memory");
  if (int const result = nl_connect(opened.socket_.get(), protocol); result < 0) {
    auto const kind = result == -NLE_PROTO_MISMATCH ? ErrorKind::refused : ErrorKind::system;
    return failure(kind, std::string{"open netlink socket: "} + nl_geterror(result));
  }
  auto const receive = static_cast<int>(buffers.receive);
  auto const send = static_cast<int>(buffers.send);
  (void)nl_socket_set_buffer_size(opened.socket_.get(), receive, send);
  (void)::setsockopt(opened.fd(), SOL_SOCKET, SO_RCVBUFFORCE, &receive, sizeof receive);
  (void)::setsockopt(opened.fd(), SOL_SOCKET, SO_SNDBUFFORCE, &send, sizeof send);
  return opened;
}

int SocketHandle::fd() const { return nl_socket_get_fd(socket_.get()); }

std::uint32_t SocketHandle::port() const { return nl_socket_get_local_port(socket_.get()); }

Result<void> SocketHandle::join(std::uint32_t group) {
  int const result = nl_socket_add_membership(socket_.get(), static_cast<int>(group));
  if (result < 0) return failure(ErrorKind::system, std::string{"join netlink group: "} + nl_geterror(result));
  return {};
}

bool SocketHandle::enable(int option) {
  int const on = 1;
  return ::setsockopt(fd(), SOL_NETLINK, option, &on, sizeof on) == 0;
}

} // namespace weave::datapath::netlink
