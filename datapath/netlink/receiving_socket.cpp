#include "datapath/netlink/receiving_socket.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <vector>

namespace weave::datapath::netlink {

namespace {

constexpr std::size_t kSendBuffer = 4096;

} // namespace

/// What recvmmsg fills.
struct ReceivingSocket::Buffers {
  explicit Buffers(Sizes sizes)
      : secret{sizes.secret},
        memory(sizes.message * sizes.batch),
        parts(sizes.batch),
        senders(sizes.batch),
        headers(sizes.batch) {
    for (std::size_t i = 0; i < headers.size(); ++i) {
      parts[i] = {.iov_base = memory.data() + i * sizes.message, .iov_len = sizes.message};
      headers[i].msg_hdr.msg_iov = &parts[i];
      headers[i].msg_hdr.msg_iovlen = 1;
      headers[i].msg_hdr.msg_name = &senders[i];
    }
  }

  void make_ready() {
    for (auto& header : headers) header.msg_hdr.msg_namelen = sizeof(sockaddr_nl);
  }
  /// Whether it came from the kernel and is whole.
  [[nodiscard]] bool usable(std::size_t index) const {
    return senders[index].nl_pid == 0 && (headers[index].msg_hdr.msg_flags & MSG_TRUNC) == 0;
  }
  [[nodiscard]] ByteView datagram(std::size_t index) const {
    return {static_cast<std::uint8_t const*>(parts[index].iov_base), headers[index].msg_len};
  }

  [[nodiscard]] Outcome hand_out(std::size_t count, std::function<bool(Message const&)> const& on_message) const {
    for (std::size_t i = 0; i < count; ++i) {
      if (!usable(i)) continue;
      MessageCursor cursor{datagram(i)};
      for (auto message = cursor.next(); message && *message; message = cursor.next()) {
        if (!on_message(**message)) return Outcome::stopped;
      }
    }
    return Outcome::received;
  }
  /// Of the first messages.
  void wipe(std::size_t count) {
    if (!secret) return;
    for (std::size_t i = 0; i < count; ++i) ::explicit_bzero(parts[i].iov_base, parts[i].iov_len);
  }

  bool secret;
  Bytes memory;
  std::vector<iovec> parts;
  std::vector<sockaddr_nl> senders;
  std::vector<mmsghdr> headers;
};

ReceivingSocket::ReceivingSocket(SocketHandle socket, Sizes sizes)
    : socket_{std::move(socket)}, buffers_{std::make_shared<Buffers>(sizes)} {}

Result<ReceivingSocket> ReceivingSocket::open(Sizes sizes, int protocol) {
  auto socket = SocketHandle::open({.receive = sizes.queue, .send = kSendBuffer}, protocol);
  if (!socket) return failure_of(socket);
  return ReceivingSocket{std::move(*socket), sizes};
}

Result<ReceivingSocket::Outcome> ReceivingSocket::receive(std::function<bool(Message const&)> const& on_message) {
  auto const buffers = buffers_;
  buffers->make_ready();
  auto const count = static_cast<unsigned>(buffers->headers.size());
  int const received = ::recvmmsg(socket_.fd(), buffers->headers.data(), count, MSG_DONTWAIT, nullptr);
  if (received < 0) {
    if (errno == ENOBUFS) return Outcome::overrun;
    if (errno == EAGAIN || errno == EINTR) return Outcome::received;
    return std::unexpected{system_error("receive from netlink", errno)};
  }
  auto const outcome = buffers->hand_out(static_cast<std::size_t>(received), on_message);
  buffers->wipe(static_cast<std::size_t>(received));
  return outcome;
}

std::uint64_t ReceivingSocket::lost() const {
  std::array<std::uint32_t, SK_MEMINFO_VARS> memory{};
  socklen_t size = sizeof memory;
  if (::getsockopt(socket_.fd(), SOL_SOCKET, SO_MEMINFO, memory.data(), &size) != 0) return 0;
  return memory[SK_MEMINFO_DROPS];
}

} // namespace weave::datapath::netlink
