#include "datapath/netlink/generic_socket.hpp"

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace weave::datapath::netlink {

namespace {

// An EXECUTE of the largest packet with its actions; the kernel counts the buffer twice.
constexpr std::size_t kSendBuffer = 256 * 1024;
constexpr std::size_t kReceiveBuffer = 1024 * 1024;
// More than the kernel puts into one datagram of a dump, and than the longest single answer.
constexpr std::size_t kDatagram = 160 * 1024;
constexpr timeval kAnswerLimit{.tv_sec = 10, .tv_usec = 0};
constexpr int kDumpAttempts = 5;
constexpr unsigned kSendsBetweenReads = 64;

template <class T>
void overwrite(Bytes& message, std::size_t offset, T value) {
  std::memcpy(message.data() + offset, &value, sizeof value);
}

} // namespace

/// What has come back for one request.
struct GenericSocket::Exchange {
  OnMessage const* on_message = nullptr;
  Acknowledgement end = {};
  bool interrupted = false;
};

GenericSocket::GenericSocket(SocketHandle socket) : socket_{std::move(socket)}, buffer_(kDatagram) {}

Result<GenericSocket> GenericSocket::open(int protocol) {
  auto socket = SocketHandle::open({.receive = kReceiveBuffer, .send = kSendBuffer}, protocol);
  if (!socket) return failure_of(socket);
  // Refinements of error texts, which old kernels lack. An overrun can only cost answers that nobody waits for.
  socket->enable(NETLINK_EXT_ACK);
  socket->enable(NETLINK_CAP_ACK);
  socket->enable(NETLINK_NO_ENOBUFS);
  if (::setsockopt(socket->fd(), SOL_SOCKET, SO_RCVTIMEO, &kAnswerLimit, sizeof kAnswerLimit) != 0) {
    return std::unexpected{system_error("open netlink socket", errno)};
  }
  return GenericSocket{std::move(*socket)};
}

Result<Family> GenericSocket::family(std::string_view name) {
  auto request = encode_family_request(name);
  if (!request) return failure_of(request);
  auto const what = "look up netlink family " + std::string{name};
  Result<Family> found = failure(ErrorKind::malformed, what + ": no answer");
  auto const done =
      transact(std::move(*request), what, [&](Message const& message) { found = decode_family(message); });
  if (!done) return failure_of(done);
  return found;
}

Result<void> GenericSocket::transact(Bytes request, std::string_view what, OnMessage const& on_message) {
  auto const sent = hand_over(request, NLM_F_ACK, what);
  ::explicit_bzero(request.data(), request.size());
  if (!sent) return sent;
  Exchange exchange{.on_message = &on_message};
  if (auto const read = read_answers(exchange, what); !read) return read;
  if (exchange.end.error != 0) return std::unexpected{error_of(exchange.end, what)};
  return {};
}

Result<void> GenericSocket::dump(Bytes request, std::string_view what, std::function<void()> const& on_start,
                                 OnMessage const& on_message) {
  for (int attempt = 0; attempt < kDumpAttempts; ++attempt) {
    on_start();
    if (auto const sent = hand_over(request, NLM_F_DUMP, what); !sent) return sent;
    Exchange exchange{.on_message = &on_message};
    if (auto const read = read_answers(exchange, what); !read) return read;
    if (exchange.end.error != 0) return std::unexpected{error_of(exchange.end, what)};
    if (!exchange.interrupted) return {};
  }
  return failure(ErrorKind::unavailable, std::string{what} + ": the set kept changing while it was read");
}

Result<void> GenericSocket::send(Bytes request, std::string_view what) {
  // Refusals come back unasked and would fill the buffer in the end.
  if (++unread_sends_ >= kSendsBetweenReads) count_refusals();
  return hand_over(request, 0, what);
}

void GenericSocket::wipe_answers() { ::explicit_bzero(buffer_.data(), buffer_.size()); }

void GenericSocket::count_refusals() {
  unread_sends_ = 0;
  while (auto const datagram = receive(MSG_DONTWAIT, {})) {
    MessageCursor cursor{*datagram};
    for (auto message = cursor.next(); message && *message; message = cursor.next()) {
      auto const end = decode_acknowledgement(**message);
      if (end && *end && (*end)->error != 0) ++refused_sends_;
    }
  }
}

Result<void> GenericSocket::hand_over(Bytes& request, std::uint16_t flags, std::string_view what) {
  std::uint16_t own_flags = 0;
  std::memcpy(&own_flags, request.data() + offsetof(nlmsghdr, nlmsg_flags), sizeof own_flags);
  overwrite(request, offsetof(nlmsghdr, nlmsg_flags), static_cast<std::uint16_t>(own_flags | flags));
  overwrite(request, offsetof(nlmsghdr, nlmsg_seq), ++sequence_);
  overwrite(request, offsetof(nlmsghdr, nlmsg_pid), socket_.port());
  last_error_ = 0;
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  for (;;) {
    auto const sent = ::sendto(socket_.fd(), request.data(), request.size(), 0,
                               reinterpret_cast<sockaddr const*>(&kernel), sizeof kernel);
    if (sent >= 0) return {};
    if (errno != EINTR) return std::unexpected{system_error(what, errno)};
  }
}

Result<ByteView> GenericSocket::receive(int flags, std::string_view what) {
  for (;;) {
    sockaddr_nl sender{};
    socklen_t sender_size = sizeof sender;
    auto const received = ::recvfrom(socket_.fd(), buffer_.data(), buffer_.size(), flags | MSG_TRUNC,
                                     reinterpret_cast<sockaddr*>(&sender), &sender_size);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0 && errno == EAGAIN) return failure(ErrorKind::timed_out, std::string{what} + ": no answer");
    if (received < 0) return std::unexpected{system_error(what, errno)};
    if (sender.nl_pid != 0) continue; // another process
    auto const size = static_cast<std::size_t>(received);
    if (size > buffer_.size()) return failure(ErrorKind::out_of_range, std::string{what} + ": answer is too long");
    return ByteView{buffer_}.first(size);
  }
}

Result<void> GenericSocket::read_answers(Exchange& exchange, std::string_view what) {
  for (;;) {
    auto const datagram = receive(0, what);
    if (!datagram) return failure_of(datagram);
    MessageCursor cursor{*datagram};
    for (;;) {
      auto const message = cursor.next();
      if (!message) return failure_of(message);
      if (!*message) break;
      auto const end = decode_acknowledgement(**message);
      if (!end) return failure_of(end);
      if ((*message)->sequence != sequence_) {
        if (*end && (*end)->error != 0) ++refused_sends_;
        continue;
      }
      exchange.interrupted = exchange.interrupted || ((*message)->flags & NLM_F_DUMP_INTR) != 0;
      if (*end) {
        last_error_ = (*end)->error;
        exchange.end = **end;
        return {};
      }
      if (*exchange.on_message) (*exchange.on_message)(**message);
    }
  }
}

} // namespace weave::datapath::netlink
